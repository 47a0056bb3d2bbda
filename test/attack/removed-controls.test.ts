/**
 * Every control is load-bearing: with one of them taken away, exactly its attacks do harm, of all of its own and one of
 * each other control. A full run takes each away; the usual one takes some.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, describe, test } from "node:test";
import type { Attack } from "../../parts/prove/attack.ts";
import { attacks } from "../../parts/prove/attacks/index.ts";
import { controls } from "../../parts/prove/controls.ts";
import type { Verdict } from "../../parts/prove/prover.ts";
import type { ProverParts } from "../../parts/prove/stage.ts";
import type { World } from "../../parts/prove/world.ts";
import { AlteredDriver } from "./prove/altered-driver.ts";
import { proveBench } from "./prove/bench.ts";
import { type Removal, removals, setUidImage } from "./prove/removals.ts";

const FULL = process.env.NANOCLAW_FULL === "1";

/** To see that they stay green, others; then the attacks with this control, which may spoil things now for any after them. */
function chosen({ controls: gone }: Pick<Removal, "controls">): Attack[] {
  const own = attacks.filter(({ control }) => gone.includes(control));
  const scenes = new Set(own.map(({ scene }) => scene));
  const seen = new Set<string>();
  const others = attacks.filter(({ control, scene }) => {
    if (gone.includes(control) || scene === "bombs" || (scene !== undefined && !scenes.has(scene))) return false;
    const first = !seen.has(control);
    seen.add(control);
    return first;
  });
  return [...others, ...own];
}

describe("with a control taken away", async () => {
  const bench = await proveBench("runc");
  after(() => bench.close());

  /** What each attack of `only` came to. */
  async function withoutIt(removal: Removal, only: readonly Attack[]): Promise<Verdict[]> {
    let world: World | null = null;
    const driver = new AlteredDriver((body, spec) => world && removal.alter?.(body, spec, world));
    const parts: Partial<ProverParts> = {
      ...{ driver, ...removal.parts },
      adjust(spec, made) {
        world = made;
        return removal.parts?.adjust?.(spec, made) ?? spec;
      },
    };
    const verdicts = await bench.run(only, parts);
    driver.close();
    return verdicts;
  }

  for (const removal of removals.filter(({ quick }) => FULL || quick)) {
    test(`${removal.name}: exactly its attacks do harm`, async () => {
      const only = chosen(removal);
      const verdicts = await withoutIt(removal, only);
      const made = new Set(verdicts.map(({ id }) => id));
      const expected = only
        .filter(
          ({ id, control }) => removal.controls.includes(control) && made.has(id) && !removal.except?.includes(id),
        )
        .map(({ id }) => id);
      assert.ok(expected.length > 0, "it has attacks");
      assertHarm(verdicts, expected, removal.unsure);
    });
  }

  test("an image without set-uid programs: exactly its attack does harm", {
    skip: !FULL && "in a full run",
  }, async () => {
    const image = setUidImage(bench.parts.paths.image);
    try {
      const alter = (body: { Image: string }) => void Object.assign(body, { Image: image });
      const only = chosen({ controls: ["set-uid"] });
      const verdicts = await withoutIt({ name: "", controls: ["set-uid"], alter }, only);
      assertHarm(verdicts, ["identity.find-set-uid"]);
    } finally {
      execFileSync("docker", ["rmi", image], { stdio: "ignore" });
    }
  });
});

/** These attacks did harm, and no other, but for those of which it is not known. */
function assertHarm(verdicts: Verdict[], harmful: string[], unsure: string[] = []): void {
  const red = verdicts.filter(({ id, held }) => held !== true && !unsure.includes(id));
  const expected = harmful.filter((id) => !unsure.includes(id));
  const told = red.map(({ id, happened }) => `${id}: ${happened}`).join("\n");
  assert.deepEqual(red.map(({ id }) => id).sort(), expected.sort(), told);
}

test("every control has attacks, and a way to be taken away", () => {
  const attacked = new Set(attacks.map(({ control }) => control));
  const removed = new Set([...removals.flatMap((removal) => removal.controls), "set-uid"]);
  for (const control of Object.keys(controls)) {
    assert.ok(attacked.has(control as Attack["control"]), `${control} is not attacked`);
    assert.ok(removed.has(control), `${control} is never taken away`);
  }
  assert.equal(new Set(attacks.map(({ id }) => id)).size, attacks.length, "each id is there once");
});
