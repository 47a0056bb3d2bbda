/** How each kind of happening is carried out on a simulated machine, and how all of them are put right again. */
import type { Act } from "./scenario.ts";
import type { Machine } from "./world/machine.ts";
import type { Mood } from "./world/platform.ts";

type Acts = { [Kind in Act["do"]]: (machine: Machine, act: Extract<Act, { do: Kind }>) => void };

const WELL: Mood = { kind: "well" };

const acts: Acts = {
  say: ({ people }, { place, script, files }) => people.say(place, script, files),
  amend: ({ people }, { place, id, script }) => people.amend(place, id, script),
  "stop turn": ({ people }, { place, by }) => people.stop(place, by),
  "ask at the door": ({ questions }, act) => questions.act(act),
  "stranger says": ({ questions }, act) => questions.act(act),
  answer: ({ questions }, act) => questions.act(act),
  guard: ({ guarding }, act) => guarding.act(act),
  freeze: ({ engine }, { which }) => engine.running[which % engine.running.length]?.freeze(),
  "crash host": ({ host }, { points }) => host.crash(points),
  "restart host": ({ host }) => void host.restart(),
  "end container": ({ engine }, { which, outOfMemory }) =>
    engine.running[which % engine.running.length]?.kill(outOfMemory),
  "restart engine": ({ engine }, { keep, ms }) => engine.restart(keep, ms),
  "start trouble": ({ engine }, { starts, how }) => {
    engine.trouble = { starts, how };
  },
  mood: (machine, act) => {
    const platform = machine.platforms.find(({ id }) => id === act.platform);
    if (!platform) return;
    platform.mood = act.mood;
    later(machine, act.ms, () => {
      platform.mood = WELL;
    });
  },
  "bad bells": (machine, { loss, ms }) => {
    machine.bells.loss = loss;
    later(machine, ms, () => {
      machine.bells.loss = 0;
    });
  },
  "break bells": ({ bells }) => bells.breakAll(),
  "slow readers": (machine, { ms }) => {
    machine.readers.slow = true;
    later(machine, ms, () => {
      machine.readers.slow = false;
    });
  },
  "crash readers": ({ readers }, { reads }) => {
    readers.crashes = reads;
  },
  "set clock": ({ world }, { by }) => world.setClock(by),
  "full disk": (machine, { commits, ms }) => {
    machine.disk.fillAfter(commits);
    later(machine, ms, () => machine.disk.free());
  },
};

export function perform<Kind extends Act["do"]>(machine: Machine, act: Extract<Act, { do: Kind }>): void {
  const carryOut: Acts[Kind] = acts[act.do as Kind];
  carryOut(machine, act);
}

/** From now on everything works. */
export function calm({ world, host, engine, platforms, disk, bells, readers, questions }: Machine): void {
  world.trace.add("world", "calm");
  world.calm = true;
  host.crash(null);
  engine.up = true;
  engine.trouble.starts = 0;
  for (const platform of platforms) platform.mood = WELL;
  disk.free();
  bells.loss = 0;
  readers.slow = false;
  readers.crashes = 0;
  questions.calm();
}

function later({ world }: Machine, ms: number, run: () => void): void {
  world.time.after(world.outside, ms, run);
}
