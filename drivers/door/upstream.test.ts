import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { isModelAddress } from "../../src/gateway/model-choice.ts";
import { Misuse } from "../../src/lib/errors.ts";
import { checkCredential } from "./credential-check.ts";
import { ask, openDoor } from "./testing/door.ts";
import { Upstreams } from "./upstream.ts";

test("a model is reached over TLS, or on this machine, and nowhere else", () => {
  const good = [
    "https://api.example.org",
    "https://api.example.org/base",
    "http://127.0.0.1:8080",
    "http://[::1]:1",
    "unix:/run/m.sock",
  ];
  const bad = [
    "http://api.example.org",
    "http://10.0.0.1",
    "ftp://x",
    "unix:m.sock",
    "",
    "https://user:pass@x.org",
    "file:///etc/passwd",
  ];
  assert.deepEqual([...good, ...bad].filter(isModelAddress), good);
  assert.throws(() => new Upstreams().to({ address: "http://api.example.org" }), Misuse);
});

/** An HTTPS server with a certificate that only it knows. */
async function secureServer(t: TestContext): Promise<{ address: string; certificate: string; paths: string[] }> {
  const dir = mkdtempSync(join(tmpdir(), "tls-"));
  t.after(() => rmSync(dir, { recursive: true }));
  const [key, cert] = [join(dir, "key.pem"), join(dir, "cert.pem")];
  const names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
  execFileSync("openssl", ["req", "-x509", ...curve, "-nodes", "-days", "1", "-keyout", key, "-out", cert, ...names], {
    stdio: "ignore",
  });
  const paths: string[] = [];
  const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (request, response) => {
    paths.push(request.url ?? "");
    response.end("{}");
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return {
    address: `https://localhost:${(server.address() as AddressInfo).port}`,
    certificate: readFileSync(cert, "utf8"),
    paths,
  };
}

test("an upstream over TLS is reached below its base path; an unknown certificate is told as such", async (t) => {
  const { address, certificate, paths } = await secureServer(t);
  const trusting = await openDoor(t, { address: `${address}/base/`, trust: [certificate] });
  assert.equal((await ask(trusting.socket)).status, 200);
  assert.deepEqual(paths, ["/base/v1/messages"]);
  const wary = await openDoor(t, { address });
  const answer = await ask(wary.socket);
  assert.equal(answer.status, 502);
  assert.match(answer.body, /its TLS certificate is not trusted/);
  const verdict = await checkCredential({ address, needsCredential: true }, { kind: "api_key", secret: "a-key" });
  assert.match(verdict.ok ? "" : verdict.message, /could not be asked: its TLS certificate is not trusted/);
});

test("the roots of Node and of the system count without being named", () => {
  // That the store can be read and makes a context; whose certificates it holds is the machine's affair.
  assert.equal(new Upstreams().to({ address: "https://api.example.org" }).host, "api.example.org");
});
