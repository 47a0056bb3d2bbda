import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Agent } from "./agent.ts";
import type { Provider, ProviderEvent } from "./providers/provider.ts";

type Emit = (event: ProviderEvent) => void;

/** An agent over providers that only note what they are told. */
function agent(told: string[], interrupted: (emit: Emit) => void, close: () => Promise<void> = async () => {}) {
  const heard: ProviderEvent[] = [];
  const emits: Emit[] = [];
  const open = async (emit: Emit): Promise<Provider> => {
    const name = String(emits.push(emit));
    return {
      send: ({ id }) => told.push(`${name} ${id}`),
      interrupt() {
        told.push(`${name} interrupt`);
        interrupted(emit);
      },
      close() {
        told.push(`${name} close`);
        return close();
      },
    };
  };
  return { agent: new Agent(open, (event) => heard.push(event), 50), heard, emits };
}
const stopped: ProviderEvent = { type: "stopped", text: "", usage: null };

describe("an agent that is given up", () => {
  it("is not heard from that moment on, interrupted after what was sent, closed, and opened anew", async () => {
    const told: string[] = [];
    const { agent: given, heard, emits } = agent(told, (emit) => emit(stopped));
    given.send("a", "");
    const sent = Promise.resolve().then(() => given.send("b", ""));
    const gone = given.abandon(sent);
    emits[0]?.({ type: "text", delta: "late" });
    emits[0]?.({ type: "continuation", value: "kept" });
    await gone;
    given.send("c", "");
    given.interrupt();
    await given.close();
    emits[0]?.(stopped);
    assert.deepEqual(told, ["1 a", "1 b", "1 interrupt", "1 close", "2 c", "2 interrupt", "2 close"]);
    assert.deepEqual(heard, [{ type: "continuation", value: "kept" }, stopped]);
  });

  it("is closed also where it does not end its turn", async () => {
    const told: string[] = [];
    const { agent: given } = agent(told, () => {});
    given.send("a", "");
    await given.abandon(Promise.resolve());
    assert.deepEqual(told, ["1 a", "1 interrupt", "1 close"]);
  });

  it("is never gone where it can't be closed", async () => {
    const { agent: given } = agent(
      [],
      () => {},
      () => new Promise(() => {}),
    );
    given.send("a", "");
    const gone = given.abandon(Promise.resolve()).then(() => "gone");
    const late = new Promise((resolve) => setTimeout(resolve, 200, "late"));
    assert.equal(await Promise.race([gone, late]), "late");
  });
});

describe("an agent that can't be started", () => {
  it("fails the turn that needs it, and is tried again for the next", async () => {
    const heard: ProviderEvent[] = [];
    let tries = 0;
    const given = new Agent(
      async () => {
        tries += 1;
        throw new Error("no program");
      },
      (event) => heard.push(event),
    );
    given.send("a", "");
    given.send("b", "");
    await given.close();
    assert.equal(tries, 2);
    assert.ok(heard.every((event) => event.type === "error" && /could not be started: no program/.test(event.message)));
  });
});
