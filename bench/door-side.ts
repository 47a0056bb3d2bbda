/**
 * The two ends of the bench of the door, each in a process of its own as they are in life: the server that is asked, and the
 * container's relay. Run with `server`, or `relay SOCKET`; says on its first line what the bench needs.
 */
import { once } from "node:events";
import type { RequestListener } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { startProxyRelay } from "../container/runner/relay.ts";

/** Sent between two events, milliseconds. */
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
  const { certificateOf, web } = await import("../drivers/door/network/testing/network.ts");
  const ports: number[] = [];
  for (const host of ["bench.test", "tunnel.test"]) {
    const server = createServer(certificateOf(host), serve);
    await once(server.listen(0, "127.0.0.1"), "listening");
    ports.push((server.address() as AddressInfo).port);
  }
  process.stdout.write(`${JSON.stringify({ ports, ca: web.certificate })}\n`);
}
// Ends with whoever started it.
process.stdin.resume().on("end", () => process.exit(0));
