/** Attacks on what is beside it: the network, other processes and containers, devices, the engine. */
import type { Attack } from "../attack.ts";

const net = { wall: "network", control: "network", program: "network.py" } as const;
const files = "files.py";
const neighbours = "neighbours";
/** Addresses that are reserved for documentation: nobody is there, and a packet to one must not leave. */
const NOWHERE = "192.0.2.1";
const device = (name: string, tried: string): Attack => ({
  ...{ id: `device.${name.replace("/", "-")}`, wall: "kernel", control: "devices", program: files },
  ...{ name: "device.unusual", tried },
  settings: () => ({ name }),
});

export const outsideAttacks: Attack[] = [
  { ...net, id: "network.interfaces", tried: "find a network device" },
  { ...net, id: "network.routes", tried: "find a route to anywhere" },
  {
    ...{ ...net, id: "network.internet" },
    tried: "connect to an address in the internet",
    settings: () => ({ address: NOWHERE }),
  },
  { ...net, id: "network.metadata", tried: "connect to a cloud's metadata service" },
  {
    ...{ ...net, id: "network.name-server" },
    tried: "carry data out in a question to a name server",
    settings: () => ({ address: NOWHERE }),
  },
  { ...net, id: "network.names", tried: "learn of a name server" },
  { ...net, id: "network.bridge", tried: "reach the host by the engine's bridge" },
  { ...net, id: "network.neighbours", tried: "call to all containers of the bridge" },
  { ...net, id: "network.multicast", tried: "call to all machines of the home network" },
  { ...net, id: "network.ipv6", tried: "leave by IPv6" },
  {
    ...{ ...net, id: "network.host-loopback" },
    tried: "reach a server that listens on the host's loopback",
    settings: ({ watch }) => ({ port: watch.port }),
    harm: ({ watch }) => (watch.loopback.some((text) => text === "connected") ? "the host saw a connection" : null),
  },
  {
    ...{ ...net, id: "network.host-loopback6" },
    tried: "the same by IPv6",
    settings: ({ watch }) => ({ port: watch.port6 }),
    possible: ({ watch }) => watch.port6 !== null,
  },
  {
    ...{ ...net, id: "network.abstract-socket" },
    tried: "reach a socket of the host that has no path",
    settings: ({ watch }) => ({ name: watch.abstractName }),
  },
  {
    ...{ id: "namespace.see-processes", wall: neighbours, control: "process list", program: files },
    tried: "see the processes of the host",
    settings: ({ watch }) => ({ marker: watch.marker }),
  },
  {
    ...{ id: "namespace.read-environment", wall: neighbours, control: "process list", program: files },
    tried: "read the environment of a process of the host",
    settings: ({ watch }) => ({ marker: watch.marker }),
  },
  {
    ...{ id: "namespace.kill-process", wall: neighbours, control: "process list", program: files },
    tried: "end a process of the host",
    settings: ({ watch }) => ({ marker: watch.marker, pid: watch.processId }),
    harm: ({ watch }) => (watch.processRuns ? null : "the process of the host has ended"),
  },
  {
    ...{ id: "namespace.shared-memory", wall: neighbours, control: "shared memory", program: files },
    tried: "see the host's shared memory",
    settings: ({ watch }) => ({ name: watch.marker }),
    possible: ({ watch }) => watch.hasSharedMemory,
  },
  {
    ...{ id: "namespace.host-name", wall: neighbours, control: "host name", program: files },
    tried: "learn the machine's name",
    settings: ({ watch }) => ({ name: watch.hostName }),
  },
  {
    ...{ id: "namespace.cgroup-path", wall: neighbours, control: "cgroup view", program: files },
    tried: "learn by which id the engine knows it",
  },
  {
    ...{ id: "engine.socket", wall: neighbours, control: "engine", program: files },
    tried: "give orders to the container engine",
  },
  device("fuse", "make a file system of its own with /dev/fuse"),
  device("net/tun", "make a network device with /dev/net/tun"),
  {
    ...{ id: "device.any-other", wall: "kernel", control: "devices", program: files },
    tried: "find a device beside the harmless ones",
  },
];
