/**
 * What every channel keeps, whatever its platform: nothing is acknowledged before it is durable, what was not taken
 * comes again, and a message that is sent ends in a receipt or in the error that tells who must act.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type {
  Acceptance,
  ButtonPress,
  Channel,
  ChannelEvent,
  ChannelHost,
  OutgoingMessage,
} from "../../../src/channels/channel.ts";
import { messageOf, Rejected, Retryable, Unknown } from "../../../src/lib/errors.ts";
import type { Fault, Platform } from "./platform.ts";
import { watchStdout } from "./stdout.ts";

const PATIENCE = 15_000;

/** @param make a platform of its own for each test, and a chat with the agent in it */
export function channelConformance(name: string, make: () => Promise<Platform>): void {
  const check = (behaviour: string, run: (room: Room, t: TestContext) => Promise<void>) =>
    test(`${name}: ${behaviour}`, async (t) => {
      const room = new Room(await make());
      const stdout = watchStdout();
      t.after(async () => {
        stdout.end();
        await room.close();
      });
      await run(room, t);
      assert.deepEqual(stdout.written, [], "a channel writes nothing to standard output");
    });

  check("what a person says arrives once, with who, where and when", async (room) => {
    await room.start();
    const { person, address } = room.platform;
    const before = Date.now();
    person.say("hello");
    await room.until(() => room.platform.taken("hello"));
    const [event, ...others] = room.events;
    assert.ok(event);
    assert.deepEqual(others, []);
    assert.deepEqual(event.address, address);
    assert.equal(event.change, "said");
    assert.equal(event.text, "hello");
    assert.equal(event.revision, 0);
    assert.match(event.user, new RegExp(`^${address.channel}:.`));
    assert.notEqual(event.platformId, "");
    assert.ok(Math.abs(event.at - before) < 60_000, `at ${event.at}`);
  });

  check("the platform is told only after the host has it", async (room) => {
    const release = room.holdAccept();
    await room.start();
    room.platform.person.say("wait");
    await room.until(() => room.events.length === 1);
    await sleep(100);
    assert.equal(room.platform.taken("wait"), false);
    release();
    await room.until(() => room.platform.taken("wait"));
  });

  check("what the host could not take comes again as the same event, and before what was said later", async (room) => {
    room.refusals = 2;
    await room.start();
    room.platform.person.say("first");
    await room.until(() => room.events.length >= 1);
    room.platform.person.say("second");
    await room.until(() => room.platform.taken("first") && room.platform.taken("second"));
    const firsts = room.events.filter(({ text }) => text === "first");
    assert.ok(firsts.length >= 3);
    assert.equal(new Set(firsts.map(({ platformId, revision }) => `${platformId}/${revision}`)).size, 1);
  });

  check("stopping takes nothing more in and waits for the host; a restart takes what was left", async (room) => {
    const channel = await room.start();
    assert.equal(channel.health().state, "up");
    const release = room.holdAccept();
    room.platform.person.say("under way");
    await room.until(() => room.events.length === 1);
    let stopped = false;
    const stopping = channel.stop().then(() => {
      stopped = true;
    });
    await sleep(50);
    assert.equal(stopped, false);
    release();
    await stopping;
    assert.notEqual(channel.health().state, "up");
    const before = room.events.length;
    room.platform.person.say("later");
    await sleep(100);
    assert.equal(room.events.length, before);
    await room.start();
    await room.until(() => room.platform.taken("under way") && room.platform.taken("later"));
  });

  check("a message is shown and has a receipt with the platform's id", async (room) => {
    const channel = await room.start();
    const { platformId } = await channel.send(room.platform.address, saying("good day"), "key-1");
    assert.deepEqual(room.platform.shown(), [{ platformId, text: "good day" }]);
  });

  check("a message as long as can be is shown whole, pairs of code units included", async (room) => {
    const channel = await room.start();
    const { maxLength } = channel.capabilities;
    const text = "😀".repeat(Math.floor(maxLength / 2)) + "x".repeat(maxLength % 2);
    await channel.send(room.platform.address, saying(text), "key-1");
    assert.deepEqual(
      room.platform.shown().map((message) => message.text),
      [text],
    );
  });

  check("a repeated key shows once where the channel says so", async (room, t) => {
    const channel = await room.start();
    if (channel.capabilities.idempotency.kind !== "key") return t.skip("it has no keys");
    const first = await channel.send(room.platform.address, saying("once"), "key-1");
    assert.deepEqual(await channel.send(room.platform.address, saying("once"), "key-1"), first);
    assert.equal(room.platform.shown().length, 1);
  });

  const ends: [Fault, typeof Retryable | typeof Rejected | typeof Unknown][] = [
    ["down", Retryable],
    ["too fast", Retryable],
    ["refused", Rejected],
    ["answer lost", Unknown],
    ["no answer", Unknown],
  ];
  for (const [fault, expected] of ends) {
    check(`a message that meets "${fault}" ends ${expected.name}, and the next one goes`, async (room, t) => {
      const channel = await room.start();
      if (!room.platform.fail) return t.skip("it cannot fail");
      await room.platform.fail(fault);
      const error = await channel.send(room.platform.address, saying("lost?"), "key-1").then(
        () => null,
        (thrown: unknown) => thrown,
      );
      assert.ok(error instanceof expected, `${fault}: ${error ? `${error}` : "it was sent"}`);
      assert.ok(error.message.length > 10, "it says what happened");
      if (fault === "too fast") assert.ok(error instanceof Retryable && (error.after ?? 0) > 0, "and how long to wait");
      const arrived = room.platform.shown().length;
      assert.equal(arrived > 0, fault === "answer lost", "only what is unknown may have arrived");
      await room.platform.repair?.();
      await room.sendAtLast(channel, saying("here"), "key-2");
      assert.equal(room.platform.shown().at(-1)?.text, "here");
    });
  }

  check("its health tells when the platform is away, and when it is back", async (room, t) => {
    const channel = await room.start();
    assert.equal(channel.health().state, "up");
    if (!room.platform.fail) return t.skip("it cannot fail");
    if (room.platform.silent) return t.skip("it can't know soon");
    await room.platform.fail("down");
    await room.until(() => channel.health().state === "down");
    assert.notEqual(channel.health().detail, "");
    await room.platform.repair?.();
    await room.until(() => channel.health().state === "up");
    room.platform.person.say("are you back");
    await room.until(() => room.platform.taken("are you back"));
  });

  check("it starts while the platform is away, and connects by itself", async (room, t) => {
    if (!room.platform.fail) return t.skip("it cannot fail");
    await room.platform.fail("down");
    const channel = await room.start();
    assert.notEqual(channel.health().state, "up");
    await room.platform.repair?.();
    await room.until(() => channel.health().state === "up");
  });

  check("stopped while it starts, it takes nothing in", async (room) => {
    const channel = room.platform.open();
    const starting = channel.start(room.host).catch(() => {});
    await channel.stop();
    await starting;
    assert.notEqual(channel.health().state, "up");
    room.platform.person.say("too late");
    await sleep(100);
    assert.deepEqual(room.events, []);
  });

  check("what it shows at its best effort never throws, also when the platform is away", async (room) => {
    const channel = await room.start();
    await room.platform.fail?.("down");
    channel.draft?.(room.platform.address, { turn: "t", text: "h", activity: "" });
    channel.typing?.(room.platform.address);
    await sleep(50);
  });

  check("edits of one message come with growing revisions, deletions after them", async (room, t) => {
    await room.start();
    const { person } = room.platform;
    if (!person.edit) return t.skip("people can't edit here");
    person.say("helo");
    person.edit("helo", "hello");
    person.edit("helo", "hello!");
    await room.until(() => room.events.length >= 3);
    if (person.delete) {
      person.delete("helo");
      await room.until(() => room.events.length >= 4);
    }
    const changes = ["said", "edited", "edited", "deleted"].slice(0, person.delete ? 4 : 3);
    assert.deepEqual(
      room.events.map(({ change }) => change),
      changes,
    );
    assert.deepEqual(
      room.events.slice(0, 3).map(({ text }) => text),
      ["helo", "hello", "hello!"],
    );
    assert.equal(new Set(room.events.map(({ platformId }) => platformId)).size, 1);
    const revisions = room.events.map(({ revision }) => revision);
    assert.ok(revisions.every((revision, index) => index === 0 || revision > (revisions[index - 1] ?? 0)));
    assert.ok(revisions.every(Number.isSafeInteger));
  });

  check("its own message is edited in place, and the same edit again changes nothing", async (room, t) => {
    const channel = await room.start();
    if (!channel.capabilities.edits) return t.skip("it has no edits");
    assert.ok(channel.edit, "where edits are offered there is edit()");
    const { platformId } = await channel.send(room.platform.address, saying("wrk"), "key-1");
    for (const _ of [1, 2]) await channel.edit(room.platform.address, platformId, saying("work"));
    assert.deepEqual(room.platform.shown(), [{ platformId, text: "work" }]);
  });

  check("a reaction is set, set again and taken away", async (room, t) => {
    const channel = await room.start();
    if (!channel.capabilities.reactions) return t.skip("it has no reactions");
    assert.ok(channel.react, "where reactions are offered there is react()");
    room.platform.person.say("thanks");
    await room.until(() => room.events.length === 1);
    for (const emoji of ["👍", "👍", ""]) {
      await channel.react(room.platform.address, room.events[0]?.platformId ?? "", emoji);
    }
  });

  check("a pressed button reaches the host with its value, and the person sees the answer", async (room, t) => {
    const channel = await room.start();
    const { press } = room.platform.person;
    if (!channel.capabilities.buttons) return t.skip("it has no buttons");
    assert.ok(press, "where buttons are offered they can be pressed");
    const buttons = [
      { label: "Yes", value: "y".repeat(60) },
      { label: "No", value: "no" },
    ];
    const { platformId } = await channel.send(room.platform.address, { ...saying("sure?"), buttons }, "key-1");
    assert.equal(await press(platformId, "y".repeat(60)), "noted");
    assert.deepEqual(
      room.presses.map(({ address, value }) => ({ address, value })),
      [{ address: room.platform.address, value: "y".repeat(60) }],
    );
  });

  check("buttons stand under their message, and an edit without them takes them away", async (room, t) => {
    const channel = await room.start();
    const { address, buttons: seen, person } = room.platform;
    if (!channel.capabilities.buttons) return t.skip("it has no buttons");
    assert.ok(seen, "where buttons are offered they can be looked at");
    const buttons = ["Once", "In this session", "Always", "No"].map((label, index) => ({
      ...{ label, value: `approve:123456789:${index + 1}:0123456789abcdef`, typed: `/approve 123456789 ${index + 1}` },
    }));
    const { platformId } = await channel.send(address, { ...saying("May I?"), author: "system", buttons }, "key-1");
    assert.deepEqual(seen(platformId), ["Once", "In this session", "Always", "No"]);
    await person.press?.(platformId, buttons[2]?.value ?? "");
    assert.equal(room.presses[0]?.value, "approve:123456789:3:0123456789abcdef");
    assert.match(room.presses[0]?.user ?? "", new RegExp(`^${address.channel}:.`));
    if (!channel.edit) return;
    await channel.edit(address, platformId, { ...saying("May I? Always, says Ann."), author: "system" });
    assert.deepEqual(seen(platformId), []);
    assert.deepEqual(room.platform.shown(), [{ platformId, text: "May I? Always, says Ann." }]);
  });

  check("a file that came with a message can be fetched, also after a restart", async (room, t) => {
    const channel = await room.start();
    const { attach } = room.platform.person;
    if (!attach || !channel.fetch) return t.skip("no files come in here");
    const bytes = Uint8Array.from({ length: 100_000 }, (_, index) => index % 251);
    attach("look", bytes);
    await room.until(() => room.platform.taken("look"));
    const [file] = room.events[0]?.files ?? [];
    assert.ok(file && file.name !== "" && !file.name.includes("/"));
    await channel.stop();
    const again = await room.start();
    const got: Uint8Array[] = [];
    for await (const chunk of (await again.fetch?.(file.ref)) ?? []) got.push(chunk);
    assert.deepEqual(Buffer.concat(got), Buffer.from(bytes));
  });
}

