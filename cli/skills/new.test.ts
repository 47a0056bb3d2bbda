import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { Misuse } from "../../src/lib/errors.ts";
import { ROOT } from "../testing/run.ts";
import { SkillsFolder } from "../testing/skills-folder.ts";
import { skillNamed, skillsIn } from "./catalog.ts";
import { newChannel } from "./new.ts";

const TEMPLATE = "skills/new-channel";

/** With the project's own folder to begin with, and beside it what its code imports. */
function project(): SkillsFolder {
  const folder = new SkillsFolder();
  cpSync(join(ROOT, TEMPLATE), join(folder.root, TEMPLATE), {
    recursive: true,
    filter: (file) => !file.includes("node_modules"),
  });
  for (const part of ["src", "packages", "test", "node_modules"])
    symlinkSync(join(ROOT, part), join(folder.root, part));
  return folder;
}

test("a new channel keeps at once all that every channel keeps", async () => {
  using folder = project();
  const made = newChannel(folder.root, "my-chat");
  const tests = made.files.filter((file) => file.endsWith(".test.ts")).map((file) => join(made.folder, file));
  // What runs these tests would take those for its own.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const child = spawn(process.execPath, ["--test", "--test-reporter=tap", ...tests], { cwd: folder.root, env });
  const [said, code] = await Promise.all([text(child.stdout), new Promise((done) => child.on("close", done))]);
  assert.equal(code, 0, said);
  assert.match(said, /ok \d+ - my-chat: what a person says arrives once/);
  assert.match(said, /^# fail 0$/m);
});

test("it is a skill of its own, by its name, and says what to do next", () => {
  using folder = project();
  const made = newChannel(folder.root, "my-chat");
  assert.equal(made.folder, "skills/add-my-chat");
  assert.ok(
    ["SKILL.md", "channel.ts", "conformance.test.ts", "package.json"].every((file) => made.files.includes(file)),
  );
  const { name, kind, packages, description, text } = skillNamed(folder.root, "my-chat");
  assert.deepEqual([name, kind, packages], ["my-chat", "channel", true]);
  assert.match(description, /from My Chat/);
  assert.match(text, /^# My Chat\n.*ncl skills add my-chat.*NANOCLAW_MY_CHAT_TOKEN/s);
  for (const file of made.files)
    assert.doesNotMatch(readFileSync(join(folder.root, made.folder, file), "utf8"), /new ?channel/i, file);
  assert.match(made.next.join("\n"), /node --test skills\/add-my-chat.*pnpm install.*ncl skills add my-chat/s);
  assert.deepEqual(
    skillsIn(folder.root).map((skill) => skill.name),
    ["chat", "my-chat", "tidy"],
  );
});

test("a name that is none, or is taken, makes nothing", () => {
  using folder = project();
  mkdirSync(join(folder.root, "skills/add-half"));
  symlinkSync("nowhere", join(folder.root, "skills/add-link"));
  const before = readdirSync(join(folder.root, "skills"));
  const wrong = ["", "My-Chat", "1chat", "-chat", "my_chat", "my chat", "../x", "a/b", "chat\n", "ä", "x".repeat(33)];
  for (const id of wrong)
    assert.throws(() => newChannel(folder.root, id), /this can't be the name of a channel/, JSON.stringify(id));
  for (const id of ["chat", "tidy", "half", "link", "terminal"])
    assert.throws(
      () => newChannel(folder.root, id),
      (error) => error instanceof Misuse && /is there already/.test(error.message) && error.hint !== "",
      id,
    );
  assert.deepEqual(readdirSync(join(folder.root, "skills")), before);
});

test("what can't be written is taken back, and it says what is missing", () => {
  using folder = project();
  // A folder in the place of a file.
  rmSync(join(folder.root, TEMPLATE, "SKILL.template.md"));
  folder.write(`${TEMPLATE}/SKILL.md/x`, "");
  folder.write(`${TEMPLATE}/SKILL.template.md`, "");
  assert.throws(() => newChannel(folder.root, "my-chat"), /skills\/add-my-chat could not be written/);
  assert.equal(folder.has("skills/add-my-chat"), false);
  rmSync(join(folder.root, TEMPLATE), { recursive: true });
  assert.throws(
    () => newChannel(folder.root, "my-chat"),
    (error) => error instanceof Misuse && /git checkout/.test(error.hint),
  );
});
