/**
 * Preloaded into the host beside the shim: remarks in the shim's log, just before the answer to a verb leaves, or a note
 * on paper is taken away, that this counts as acknowledged from here on. Answers come in the order of the messages.
 */
import fs, { unlinkSync } from "node:fs";
import { ServerResponse } from "node:http";
import { syncBuiltinESMExports } from "node:module";
import { basename, dirname } from "node:path";

const dir = process.env.POWER_DIR ?? "";
const { rmSync } = fs;
fs.rmSync = (path, ...rest) => {
  if (dirname(String(path)).endsWith("/paper/in")) mark(`note ${basename(String(path))}`);
  return rmSync(path, ...rest);
};
syncBuiltinESMExports();

function mark(what: string): void {
  try {
    unlinkSync(`${dir}/.mark:${what}`);
  } catch {
    // There is no such file: the shim has heard it all the same.
  }
}

const end = ServerResponse.prototype.end;
ServerResponse.prototype.end = function (this: ServerResponse, ...args: Parameters<typeof end>) {
  const verb = /^\/v1\/verbs\/(.+)$/.exec(this.req?.url ?? "")?.[1];
  if (verb && this.statusCode === 200) mark(verb);
  return end.apply(this, args);
} as typeof end;
