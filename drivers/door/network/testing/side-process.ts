/**
 * What is at the two ends of the door, in processes of their own as in life: a server, and the container's relay. Run with
 * `server`, or `relay SOCKET`; says on its first line what one needs to know of it. See sides.ts.
 */
import { once } from "node:events";
import type { RequestListener } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { startProxyRelay } from "../../../../container/runner/relay.ts";

/** Between two events, milliseconds. */
const PACE = 5;
const CHUNK = Buffer.alloc(65_536, "nothing that anybody looks for, ");

const clock = () => performance.timeOrigin + performance.now();

const serve: RequestListener = (request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? "/", "https://bench.test");
  const count = Number(searchParams.get("count"));
  if (pathname === "/held") response.write("held");
  else if (pathname === "/events") {
    let sent = 0;
    const timer = setInterval(() => {
      response.write(`data: ${clock()}\n\n`);
      sent += 1;
      if (sent < count) return;
      clearInterval(timer);
      response.end();
    }, PACE);
  } else if (pathname === "/down") {
    let left = count;
    const rate = Number(searchParams.get("rate") ?? Number.POSITIVE_INFINITY);
    const began = performance.now();
    response.setHeader("content-length", count);
    const more = (): void => {
      while (left > 0) {
        // As much as a line of that rate had brought by now.
        const ahead = (count - left) / rate - (performance.now() - began) / 1000;
        if (ahead > 0.002) return void setTimeout(more, ahead * 1000);
        const part = CHUNK.subarray(0, left);
        left -= part.length;
        if (!response.write(part)) return void response.once("drain", more);
      }
      response.end();
    };
    more();
  } else request.resume().on("end", () => response.end("done"));
};

const [role = "", socket = ""] = process.argv.slice(2);
if (role === "relay") {
  const { url } = await startProxyRelay(socket, 0);
  process.stdout.write(`${JSON.stringify({ port: Number(new URL(url).port) })}\n`);
} else {
  const { certificateOf, web } = await import("./network.ts");
  const ports: number[] = [];
  for (const host of ["bench.test", "tunnel.test"]) {
    const server = createServer(certificateOf(host), serve);
    server.keepAliveTimeout = 600_000;
    await once(server.listen(0, "127.0.0.1"), "listening");
    ports.push((server.address() as AddressInfo).port);
  }
  process.stdout.write(`${JSON.stringify({ ports, ca: web.certificate })}\n`);
}
// Ends with whoever started it.
process.stdin.resume().on("end", () => process.exit(0));
