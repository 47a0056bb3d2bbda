/**
 * A platform made of files, which has nothing against sending twice: what people say lies in `in` until it is taken, what
 * they are told appears in `out`, one file a message, and can be changed there. It outlives the host.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Channel, ChannelEvent, ChannelHost, OutgoingMessage, Receipt } from "../../src/channels/channel.ts";

export const PAPER = "paper";
const LOOK_AGAIN = 30;

/** What is left out is as on the desk, where someone is alone with the agent. */
export interface Note extends Partial<Pick<ChannelEvent, "user" | "userName" | "mentioned" | "direct">> {
  id: string;
  text: string;
  chat?: string;
  thread?: string;
}

export interface Printed {
  key: string;
  chat: string;
  thread: string | null;
  text: string;
  answers: string[];
  /** What it said before it was changed, the oldest first. */
  before: string[];
}

export class Paper {
  readonly #in: string;
  readonly #out: string;

  constructor(dir: string) {
    this.#in = join(dir, "in");
    this.#out = join(dir, "out");
    for (const folder of [this.#in, this.#out]) mkdirSync(folder, { recursive: true });
  }

  /** A person says something. */
  write(note: Note): void {
    writeFileSync(join(this.#in, `.${note.id}`), JSON.stringify(note));
    renameSync(join(this.#in, `.${note.id}`), join(this.#in, note.id));
  }

  /** What waits to be taken, the oldest first. */
  waiting(): Note[] {
    return visible(this.#in).map((name) => JSON.parse(readFileSync(join(this.#in, name), "utf8")) as Note);
  }

  taken({ id }: Note): void {
    rmSync(join(this.#in, id));
  }

  print(printed: Printed): string {
    const name = String(visible(this.#out).length).padStart(6, "0");
    this.#put(name, printed);
    return name;
  }

  /** Nothing changes where it says that already. */
  change(name: string, text: string, answers: string[]): void {
    const printed = JSON.parse(readFileSync(join(this.#out, name), "utf8")) as Printed;
    const before = printed.text === text ? printed.before : [...printed.before, printed.text];
    this.#put(name, { ...printed, text, answers, before });
  }

  #put(name: string, printed: Printed): void {
    writeFileSync(join(this.#out, `.${name}`), JSON.stringify(printed));
    renameSync(join(this.#out, `.${name}`), join(this.#out, name));
  }

  /** What people see, in order. */
  printed(): Printed[] {
    return visible(this.#out).map((name) => JSON.parse(readFileSync(join(this.#out, name), "utf8")) as Printed);
  }
}

const visible = (folder: string) =>
  readdirSync(folder)
    .filter((name) => !name.startsWith("."))
    .sort();

/** The channel to it. */
export function paperChannel(paper: Paper): Channel {
  let timer: NodeJS.Timeout | null = null;
  const look = async (host: ChannelHost) => {
    for (const note of paper.waiting()) {
      const { id, text, chat = "desk", thread = null, ...who } = note;
      await host.accept({
        ...{ address: { channel: PAPER, chat, thread }, platformId: id, revision: 0, change: "said", text, files: [] },
        ...{ at: Date.now(), user: `${PAPER}:someone`, userName: "Someone", mentioned: true, direct: true, ...who },
      });
      paper.taken(note);
    }
    if (timer) timer = setTimeout(() => void look(host), LOOK_AGAIN);
  };
  return {
    id: PAPER,
    capabilities: {
      ...{ threads: false, edits: true, reactions: false, buttons: false, files: false, typing: false },
      ...{ maxLength: 200, markup: "none", previews: true, idempotency: { kind: "none" } },
    },
    async start(host) {
      timer = setTimeout(() => void look(host), LOOK_AGAIN);
    },
    async stop() {
      if (timer) clearTimeout(timer);
      timer = null;
    },
    health: () => ({ state: "up", detail: "" }),
    async send({ chat, thread }, { text, answers }: OutgoingMessage, key): Promise<Receipt> {
      return { platformId: paper.print({ key, chat, thread, text, answers, before: [] }) };
    },
    async edit(_address, platformId, { text, answers }) {
      paper.change(platformId, text, answers);
    },
  };
}
