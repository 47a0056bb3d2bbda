/** A project folder with skills of a test's own, and a pnpm that writes down how it was called and makes `node_modules`. */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const PNPM = `#!/bin/sh
echo "$@ token=$NANOCLAW_CHAT_TOKEN" >>pnpm.log
[ -e offline ] && { echo "ERR no such host" >&2; exit 1; }
echo "Progress: done"
mkdir -p skills/add-chat/node_modules
`;

export class SkillsFolder {
  readonly root = mkdtempSync(join(tmpdir(), "ncl-skills-"));

  constructor() {
    this.write(".tools/bin/pnpm", PNPM);
    chmodSync(join(this.root, ".tools/bin/pnpm"), 0o755);
    this.write("skills/add-chat/SKILL.md", "---\nname: add-chat\ndescription: Talk in Chat.\n---\n# Chat\n\nAdd it.\n");
    this.write("skills/add-chat/channel.ts", "");
    this.write("skills/add-chat/package.json", "{}");
    this.write("skills/tidy/SKILL.md", '---\nname: tidy\ndescription: "Keep it tidy."\n---\nTidy up.\n');
  }

  write(name: string, text: string): void {
    mkdirSync(dirname(join(this.root, name)), { recursive: true });
    writeFileSync(join(this.root, name), text);
  }

  /** How pnpm was called, one line each. */
  get installs(): string[] {
    const log = join(this.root, "pnpm.log");
    return existsSync(log) ? readFileSync(log, "utf8").trim().split("\n") : [];
  }

  has(name: string): boolean {
    return existsSync(join(this.root, name));
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
