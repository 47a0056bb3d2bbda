/** Attacks on the session socket. What a marked request comes to is seen by the servers on the other side of the gateway. */
import { existsSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname } from "node:path";
import type { Attack } from "../attack.ts";
import { PRIVATE } from "../private-only.ts";
import type { World } from "../world.ts";

const program = "door.py";
const wall = "gateway";
/** Longest that a neighbour's request may wait, milliseconds: it does nothing, on a machine that may be busy. */
const PATIENCE = 1_000;
/** Rings that may be heard during the attack, which lasts 1.5 s. */
const MOST_RINGS = 400;
/** What the gateway lets one session have (drivers/door/limits.ts), with those that wait for the way to the network. */
const CONNECTIONS = 64 + 128;
const BURST = 200;

const mark = (id: string) => ({
  settings: ({ watch }: World) => ({ marker: watch.mark(id) }),
  harm: ({ watch }: World) => (watch.saw(id) ? "it arrived on the other side" : null),
});
const rule = (id: string, tried: string): Attack => ({
  id,
  wall,
  control: "gateway rules",
  program,
  tried,
  ...mark(id),
});
const toHost = (id: string, tried: string): Attack => ({
  ...rule(id, tried),
  settings: ({ watch }) => ({ marker: watch.mark(id), port: watch.port }),
});
/** The proof's rules let these addresses through by name (private-only.ts): what stops them is where they lead. */
const toHostByProxy = (id: string, tried: string): Attack => ({
  ...{ ...rule(id, tried), control: "private addresses" },
  settings: ({ watch }) => ({ marker: watch.mark(id), port: watch.port, forms: PRIVATE }),
});

const slow = ({ watch }: World) =>
  watch.slowest > PATIENCE ? `a neighbour's request took ${Math.round(watch.slowest)} ms` : null;

function plantedOutside({ scratch, watch }: World, id: string): string | null {
  const { root } = scratch.folder;
  const places = [root, dirname(root), dirname(dirname(root)), tmpdir(), "/tmp"];
  const found = places.find(
    (place) => existsSync(place) && readdirSync(place).some((name) => watch.isMarked(id, name)),
  );
  return found ? `a file lies in ${found} on the host` : null;
}

export const gatewayAttacks: Attack[] = [
  rule("door.other-path", "ask the model's provider for something else than an answer"),
  rule("door.encoded-path", "the same with an encoded path"),
  rule("door.dotted-path", "the same with dots in the path"),
  rule("door.other-method", "delete something at the model's provider"),
  rule("door.query", "carry data out in a query"),
  rule("door.web-search", "let the model's provider search the web for it"),
  rule("door.remote-tools", "let the model's provider call a server of the attacker"),
  rule("door.picture-by-address", "carry data out in the address of a picture"),
  rule("door.file-by-name", "read a file that lies at the model's provider"),
  rule("door.own-key", "send everything to an account of the attacker, with its key"),
  rule("door.own-header", "pass a header on that nobody named"),
  toHost("door.absolute-address", "use the gateway as a proxy to a server on the host"),
  toHost("door.tunnel", "dig a tunnel through the gateway to a server on the host"),
  toHostByProxy(
    "door.host-addresses",
    "ask the way to the network for this machine, by every way to write its address",
  ),
  toHostByProxy("door.host-tunnels", "dig tunnels to this machine by every way to write its address"),
  rule("door.stranger", "ask the way to the network for a host that no rule names"),
  rule("door.other-upgrade", "turn the connection into something else than HTTP"),
  rule("door.smuggled-request", "hide a second request inside the first"),
  rule("door.packed-body", "hide a body of 50 MB in a few kilobytes"),
  rule("door.large-body", "send a body of 33 MB"),
  rule("door.large-head", "send headers of 40 kB"),
  {
    ...{ id: "door.upload-out-of-folder", wall, control: "uploads", program },
    tried: "send a file under a name that leads out of its folder",
    settings: ({ watch }) => ({ marker: watch.mark("door.upload-out-of-folder") }),
    harm: (world) => plantedOutside(world, "door.upload-out-of-folder"),
  },
  {
    ...{ id: "door.upload-large", wall, control: "upload size", program },
    tried: "send a file that is larger than any may be",
  },
  {
    ...{ id: "door.slow-heads", wall, control: "gateway limits", program },
    tried: "keep the gateway busy with requests that never come to their end",
    settings: () => ({ limit: CONNECTIONS }),
    harm: slow,
  },
  {
    ...{ id: "door.connections", wall, control: "gateway limits", program },
    tried: "hold more connections than one session may",
    settings: () => ({ limit: CONNECTIONS }),
    harm: slow,
  },
  {
    ...{ id: "door.bell", wall, control: "bell limit", program },
    tried: "ring without a pause, so that the host does nothing else",
    harm: ({ watch }) => (watch.rings > MOST_RINGS ? `the host heard ${watch.rings} rings in 1.5 s` : null),
  },
  {
    ...{ id: "door.requests", wall, control: "gateway limits", program },
    tried: "send requests without a pause",
    settings: () => ({ limit: BURST }),
    deadline: 40_000,
  },
];
