/**
 * Files that cross the wall, on the simulated machine: fetched in its time, from platforms that may fail, and kept as real
 * ones where drivers/files keeps them. As there, one file of the same content has one name.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inside } from "../../../protocol/layout.ts";
import { MAX_FILE_BYTES } from "../../../protocol/session-socket.ts";
import { Misuse, messageOf } from "../../../src/lib/errors.ts";
import type { FedFile, FileFolders, SessionFiles } from "../../../src/sessions/files.ts";
import type { InboxRow, IncomingFile } from "../../../src/store/inbox.ts";
import type { Life } from "../base/life.ts";
import type { Machine } from "./machine.ts";

const FETCH_MS: [number, number] = [1, 800];

/** Files as one process of the host has them. */
export function filesOf(machine: Machine, life: Life): SessionFiles {
  const known = new Map<string, FedFile[] | null>();

  async function fetched(folder: FileFolders, { number, channel, files }: InboxRow): Promise<FedFile[]> {
    const dir = join(folder.inDir, "attachments", String(number));
    const one = async ({ name, type, size, ref }: IncomingFile, index: number): Promise<FedFile> => {
      try {
        if ((size ?? 0) > MAX_FILE_BYTES) throw new Misuse("it is too large");
        const content = await machine.world.call(life, FETCH_MS, () => {
          const platform = machine.platforms.find(({ id }) => id === channel);
          if (platform?.mood.kind !== "well") throw new Error("the platform does not give it");
          return `content of ${ref}`;
        });
        machine.disk.take();
        mkdirSync(dir, { recursive: true });
        writeFileSync(join(dir, `${index + 1}-${name}`), content);
        return { name, type, path: `${inside.inboundDir}/attachments/${number}/${index + 1}-${name}`, note: "" };
      } catch (error) {
        machine.world.tally.count("a file could not be fetched");
        return { name, type, path: null, note: messageOf(error) };
      }
    };
    return Promise.all(files.map(one));
  }

  return {
    of(session, folder, row, ready) {
      if (row.files.length === 0) return [];
      const key = `${session.id}:${row.number}`;
      const there = known.get(key);
      if (there !== undefined) return there;
      known.set(key, null);
      void fetched(folder, row).then((files) => {
        if (!life.alive) return;
        known.set(key, files);
        ready();
      });
      return null;
    },

    async take(folder, name, bytes) {
      life.point();
      const chunks: Uint8Array[] = [];
      for await (const chunk of bytes) chunks.push(chunk);
      const content = Buffer.concat(chunks);
      machine.disk.take();
      mkdirSync(folder.sentDir, { recursive: true });
      const id = `${createHash("sha256").update(content).digest("hex").slice(0, 32)}-${name}`;
      writeFileSync(join(folder.sentDir, id), content);
      life.point();
      return id;
    },

    sent(folder, id) {
      const path = join(folder.sentDir, id);
      if (!existsSync(path)) throw new Misuse(`there is no file ${id}`);
      return { path, name: id.slice(id.indexOf("-") + 1) };
    },
  };
}
