import assert from "node:assert/strict";
import { BlockList, isIP } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { parseAddress, writeAddress } from "./address.ts";
import { parseAuthority, parseHost } from "./host.ts";
import { specialKind } from "./ranges.ts";

const ipv4 = fc.ipV4();
const ipv6 = fc.ipV6();

test("an address is what Node takes for one too, zones and leading zeros left out", () => {
  fc.assert(
    fc.property(fc.oneof(ipv4, ipv6, fc.stringMatching(/^[0-9a-f:.x]{1,20}$/)), (text) => {
      assert.equal(parseAddress(text)?.version ?? 0, isIP(text));
    }),
    { numRuns: 5_000 },
  );
  for (const odd of [
    "fe80::1%eth0",
    "01.2.3.4",
    "1.2.3",
    "1.2.3.4.5",
    "0x7f.0.0.1",
    "::1.2.3.4:5",
    "1.2.3.4::",
    "1.2.3.4::1.2.3.4",
    "1::2::3",
    "",
  ]) {
    assert.equal(parseAddress(odd), null, odd);
  }
});

test("an address is written in one way, which is read as the same address again", () => {
  fc.assert(
    fc.property(fc.oneof(ipv4, ipv6), (text) => {
      const address = parseAddress(text);
      assert.ok(address);
      const written = writeAddress(address);
      assert.deepEqual(parseAddress(written), address);
      if (address.version === 6) assert.equal(`[${written}]`, new URL(`http://[${text}]/`).host);
    }),
    { numRuns: 3_000 },
  );
});

const special: Record<string, string[]> = {
  loopback: ["127.0.0.1", "127.255.255.255", "::1"],
  private: ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"],
  "link-local": ["169.254.0.1", "fe80::1", "febf::1"],
  metadata: ["169.254.169.254", "100.100.100.200", "168.63.129.16", "fd00:ec2::254"],
  "shared (CGNAT)": ["100.64.0.1", "100.127.255.255"],
  "this network": ["0.0.0.0", "0.1.2.3"],
  multicast: ["224.0.0.1", "239.255.255.255", "ff02::1"],
  broadcast: ["255.255.255.255"],
  reserved: ["192.0.0.1", "240.0.0.1"],
  documentation: ["192.0.2.1", "198.51.100.7", "203.0.113.9", "2001:db8::1", "3fff::1"],
  benchmark: ["198.18.0.1", "198.19.255.255", "2001:2::1"],
  "unique-local": ["fc00::1", "fdff::1"],
  "site-local": ["fec0::1"],
  unspecified: ["::"],
  "IPv4-mapped": ["::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:7f00:1"],
  "IPv4-compatible": ["::127.0.0.1", "::7f00:1"],
  "IPv4-translated": ["::ffff:0:127.0.0.1"],
  NAT64: ["64:ff9b::7f00:1", "64:ff9b::169.254.169.254", "64:ff9b:1::1"],
  "6to4": ["2002:7f00:1::"],
  Teredo: ["2001:0:4136:e378:8000:63bf:3fff:fdd2"],
  "not in use": ["4000::1", "8000::1", "e000::1"],
  "no address": ["", "localhost", "1.2.3", "0x7f000001"],
};
for (const [kind, addresses] of Object.entries(special)) {
  test(`${kind}: ${addresses.join(" ")}`, () => {
    assert.deepEqual(
      addresses.map(specialKind),
      addresses.map(() => kind),
    );
  });
}

test("addresses of the public internet are none of these", () => {
  for (const address of [
    "8.8.8.8",
    "1.1.1.1",
    "100.63.255.255",
    "100.128.0.1",
    "172.32.0.1",
    "192.0.1.1",
    "198.20.0.1",
    "223.255.255.255",
    "2606:4700::1111",
    "2a00:1450:4001::1",
  ]) {
    assert.equal(specialKind(address), null, address);
  }
});

test("every private and local range is refused as a whole", () => {
  const list = new BlockList();
  const ranges: [string, number, "ipv4" | "ipv6"][] = [
    ["10.0.0.0", 8, "ipv4"],
    ["127.0.0.0", 8, "ipv4"],
    ["169.254.0.0", 16, "ipv4"],
    ["172.16.0.0", 12, "ipv4"],
    ["192.168.0.0", 16, "ipv4"],
    ["100.64.0.0", 10, "ipv4"],
    ["224.0.0.0", 3, "ipv4"],
    ["fc00::", 7, "ipv6"],
    ["fe80::", 10, "ipv6"],
    ["2002::", 16, "ipv6"],
  ];
  for (const [base, bits, family] of ranges) list.addSubnet(base, bits, family);
  fc.assert(
    fc.property(fc.oneof(ipv4, ipv6), (text) => {
      if (list.check(text, text.includes(":") ? "ipv6" : "ipv4")) assert.notEqual(specialKind(text), null, text);
    }),
    { numRuns: 5_000 },
  );
});

test("what ends in a number is an address in the usual notation, or nothing", () => {
  const odd = [
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "127.1",
    "0x7f.1",
    "1.2.3.0x4",
    "example.0x",
    "a.1",
    "127.0.0.1.",
    "017700000001",
  ];
  assert.deepEqual(
    odd.map(parseHost),
    odd.map(() => null),
  );
  fc.assert(
    fc.property(fc.webUrl({ validSchemes: ["http"] }), (url) => {
      const { hostname } = new URL(url);
      const host = parseHost(hostname);
      if (host) assert.equal(host.host, hostname.replace(/\.$/, ""));
    }),
  );
});

test("names are lower case and without a dot at the end; what no name may hold is none", () => {
  assert.deepEqual(parseHost("API.Example.ORG."), { kind: "name", host: "api.example.org" });
  assert.deepEqual(parseHost("xn--bcher-kva.example"), { kind: "name", host: "xn--bcher-kva.example" });
  assert.deepEqual(parseHost("[2A00::0:1]"), { kind: "address", host: "2a00::1" });
  const bad = [
    "",
    ".",
    "a..b",
    "a b",
    "a/b",
    "user@a",
    "a%00b",
    "bücher.example",
    "-a",
    "a-",
    "[1.2.3.4]",
    "[::1",
    "::1",
    "a\r\nb",
    `${"a".repeat(64)}.org`,
    `${"a.".repeat(130)}org`,
  ];
  assert.deepEqual(
    bad.map(parseHost),
    bad.map(() => null),
  );
});

test("an authority has a port where one must be named", () => {
  assert.deepEqual(parseAuthority("a.test:443", null), { kind: "name", host: "a.test", port: 443 });
  assert.deepEqual(parseAuthority("[::1]:8080", null), { kind: "address", host: "::1", port: 8080 });
  assert.deepEqual(parseAuthority("a.test", 80)?.port, 80);
  for (const bad of [
    "a.test",
    "a.test:",
    "a.test:0",
    "a.test:65536",
    "a.test:x",
    "a.test:1:2",
    "::1:443",
    "u@a.test:1",
    "a.test:+1",
  ]) {
    assert.equal(parseAuthority(bad, null), null, bad);
  }
});
