/**
 * Names a step by the code that asked for it, as "file:function < file:function": without line numbers, so that a name
 * lasts as long as the code keeps its shape.
 */
import { dirname } from "node:path";
import { pathToFileURL } from "node:url";

/** The project whose `test/crash/host.ts` this process runs. */
const ROOT = `${pathToFileURL(dirname(dirname(dirname(process.argv[1] ?? ""))))}/`;
/** What others use to reach the disk: its callers say more than itself. */
const PLUMBING = /^(src\/lib\/|protocol\/mailbox\/)/;
const FRAME = /^ +at (async )?(?:(?:new )?(.+?) \()?(file:.+?):\d+:\d+\)?$/;
const DEPTH = 40;

/** The innermost function of the product below this call, and the one in another file that called it; null for none. */
export function caller(): string | null {
  const before = Error.stackTraceLimit;
  Error.stackTraceLimit = DEPTH;
  const frames = framesOf(new Error().stack ?? "");
  Error.stackTraceLimit = before;
  const [first] = frames;
  if (!first) return null;
  const second = frames.find(({ file }) => file !== first.file);
  return [first, second].flatMap((frame) => (frame ? `${frame.file}:${frame.name}` : [])).join(" < ");
}

function framesOf(stack: string): { file: string; name: string }[] {
  const frames: { file: string; name: string }[] = [];
  for (const line of stack.split("\n")) {
    const [, async, name, url = ""] = FRAME.exec(line) ?? [];
    if (async) break;
    if (!url.startsWith(ROOT)) continue;
    const file = url.slice(ROOT.length);
    if (!/^(src|parts|drivers|protocol|skills)\//.test(file) || PLUMBING.test(file)) continue;
    frames.push({
      file: file.replace(/^src\//, ""),
      name: (name ?? "").replace(/^Object\.|\[as .*| /g, "") || "(anonymous)",
    });
  }
  return frames;
}