const saying = (text: string): OutgoingMessage => ({ text, author: "agent", answers: [], files: [], buttons: [] });

/** A platform with a host at the channel's other end, which records and, when told to, waits or fails. */
class Room {
  readonly platform: Platform;
  readonly events: ChannelEvent[] = [];
  readonly presses: ButtonPress[] = [];
  readonly host: ChannelHost = { accept: (event) => this.#accept(event), press: (press) => this.#press(press) };
  /** How many events are still to be thrown back. */
  refusals = 0;
  #open: Promise<void> = Promise.resolve();
  #release = () => {};
  readonly #channels: Channel[] = [];

  constructor(platform: Platform) {
    this.platform = platform;
  }

  async start(): Promise<Channel> {
    const channel = this.platform.open();
    this.#channels.push(channel);
    await channel.start(this.host);
    return channel;
  }

  /** From now on the host takes its time. @returns how to let it go on */
  holdAccept(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#open = promise;
    this.#release = resolve;
    return resolve;
  }

  async until(holds: () => boolean): Promise<void> {
    for (const end = Date.now() + PATIENCE; !holds(); ) {
      if (Date.now() > end) throw new Error(`it never came to pass: ${holds}`);
      await sleep(5);
    }
  }

  /** As the host does: what may be tried again is tried again. */
  async sendAtLast(channel: Channel, message: OutgoingMessage, key: string): Promise<void> {
    for (const end = Date.now() + PATIENCE; ; ) {
      try {
        await channel.send(this.platform.address, message, key);
        return;
      } catch (error) {
        if (!(error instanceof Retryable) || Date.now() > end) throw new Error(`not sent: ${messageOf(error)}`);
        await sleep(Math.min(error.after ?? 50, 500));
      }
    }
  }

  async close(): Promise<void> {
    this.#release();
    await Promise.all(this.#channels.map((channel) => channel.stop()));
    await this.platform.close();
  }

  async #accept(event: ChannelEvent): Promise<Acceptance> {
    this.events.push(event);
    await this.#open;
    if (this.refusals > 0) {
      this.refusals -= 1;
      throw new Retryable("the disk is full");
    }
    return { status: "accepted" };
  }

  async #press(press: ButtonPress): Promise<string> {
    this.presses.push(press);
    return "noted";
  }
}
