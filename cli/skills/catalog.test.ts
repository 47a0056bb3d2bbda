import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { SkillsFolder } from "../testing/skills-folder.ts";
import { frontMatter, skillNamed, skillsIn } from "./catalog.ts";

test("skills are the folders with a SKILL.md, under the names that people type", () => {
  using folder = new SkillsFolder();
  mkdirSync(join(folder.root, "skills/add-nothing"));
  const skills = skillsIn(folder.root).map(({ name, kind, packages, description }) => [
    name,
    kind,
    packages,
    description,
  ]);
  assert.deepEqual(skills, [
    ["chat", "channel", true, "Talk in Chat."],
    ["tidy", "instructions", false, "Keep it tidy."],
  ]);
  assert.equal(skillNamed(folder.root, "chat").folder, "skills/add-chat");
  assert.equal(skillNamed(folder.root, "add-chat").name, "chat");
  assert.equal(skillNamed(folder.root, "tidy").text, "Tidy up.");
});

test("a name never leads out of the skills folder", () => {
  using folder = new SkillsFolder();
  writeFileSync(join(folder.root, "SKILL.md"), "---\nname: x\n---\n");
  for (const name of [
    "..",
    "",
    ".",
    "../skills/tidy",
    "/etc",
    "tidy/../tidy",
    "Tidy",
    "tidy\n",
    "-tidy",
    "x".repeat(99),
  ])
    assert.throws(() => skillNamed(folder.root, name), /there is no skill of this name/, name);
});

test("front matter may quote and fold its values; without it all is text", () => {
  const source =
    "---\r\nname: 'a-b'\ndescription: >-\n  Reads: mail,\n  and answers.\nlicense: MIT\n---\n\nBody\n---\nmore";
  assert.deepEqual(frontMatter(source), {
    fields: { name: "a-b", description: "Reads: mail, and answers.", license: "MIT" },
    text: "Body\n---\nmore",
  });
  assert.deepEqual(frontMatter("# Title\n"), { fields: {}, text: "# Title" });
  assert.deepEqual(frontMatter("---\nname: endless\n"), { fields: {}, text: "---\nname: endless" });
});
