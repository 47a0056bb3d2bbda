import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import tls from "node:tls";
import fc from "fast-check";
import { makeAuthority, makeServerCertificate, newKey } from "./certificate.ts";
import { integer, oid, time } from "./der.ts";

const DAY = 86_400_000;
const validity = { from: new Date(Date.now() - DAY), to: new Date(Date.now() + DAY) };
const authority = makeAuthority('Test, authority="1"', newKey(), {
  ...validity,
  to: new Date(Date.now() + 4_000 * DAY),
});
const key = newKey();
const HOSTS = ["api.example.org", "127.0.0.1", "2a00::1", `${"a".repeat(60)}.${"b".repeat(60)}.example.org`];

function files(t: TestContext, texts: Record<string, string>): (name: string) => string {
  const dir = mkdtempSync(join(tmpdir(), "certificates-"));
  t.after(() => rmSync(dir, { recursive: true }));
  for (const [name, text] of Object.entries(texts)) writeFileSync(join(dir, name), text);
  return (name) => join(dir, name);
}

for (const host of HOSTS) {
  test(`a certificate for ${host.slice(0, 40)} is taken by OpenSSL, strictly, and for that host only`, (t) => {
    const pem = makeServerCertificate(authority, host, key, validity);
    const file = files(t, { ca: authority.certificate, leaf: pem });
    const name = /[^\d.]/.test(host) && !host.includes(":") ? "-verify_hostname" : "-verify_ip";
    const verify = (wanted: string) =>
      execFileSync(
        "openssl",
        ["verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", file("ca"), name, wanted, file("leaf")],
        { encoding: "utf8", stdio: "pipe" },
      );
    assert.match(verify(host), /: OK/);
    assert.throws(() => verify(name === "-verify_ip" ? "192.0.2.7" : "other.example.org"));
    const read = new X509Certificate(pem);
    assert.ok(read.checkIssued(new X509Certificate(authority.certificate)) && !read.ca);
  });
}

test("an authority signs servers, and nothing below them", () => {
  const own = new X509Certificate(authority.certificate);
  assert.ok(own.ca && own.verify(own.publicKey));
  assert.match(
    execFileSync("openssl", ["x509", "-noout", "-text"], { input: authority.certificate, encoding: "utf8" }),
    /pathlen:0[\s\S]*Certificate Sign\n/,
  );
});

test("a key that was written and read again signs what its certificate proves", () => {
  const pem = authority.key.export({ type: "pkcs8", format: "pem" });
  const again = { ...authority, key: createPrivateKey(pem) };
  const leaf = new X509Certificate(makeServerCertificate(again, "a.test", key, validity));
  assert.ok(leaf.verify(new X509Certificate(authority.certificate).publicKey));
});

test("a TLS client that trusts the authority connects", async (t) => {
  const server = tls.createServer({
    key: key.export({ type: "pkcs8", format: "pem" }),
    cert: makeServerCertificate(authority, "a.test", key, validity),
  });
  server.on("secureConnection", (socket) => socket.end("hello"));
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const client = tls.connect({ port, host: "127.0.0.1", servername: "a.test", ca: authority.certificate });
  assert.equal(String((await once(client, "data"))[0]), "hello");
});

test("numbers are written as DER wants them", () => {
  assert.equal(oid("1.2.840.10045.4.3.2").toString("hex"), "06082a8648ce3d040302");
  assert.equal(integer(Buffer.from([0, 0, 0x80])).toString("hex"), "02020080");
  assert.equal(integer(Buffer.from([0, 0])).toString("hex"), "020100");
  assert.equal(time(new Date("2049-12-31T23:59:59Z")).toString("latin1").slice(2), "491231235959Z");
  assert.equal(time(new Date("2050-01-01T00:00:00.9Z")).toString("latin1").slice(2), "20500101000000Z");
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 130n }), (value) => {
      const hex = value.toString(16);
      const der = integer(Buffer.from(hex.length % 2 ? `0${hex}` : hex, "hex"));
      assert.equal(BigInt(`0x${der.subarray(2).toString("hex")}`), value);
      assert.ok(((der[2] ?? 0) & 0x80) === 0);
    }),
  );
});
