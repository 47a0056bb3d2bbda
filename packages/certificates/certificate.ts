/** Makes X.509 certificates (RFC 5280) with P-256 keys: of an authority that signs servers only, and of such servers. */
import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from "node:crypto";
import { isIP } from "node:net";
import { bits, boolean, explicit, implicit, integer, octets, oid, partsOf, sequence, set, time, utf8 } from "./der.ts";

/** What signs others. */
export interface Authority {
  key: KeyObject;
  /** PEM. */
  certificate: string;
}

export interface Validity {
  from: Date;
  to: Date;
}

const ECDSA_SHA256 = sequence(oid("1.2.840.10045.4.3.2"));

export const newKey = (): KeyObject => generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;

/** A certificate that signs itself, good for signing servers' ones and for nothing below them. */
export function makeAuthority(name: string, key: KeyObject, validity: Validity): Authority {
  const subject = nameOf(name);
  const extensions = [
    extension("2.5.29.19", true, sequence(boolean(true), integer(Buffer.from([0])))),
    // keyCertSign, and nothing else.
    extension("2.5.29.15", true, bits(Buffer.from([0x04]), 2)),
    extension("2.5.29.14", false, octets(keyId(key))),
  ];
  return { key, certificate: issue({ key, issuer: subject, subject, subjectKey: key, validity, extensions }) };
}

/** @param host a name or an IP address @returns PEM, of the server alone */
export function makeServerCertificate(authority: Authority, host: string, key: KeyObject, validity: Validity): string {
  const issuer = subjectOf(authority.certificate);
  const extensions = [
    extension("2.5.29.19", true, sequence()),
    // digitalSignature
    extension("2.5.29.15", true, bits(Buffer.from([0x80]), 7)),
    extension("2.5.29.37", false, sequence(oid("1.3.6.1.5.5.7.3.1"))),
    extension("2.5.29.35", false, sequence(implicit(0, keyId(authority.key)))),
    extension("2.5.29.14", false, octets(keyId(key))),
    // Critical, because the subject is empty: a common name could not hold every host.
    extension(
      "2.5.29.17",
      true,
      sequence(isIP(host) ? implicit(7, addressBytes(host)) : implicit(2, Buffer.from(host))),
    ),
  ];
  return issue({ key: authority.key, issuer, subject: sequence(), subjectKey: key, validity, extensions });
}

interface Issue {
  key: KeyObject;
  issuer: Buffer;
  subject: Buffer;
  subjectKey: KeyObject;
  validity: Validity;
  extensions: Buffer[];
}

function issue({ key, issuer, subject, subjectKey, validity, extensions }: Issue): string {
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  const body = sequence(
    explicit(0, integer(Buffer.from([2]))),
    integer(serial),
    ECDSA_SHA256,
    issuer,
    sequence(time(validity.from), time(validity.to)),
    subject,
    publicKey(subjectKey),
    explicit(3, sequence(...extensions)),
  );
  const der = sequence(body, ECDSA_SHA256, bits(sign("sha256", body, key)));
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

const extension = (id: string, critical: boolean, value: Buffer) =>
  sequence(oid(id), ...(critical ? [boolean(true)] : []), octets(value));
const nameOf = (name: string) => sequence(set(sequence(oid("2.5.4.3"), utf8(name))));
const publicKey = (key: KeyObject) => createPublicKey(key).export({ type: "spki", format: "der" });
const keyId = (key: KeyObject) => createHash("sha1").update(publicKey(key)).digest();

/** As it stands there: the issuer of what it signs has to be the same, byte by byte. */
function subjectOf(certificate: string): Buffer {
  const [body = new Uint8Array()] = partsOf(new X509Certificate(certificate).raw);
  // version, serial number, algorithm, issuer, validity, subject
  return Buffer.from(partsOf(body)[5] ?? []);
}

function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split(".").map(Number));
  const [head = "", tail] = address.split("::").map((half) => half.split(":").filter(Boolean));
  const words = [...head, ...Array.from({ length: 8 - head.length - (tail?.length ?? 0) }, () => "0"), ...(tail ?? [])];
  return Buffer.from(words.flatMap((word) => [Number.parseInt(word, 16) >> 8, Number.parseInt(word, 16) & 255]));
}
