/**
 * A process that changes the vault's key and may be killed on the way: `rotate.ts DATABASE KEY_FILE STEP`. Every change of
 * a file and every commit is a step; it dies before the one of that number. Prints how many there were, when it lives.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { DatabaseSync } from "node:sqlite";

const [database = "", keyFile = "", at = ""] = process.argv.slice(2);
let steps = 0;
let armed = false;

function step<Args extends unknown[], Result>(old: (this: unknown, ...args: Args) => Result) {
  return function (this: unknown, ...args: Args): Result {
    if (armed) {
      steps += 1;
      if (steps === Number(at)) process.kill(process.pid, "SIGKILL");
    }
    return old.apply(this, args);
  };
}

for (const name of ["mkdirSync", "writeFileSync", "renameSync", "fsyncSync", "rmSync", "chmodSync"] as const) {
  Object.assign(fs, { [name]: step(fs[name] as (...args: unknown[]) => unknown) });
}
syncBuiltinESMExports();
const exec = DatabaseSync.prototype.exec;
DatabaseSync.prototype.exec = step(exec as (this: unknown, sql: string) => void);

const { openStore } = await import("../../../src/store/store.ts");
const { SealedVault } = await import("../vault.ts");
const { db } = openStore(database);
const vault = new SealedVault(db, keyFile);
armed = true;
vault.rotateKey((reseal) => db.transaction(reseal));
armed = false;
process.stdout.write(String(steps));
