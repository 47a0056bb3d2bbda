/**
 * Messages that a host takes in, keeps, routes and has answered each second, for as long as one wants: every session has
 * a fixed number of messages under way and says the next when one is answered. The null provider's share is nothing.
 * Every session was answered once before the clock starts, so that no figure rests on who was first.
 */
import { BenchHost, type Sent } from "./bench-host.ts";
import { percentiles, type Section, single, wallClock } from "./stats.ts";

/** Messages under way at a time in each session: enough that the host is never without work. */
const UNDER_WAY: Record<number, number> = { 1: 16, 10: 4, 100: 1 };
/** Sessions that can all have a container at once. */
const WARM = 12;
/** A message without an answer for so long means that something is broken, milliseconds. */
const LOST = 10 * 60_000;

/** @param seconds how long messages are sent; those under way at the end are waited for and not counted */
export async function throughput(sessions: number, seconds: number): Promise<Section> {
  const host = new BenchHost();
  await host.start("null", sessions);
  try {
    const answers = new Answers();
    host.channel.onSend = (sent) => {
      answers.came(sent);
      // What was measured is not kept: in half an hour it would be a million messages.
      host.channel.sent.length = 0;
    };
    const ask = async (chat: string) => {
      const { id, calledAt, acceptedAt } = await host.say(chat, "hello");
      const sentAt = await answers.to(id);
      return { accepted: acceptedAt - calledAt, answered: sentAt - calledAt, sentAt };
    };
    const chats = Array.from({ length: sessions }, (_, i) => `c${i}`);
    const cold = wallClock();
    await Promise.all(chats.map(ask));
    const warm = wallClock() - cold;

    const accepted: number[] = [];
    const answered: number[] = [];
    const perChat = new Map(chats.map((chat) => [chat, 0]));
    const end = wallClock() + seconds * 1000;
    const worker = async (chat: string) => {
      while (wallClock() < end) {
        const one = await ask(chat);
        if (one.sentAt > end) break;
        accepted.push(one.accepted);
        answered.push(one.answered);
        perChat.set(chat, (perChat.get(chat) ?? 0) + 1);
      }
    };
    const underWay = UNDER_WAY[sessions] ?? 1;
    await Promise.all(chats.flatMap((chat) => Array.from({ length: underWay }, () => worker(chat))));
    if (answered.length === 0) throw new Error(`no answer in ${seconds} s`);
    const counts = [...perChat.values()];
    const how =
      sessions > WARM ? `${WARM} containers for them all, by the fair queue` : "each with its container, warm";
    return {
      name: `throughput, ${sessions} session${sessions > 1 ? "s" : ""} (${how}), ${underWay} under way in each, ${seconds} s`,
      rows: [
        single("accepted, durable, routed and answered", "messages/s", answered.length / seconds),
        percentiles("accept called -> accepted", "ms", accepted),
        percentiles("accept called -> channel send", "ms", answered),
        single("before that: every session answered once, cold", "s", warm / 1000),
        single("answers of the session with the fewest", "messages", Math.min(...counts)),
        single("answers of the session with the most", "messages", Math.max(...counts)),
        single("resident at the end, the bench included", "MB", process.memoryUsage.rss() / 2 ** 20),
      ],
    };
  } finally {
    await host.stop();
  }
}

/** When each message was answered; an answer may come before anybody asks for it. */
class Answers {
  readonly #came = new Map<string, number>();
  readonly #waiting = new Map<string, (at: number) => void>();

  came({ answers, at }: Sent): void {
    for (const id of answers) {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (waiting) waiting(at);
      else this.#came.set(id, at);
    }
  }

  to(id: string): Promise<number> {
    const early = this.#came.get(id);
    this.#came.delete(id);
    if (early !== undefined) return Promise.resolve(early);
    return new Promise((resolve, reject) => {
      const lost = setTimeout(() => reject(new Error(`no answer to ${id} in ${LOST / 60_000} minutes`)), LOST);
      this.#waiting.set(id, (at) => {
        clearTimeout(lost);
        resolve(at);
      });
    });
  }
}
