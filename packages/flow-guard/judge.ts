/**
 * Whether an act may go ahead by itself: where untrusted text was read and something private is in sight, what goes
 * outwards asks first. Pure and total. More labels never allow more; a waiver takes away its one pair and nothing else.
 */

/** Text that somebody may have written who wants something: who or where it came from. */
export interface Source {
  /** `host` is what a server answered, `file` what came with a message, `stranger` and `agent` who spoke, `tool` an outside tool. */
  kind: "stranger" | "agent" | "file" | "host" | "tool";
  name: string;
}

/** What others are not to learn. */
export interface Secret {
  /** `account` is what a credential opens, `mount` a folder of the person's, `chat` and `group` what the owner named. */
  kind: "account" | "mount" | "memory" | "chat" | "group";
  name: string;
}

/** What a domain (whatever shares one memory) has read and can see. */
export interface Labels {
  untrusted: readonly Source[];
  private: readonly Secret[];
}

export type Act =
  | {
      kind: "request";
      host: string;
      /** The owner vouches for this place as one to send to: nobody else reads there what arrives. */
      trusted: boolean;
      /** The name of the credential that it gets; null for none. */
      credential: string | null;
      /** It changes nothing at the other end: no body, no upgrade, and its service acts on no request of that method. */
      reads: boolean;
    }
  /** Bytes that nobody sees into. */
  | { kind: "tunnel"; host: string; trusted: boolean }
  /** Something said, with or without files. */
  | {
      kind: "message";
      /** `channel:chat`. */
      chat: string;
      /** The chat that the session speaks in anyway. */
      own: boolean;
      /** People may read it whom the owner does not know. */
      open: boolean;
    }
  /** An address in a text that whoever shows it asks for by itself: a preview, a picture. */
  | { kind: "link"; host: string; trusted: boolean };

/** Where an act arrives: reading from a host tells it what is asked for, so it is one too. */
export interface Sink {
  kind: "read" | "write" | "chat";
  name: string;
}

/** What is read from this source may flow to this sink, whatever is in sight. */
export interface Waiver {
  /** `*` as its name stands for every source of its kind. */
  source: Source;
  sink: Sink;
}

export type Verdict =
  | {
      allow: true;
      because: "inward" | "trusted" | "nothing untrusted was read" | "nothing private is in sight" | "waived";
    }
  | {
      allow: false;
      /** For people, in one sentence. */
      why: string;
      /** The sources that no waiver covers. */
      sources: Source[];
      private: Secret[];
      sink: Sink;
    };

export function judge(labels: Labels, act: Act, waivers: readonly Waiver[]): Verdict {
  const sink = sinkOf(act);
  if (sink === null) return { allow: true, because: isTrusted(act) ? "trusted" : "inward" };
  if (labels.untrusted.length === 0) return { allow: true, because: "nothing untrusted was read" };
  const inSight = secretsBehind(labels, act);
  if (inSight.length === 0) return { allow: true, because: "nothing private is in sight" };
  const sources = labels.untrusted.filter((source) => !waivers.some((waiver) => covers(waiver, source, sink)));
  if (sources.length === 0) return { allow: true, because: "waived" };
  return { allow: false, why: explain(sources, inSight, sink), sources, private: inSight, sink };
}

const isTrusted = (act: Act) => act.kind !== "message" && act.trusted;

/** @returns null for what stays with the owner */
export function sinkOf(act: Act): Sink | null {
  if (isTrusted(act)) return null;
  switch (act.kind) {
    case "request":
      // Reading with a key is a look into the owner's own account: only the service learns of it.
      if (act.reads && act.credential !== null) return null;
      return { kind: act.reads ? "read" : "write", name: act.host };
    case "tunnel":
      return { kind: "write", name: act.host };
    case "message":
      return act.own && !act.open ? null : { kind: "chat", name: act.chat };
    case "link":
      return { kind: "read", name: act.host };
  }
}

/** Whether a request only asks for something, by its method and what it wants the connection to become. */
export const onlyReads = (method: string, upgrade: string | null) =>
  upgrade === null && ["GET", "HEAD", "OPTIONS"].includes(method.toUpperCase());

/** What acts with a key shows what the key opens, so the key itself is in sight. */
function secretsBehind(labels: Labels, act: Act): Secret[] {
  const used: Secret[] =
    act.kind === "request" && act.credential !== null ? [{ kind: "account", name: act.credential }] : [];
  const isNew = ({ kind, name }: Secret) => !labels.private.some((one) => one.kind === kind && one.name === name);
  return [...labels.private, ...used.filter(isNew)];
}

const covers = ({ source, sink }: Waiver, from: Source, to: Sink) =>
  source.kind === from.kind &&
  (source.name === "*" || source.name === from.name) &&
  sink.kind === to.kind &&
  sink.name === to.name;

/** Named in a sentence, at most. */
const MOST_NAMED = 3;

function explain(sources: Source[], inSight: Secret[], { kind, name }: Sink): string {
  const doing = { read: "ask", write: "send something to", chat: "say something in" }[kind];
  return `it has read what others wrote (${some(sources)}), can see what is private (${some(inSight)}), and is about to ${doing} ${name}`;
}

function some(labels: readonly (Source | Secret)[]): string {
  const named = labels.slice(0, MOST_NAMED).map(labelText);
  const more = labels.length - named.length;
  return more > 0 ? `${named.join(", ")} and ${more} more` : named.join(", ");
}

/** As people read and type a label or a sink: `host:news.example.org`. */
export const labelText = ({ kind, name }: { kind: string; name: string }) => `${kind}:${name}`;
