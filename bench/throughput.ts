/**
 * Messages that a host takes in, keeps, routes and has answered each second, for as long as one wants: every session has
 * a fixed number of messages under way and says the next when one is answered. The null provider's share is nothing.
 */
import { BenchHost } from "./bench-host.ts";
import { percentiles, type Section, single, wallClock } from "./stats.ts";

/** Messages under way at a time in each session: enough that the host is never without work. */
const UNDER_WAY: Record<number, number> = { 1: 16, 10: 4, 100: 1 };
/** Sessions that can all have a container: these are warm before the clock starts. */
const WARM = 12;

/** @param seconds how long messages are sent; those under way at the end are waited for and not counted */
export async function throughput(sessions: number, seconds: number): Promise<Section> {
  const host = new BenchHost();
  await host.start("null", sessions);
  try {
    const waiting = new Map<string, (at: number) => void>();
    host.channel.onSend = ({ answers, at }) => {
      for (const id of answers) waiting.get(id)?.(at);
    };
    const ask = async (chat: string) => {
      const { id, calledAt, acceptedAt } = await host.say(chat, "hello");
      const sentAt = await new Promise<number>((resolve) => {
        // A fast answer may have come before `accept` returned.
        const early = host.channel.sent.findLast(({ answers }) => answers.includes(id));
        if (early) resolve(early.at);
        else waiting.set(id, resolve);
      });
      waiting.delete(id);
      return { accepted: acceptedAt - calledAt, answered: sentAt - calledAt, sentAt };
    };
    const chats = Array.from({ length: sessions }, (_, i) => `c${i}`);
    if (sessions <= WARM) await Promise.all(chats.map(ask));

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
        single("answers of the session with the fewest", "messages", Math.min(...counts)),
        single("answers of the session with the most", "messages", Math.max(...counts)),
      ],
    };
  } finally {
    await host.stop();
  }
}
