/** Takes in a request's body, bounded in size, in time, and in what its session holds at once. */
import type { IncomingMessage } from "node:http";
import type { Clock } from "../../src/lib/clock.ts";

/** Bytes of bodies that a session holds, against what it may hold. */
export interface Held {
  bytes: number;
  limit: number;
}

export type Body = { chunks: Buffer[]; size: number } | "too large" | "too much at once" | "late" | "broken";

/** The bytes of a whole body count as held until the caller takes them off again. Never rejects. */
export function readBody(
  request: IncomingMessage,
  { held, limit, time, clock }: { held: Held; limit: number; time: number; clock: Clock },
): Promise<Body> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const finish = (body: Body) => {
      late.cancel();
      request.off("data", take).off("end", whole).off("close", broken);
      if (typeof body === "string") {
        held.bytes -= size;
        // What still comes is read and dropped, so that the client gets to read the answer.
        request.resume();
      }
      resolve(body);
    };
    const late = clock.after(time, () => finish("late"));
    const take = (chunk: Buffer) => {
      size += chunk.length;
      held.bytes += chunk.length;
      chunks.push(chunk);
      if (size > limit) finish("too large");
      else if (held.bytes > held.limit) finish("too much at once");
    };
    const whole = () => finish({ chunks, size });
    const broken = () => finish("broken");
    request.on("data", take).on("end", whole).on("close", broken);
  });
}
