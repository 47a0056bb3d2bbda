/**
 * The certificate authority of this installation, made once and kept outside the project. Containers trust it; its key
 * never leaves the host, where the processes of the door hold it.
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join, posix } from "node:path";
import tls from "node:tls";
import { makeAuthority, newKey } from "../../../packages/certificates/certificate.ts";
import { inside } from "../../../protocol/layout.ts";
import type { Clock } from "../../../src/lib/clock.ts";
import { Misuse } from "../../../src/lib/errors.ts";
import type { AuthorityText } from "./leaves.ts";

const DAY = 24 * 3_600_000;
const LIFE = 3_650 * DAY;
/** It is made anew when so much is left: containers that run meanwhile have to trust it to their end. */
const RENEW = 60 * DAY;

/** @param dir made if it is missing @throws Misuse where what is there can't be used */
export function loadAuthority(dir: string, clock: Clock): AuthorityText {
  const file = join(dir, "door-authority.pem");
  const text = read(file);
  const now = clock.now();
  if (text !== null) {
    const authority = parse(file, text);
    if (Date.parse(new X509Certificate(authority.certificate).validTo) - now > RENEW) return authority;
  }
  const key = newKey();
  const validity = { from: new Date(now - DAY), to: new Date(now + LIFE) };
  const { certificate } = makeAuthority("NanoClaw, this machine only", key, validity);
  const authority = { key: key.export({ type: "pkcs8", format: "pem" }).toString(), certificate };
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  // Key and certificate in one file: neither is ever there without the other.
  writeFileSync(`${file}.new`, authority.key + authority.certificate, { mode: 0o600 });
  renameSync(`${file}.new`, file);
  return authority;
}

/** What containers get of it: by itself, and together with everybody's whom this machine trusts. */
export function trustFiles({ certificate }: AuthorityText): Record<string, string> {
  const all = [certificate, ...tls.getCACertificates("default"), ...tls.getCACertificates("system")];
  const bundle = [...new Set(all.map((text) => text.trim()))].join("\n");
  return { [posix.basename(inside.ownAuthority)]: certificate, [posix.basename(inside.authorities)]: `${bundle}\n` };
}

function read(file: string): string | null {
  try {
    if ((statSync(file).mode & 0o077) !== 0) {
      throw new Misuse(
        `other users can read ${file}, the key of this installation's certificates`,
        `Run: chmod 600 ${file}`,
      );
    }
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

function parse(file: string, text: string): AuthorityText {
  const [key, certificate] = text.match(/-----BEGIN [A-Z ]+-----[^-]+-----END [A-Z ]+-----\n/g) ?? [];
  try {
    if (!key || !certificate) throw new Error("it is not whole");
    if (!new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key)))
      throw new Error("they do not belong together");
    return { key, certificate };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Misuse(
      `${file}, the key of this installation's certificates, can't be used: ${why}`,
      "Move it away; a new one is made, and containers trust it from their next start.",
    );
  }
}
