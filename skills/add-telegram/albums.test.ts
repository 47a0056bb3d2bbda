import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { endsWithAlbum, joinAlbums, type Numbered } from "./albums.ts";
import { readUpdate } from "./incoming.ts";
import { ANN, BOT } from "./testing/emulator.ts";

const chat = { id: ANN.id, type: "private" };
const naming = { was: (id: string) => id, platformId: (_: string, id: number) => String(id) };

function picture(update_id: number, album: string | null, more: object = {}) {
  const photo = [{ file_id: `f${update_id}`, width: 1, height: 1 }];
  const part = album === null ? {} : { media_group_id: album };
  return { update_id, message: { message_id: update_id, from: ANN, chat, date: 1, photo, ...part, ...more } };
}

test("an album is one event: the number of its first message, every file, the one caption", () => {
  const [album, other] = joinAlbums([
    picture(1, "a"),
    picture(2, "a", { caption: "the sea" }),
    picture(3, "a"),
    picture(4, "b"),
  ]);
  assert.deepEqual([album?.last, other?.last], [3, 4]);
  const read = readUpdate(album?.update, BOT, naming);
  assert.ok(read.kind === "event");
  assert.deepEqual([read.event.platformId, read.event.text], ["1", "the sea"]);
  assert.deepEqual(
    read.event.files.map(({ ref }) => ref),
    ["f1", "f2", "f3"],
  );
});

test("property: what is no album, or of another chat, stays as it was; nothing is lost and the order is kept", () => {
  const update = fc.record({ album: fc.constantFrom(null, "a", "b"), where: fc.constantFrom(1, 2) });
  fc.assert(
    fc.property(fc.array(update), (given) => {
      const updates: Numbered[] = given.map(({ album, where }, index) =>
        picture(index, album, { chat: { id: where, type: "private" } }),
      );
      const joined = joinAlbums(updates);
      const refs = joined.flatMap(({ update }) => {
        const read = readUpdate(update, BOT, naming);
        return read.kind === "event" ? read.event.files.map(({ ref }) => ref) : assert.fail(read.kind);
      });
      assert.deepEqual(
        refs,
        updates.map((_, index) => `f${index}`),
      );
      assert.equal(joined.at(-1)?.last ?? -1, updates.length - 1);
      assert.equal(endsWithAlbum(updates), (given.at(-1)?.album ?? null) !== null);
    }),
  );
  assert.deepEqual(joinAlbums([{ update_id: 7 }]), [{ update: { update_id: 7 }, last: 7 }]);
});

test("what a message answers is told with it, the marked part of it where there is one, and a command stays a command", () => {
  const read = (fields: object) => {
    const message = { message_id: 9, from: ANN, chat, date: 1, ...fields };
    const incoming = readUpdate({ update_id: 9, message }, BOT, naming);
    return incoming.kind === "event" ? incoming.event.text : incoming.kind;
  };
  const mine = { from: BOT, text: "The train\nleaves at nine." };
  assert.equal(
    read({ text: "why?", reply_to_message: mine }),
    '(In answer to your message: "The train leaves at nine.")\n\nwhy?',
  );
  assert.equal(
    read({ text: "why?", reply_to_message: mine, quote: { text: "at nine" } }),
    '(In answer to your message: "at nine")\n\nwhy?',
  );
  assert.match(
    read({ text: "why?", reply_to_message: { from: ANN, caption: "x".repeat(900) } }),
    /^\(In answer to Ann Example's message: "x{500} …"\)/,
  );
  const stop = { text: "/stop", entities: [{ type: "bot_command", offset: 0, length: 5 }] };
  assert.equal(read({ ...stop, reply_to_message: mine }), "/stop");
  assert.equal(read({ text: "hi", reply_to_message: { from: BOT, text: "a topic", forum_topic_created: {} } }), "hi");
  assert.equal(read({ text: "hi", reply_to_message: { from: ANN } }), "hi");
});
