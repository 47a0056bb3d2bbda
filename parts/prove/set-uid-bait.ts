/** A program of a hundred and fifty bytes that tells by its exit code whether it made somebody root: 42 where it did. */

const CODE: Partial<Record<NodeJS.Architecture, { machine: number; code: number[] }>> = {
  x64: {
    machine: 62,
    code: [
      // ebx = getuid(); eax = geteuid(); edi = eax == 0 && ebx != 0 ? 42 : 0; exit(edi)
      ...[0xb8, 102, 0, 0, 0, 0x0f, 0x05, 0x89, 0xc3, 0xb8, 107, 0, 0, 0, 0x0f, 0x05, 0x31, 0xff],
      ...[0x85, 0xc0, 0x75, 0x09, 0x85, 0xdb, 0x74, 0x05, 0xbf, 42, 0, 0, 0, 0xb8, 60, 0, 0, 0, 0x0f, 0x05],
    ],
  },
};

const ADDRESS = 0x400000;
const HEADERS = 64 + 56;

/** @returns the program, or null where it is not written for this processor */
export function setUidBait(): Buffer | null {
  const target = CODE[process.arch];
  if (!target) return null;
  const size = HEADERS + target.code.length;
  const bytes = Buffer.alloc(HEADERS);
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]).copy(bytes);
  bytes.writeUInt16LE(2, 16);
  bytes.writeUInt16LE(target.machine, 18);
  bytes.writeUInt32LE(1, 20);
  bytes.writeBigUInt64LE(BigInt(ADDRESS + HEADERS), 24);
  bytes.writeBigUInt64LE(64n, 32);
  bytes.writeUInt16LE(64, 52);
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(1, 56);
  // One segment: loaded whole, readable and executable.
  bytes.writeUInt32LE(1, 64);
  bytes.writeUInt32LE(5, 68);
  bytes.writeBigUInt64LE(BigInt(ADDRESS), 80);
  bytes.writeBigUInt64LE(BigInt(ADDRESS), 88);
  bytes.writeBigUInt64LE(BigInt(size), 96);
  bytes.writeBigUInt64LE(BigInt(size), 104);
  bytes.writeBigUInt64LE(0x1000n, 112);
  return Buffer.concat([bytes, Buffer.from(target.code)]);
}
