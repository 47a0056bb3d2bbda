import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { upload } from "./upload.ts";

let folder = "";
let host: Server;
const got: { url: string; length: string; encoding: string | undefined; bytes: number; hash: string }[] = [];
before(async () => {
  folder = mkdtempSync(join(tmpdir(), "upload-"));
  mkdirSync(join(folder, "work/sub"), { recursive: true });
  host = createServer(async (asked, answer) => {
    if (asked.url?.endsWith("/full")) {
      answer.writeHead(413).end(JSON.stringify({ error: "there is no room" }));
      return void asked.resume();
    }
    if (asked.url?.endsWith("/rude")) return void asked.socket.destroy();
    const hash = createHash("sha256");
    let bytes = 0;
    for await (const chunk of asked) {
      hash.update(chunk);
      bytes += chunk.length;
    }
    const { "content-length": length = "", "transfer-encoding": encoding } = asked.headers;
    got.push({ url: asked.url ?? "", length, encoding, bytes, hash: hash.digest("hex") });
    answer.writeHead(200).end(JSON.stringify({ file: `id-${got.length}` }));
  });
  await new Promise<void>((resolve) => host.listen(join(folder, "s"), resolve));
});
after(() => {
  host.close();
  host.closeAllConnections();
  rmSync(folder, { recursive: true });
});

const workspace = () => join(folder, "work");
const send = (path: string, signal = new AbortController().signal) =>
  upload(path, { workspace: workspace(), socket: join(folder, "s") }, signal);

describe("a file that the agent sends", () => {
  it("reaches the host as the bytes that it is, by its name, empty or large", async () => {
    const large = Buffer.alloc(20_000_000, "0123456789");
    writeFileSync(join(workspace(), "sub/a b ü.txt"), large);
    writeFileSync(join(workspace(), "empty"), "");
    assert.equal(await send("sub/a b ü.txt"), "id-1");
    assert.equal(await send(join(workspace(), "empty")), "id-2");
    const [first, second] = got;
    assert.equal(first?.url, "/nanoclaw/files/a%20b%20%C3%BC.txt");
    assert.equal(first?.length, "20000000");
    assert.equal(first?.encoding, undefined);
    assert.equal(first?.hash, createHash("sha256").update(large).digest("hex"));
    assert.equal(second?.bytes, 0);
  });

  it("is refused with words where it can't be sent", async () => {
    writeFileSync(join(folder, "secret"), "x");
    symlinkSync(join(folder, "secret"), join(workspace(), "link"));
    writeFileSync(join(workspace(), "huge"), "");
    truncateSync(join(workspace(), "huge"), 50_000_001);
    for (const name of ["full", "rude"]) writeFileSync(join(workspace(), name), Buffer.alloc(3_000_000));
    const cases: [string, RegExp][] = [
      ["none", /none is not there$/],
      ["sub", /sub is a directory/],
      ["huge", /50000001 bytes, at most 50000000/],
      ["../secret", /outside the workspace/],
      ["link", /outside the workspace/],
      ["/etc/passwd", /outside the workspace/],
      [".", /outside the workspace|directory/],
      ["full", /full could not be sent: there is no room/],
      ["rude", /rude could not be sent: /],
    ];
    for (const [path, words] of cases) await assert.rejects(send(path), words, path);
  });

  it("is broken off with its turn", async () => {
    writeFileSync(join(workspace(), "slow"), "x");
    const deaf = createServer(() => {}).listen(join(folder, "deaf"));
    const turn = new AbortController();
    const sent = upload("slow", { workspace: workspace(), socket: join(folder, "deaf") }, turn.signal);
    setTimeout(() => turn.abort(), 100);
    await assert.rejects(sent, /could not be sent/);
    deaf.close();
    deaf.closeAllConnections();
  });
});
