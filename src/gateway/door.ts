/**
 * The door of a session: the one socket that its container has. What others need to know of the gateway, and what it
 * needs of them.
 */
import type { Usage } from "../../protocol/rows.ts";
import type { PlainKind } from "../vault/vault.ts";

export interface DoorSession {
  id: string;
  agentGroup: string;
  /** The user who may connect: the one that the container runs as. */
  uid: number;
}

export interface DoorHooks {
  /** The runner rang: its mailbox has changed. At most some 200 times a second, however often it rings. */
  onRing(): void;
  /** The agent wants to send a file. Resolves to the id that its message names. Throws Misuse with what is wrong. */
  onFile(name: string, bytes: AsyncIterable<Uint8Array>): Promise<string>;
  /** The runner has connected its bell (each time that it does), or lost it. */
  onBell(connected: boolean): void;
}

export interface OpenDoor {
  /** Tells the runner to look at its mailbox. Does nothing while no bell is connected: it looks when it connects. */
  ring(): void;
  readonly connected: boolean;
  /** Ends every connection and removes the socket. */
  close(): Promise<void>;
}

export interface Door {
  /**
   * Opens `dir`/session.sock, replacing what an earlier host left there; makes the directory.
   * @throws Misuse where the path is too long for a socket
   */
  open(session: DoorSession, dir: string, hooks: DoorHooks): Promise<OpenDoor>;
  /** Files for a container's config folder, by name, with whose certificates its TLS clients have to trust. */
  trust(): Record<string, string>;
}

/** Where a model's API is: `https://…`, `http://` on this machine's loopback, or `unix:/path/of.sock`. */
export interface Upstream {
  address: string;
  /** False for a local model: no credential is ever sent to it. */
  needsCredential: boolean;
}

export interface Credential {
  kind: PlainKind;
  secret: string;
}

/** A request that is about to go out. */
export interface RequestIntent extends Pick<RequestRecord, "session" | "agentGroup" | "method" | "host" | "path"> {
  /** The name of the credential that it carries; null for none. */
  credential: string | null;
}

/** What the audit log gets: one for each request. Holds no secret and no content. */
export interface RequestRecord {
  session: string;
  agentGroup: string;
  method: string;
  /** The upstream's host; empty where the request was refused before one was chosen. */
  host: string;
  path: string;
  /** What the container was answered; 499 when it went away first. */
  status: number;
  decision: "allow" | "deny";
  /** Why it was refused or failed; empty where all went well. */
  why: string;
  requestBytes: number;
  responseBytes: number;
  ms: number;
  usage: Usage | null;
  /** The number of the record of its intent; null where it was refused before, or carried no credential. */
  intent: number | null;
}
