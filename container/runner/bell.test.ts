import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Door, openDoor } from "../../test/support/runner/host.ts";
import { Bell } from "./bell.ts";

let folder = "";
before(() => {
  folder = mkdtempSync(join(tmpdir(), "bell-"));
});
after(() => rmSync(folder, { recursive: true }));

const soon = (ms = 60) => new Promise((resolve) => setTimeout(resolve, ms));
async function until(test: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 5000; !test(); ) {
    if (Date.now() > deadline) throw new Error("it never came true");
    await soon(5);
  }
}

describe("the bell", () => {
  it("rings both ways when it connects, then with every ring", async () => {
    const path = join(folder, "a.sock");
    let heard = 0;
    let rung = 0;
    const door = await openDoor(path, () => heard++);
    const bell = new Bell(path, () => rung++);
    await until(() => heard === 1 && rung === 1);
    bell.ring();
    await until(() => heard === 2);
    door.ring();
    await until(() => rung === 2);
    bell.close();
    await door.close();
  });

  it("merges rings that nobody has heard yet", async () => {
    const path = join(folder, "b.sock");
    let bytes = 0;
    const door = await openDoor(path, (count) => {
      bytes += count;
    });
    let rung = 0;
    const bell = new Bell(path, () => rung++);
    await until(() => rung === 1);
    for (let i = 0; i < 10_000; i++) bell.ring();
    await soon();
    assert.ok(bytes < 2000, `${bytes} bytes`);
    bell.close();
    await door.close();
  });

  it("waits for a host that is not there yet, and finds it again after a restart", async () => {
    const path = join(folder, "c.sock");
    let rung = 0;
    const bell = new Bell(path, () => rung++);
    bell.ring();
    await soon();
    let door: Door = await openDoor(path, () => {});
    await until(() => rung === 1);
    await door.close();
    door = await openDoor(path, () => {});
    await until(() => rung === 2);
    bell.close();
    await door.close();
  });

  it("tries again when the door answers something else", async () => {
    const path = join(folder, "d.sock");
    let rung = 0;
    const closed = await openDoor(path, () => {}, "HTTP/1.1 503 Service Unavailable\r\n\r\n");
    const bell = new Bell(path, () => rung++);
    await soon(100);
    assert.equal(rung, 0);
    await closed.close();
    const door = await openDoor(path, () => {});
    await until(() => rung === 1);
    bell.close();
    await door.close();
  });
});
