/** Files that cross a container's wall, as bytes. Where they lie and how they come there is the driver's (drivers/files). */
import type { InboundBody } from "../../protocol/rows.ts";
import type { InboxRow } from "../store/inbox.ts";
import type { OutgoingFile } from "../store/outbox.ts";
import type { Session } from "../store/sessions.ts";
import type { SessionFolder } from "./folder.ts";

/** A file that came with a message, as the agent finds it. */
export type FedFile = Extract<InboundBody, { kind: "message" }>["files"][number];
export type FileFolders = Pick<SessionFolder, "inDir" | "sentDir">;

export interface SessionFiles {
  /**
   * The files of a message, as the agent finds them.
   * @returns null while they are being fetched; `ready` is called when they are there, or known not to come
   */
  of(session: Session, folder: FileFolders, row: InboxRow, ready: () => void): FedFile[] | null;
  /** Takes a file from a session's agent. @returns the id by which a message of that session may send it */
  take(folder: FileFolders, name: string, bytes: AsyncIterable<Uint8Array>): Promise<string>;
  /** @throws Misuse where the session sent no such file */
  sent(folder: FileFolders, id: string): OutgoingFile;
}
