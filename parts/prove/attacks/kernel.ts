/** Attacks on the kernel by its system calls. */
import { existsSync } from "node:fs";
import { inside } from "../../../protocol/layout.ts";
import type { Attack } from "../attack.ts";

const filter = { wall: "kernel", control: "filter", program: "kernel.py" } as const;
/** The filter refuses them, and without it the kernel would, for want of a capability. */
const both = { wall: "kernel", control: "filter and no capabilities", program: "kernel.py" } as const;

export const kernelAttacks: Attack[] = [
  { ...filter, id: "kernel.user-namespace", tried: "become root of a user namespace of its own" },
  { ...filter, id: "kernel.user-namespace-by-clone", tried: "the same by starting a process with it" },
  { ...filter, id: "kernel.user-namespace-by-clone3", tried: "the same by the newer call, which hides its flags" },
  { ...filter, id: "kernel.add-key", tried: "leave a key in the kernel, where others of the user see it" },
  { ...filter, id: "kernel.keyctl", tried: "open a keyring, which no namespace keeps apart" },
  { ...filter, id: "kernel.request-key", tried: "ask for a key, for which the kernel runs a program of the host" },
  { ...filter, id: "kernel.io-uring", tried: "open io_uring, the way round every filter of system calls" },
  { ...filter, id: "kernel.aio", tried: "open a queue of asynchronous input and output" },
  { ...filter, id: "kernel.userfaultfd", tried: "stop the kernel in the middle of a copy, with userfaultfd" },
  { ...filter, id: "kernel.perf-events", tried: "measure the processor with perf events" },
  { ...filter, id: "kernel.fanotify", tried: "be told of what is done to files, with fanotify" },
  {
    ...{ ...filter, id: "kernel.lease" },
    tried: "take a lease on its mailbox, so that the host waits when it opens it",
    settings: () => ({ paths: [inside.outboundDb, inside.outboundJournal] }),
  },
  { ...filter, id: "kernel.ptrace", tried: "take over another process with ptrace" },
  { ...filter, id: "kernel.read-other-memory", tried: "read another process's memory" },
  { ...filter, id: "kernel.write-other-memory", tried: "write into another process's memory" },
  { ...filter, id: "kernel.steal-descriptor", tried: "take an open file from another process" },
  { ...filter, id: "kernel.compare-processes", tried: "learn addresses of the kernel by comparing processes" },
  { ...filter, id: "kernel.fixed-addresses", tried: "switch the random layout of memory off" },
  { ...filter, id: "kernel.flush-disks", tried: "let the whole machine wait for its disks, again and again" },
  { ...filter, id: "kernel.splice-pages", tried: "give pages of memory to the kernel by vmsplice" },
  { ...filter, id: "kernel.pin-memory-policy", tried: "decide from which memory the kernel takes its pages" },
  { ...filter, id: "kernel.message-queue", tried: "open a message queue" },
  { ...filter, id: "kernel.crypto-socket", tried: "open a socket to the kernel's ciphers" },
  { ...filter, id: "kernel.hypervisor-socket", tried: "open a socket to what the machine runs on" },
  { ...filter, id: "kernel.audit-socket", tried: "open a socket to the kernel's audit log" },
  { ...filter, id: "kernel.uevent-socket", tried: "listen to the kernel's events about devices" },
  { ...filter, id: "kernel.bluetooth-socket", tried: "open a Bluetooth socket" },
  { ...filter, id: "kernel.sctp-socket", tried: "open a socket for a protocol that the kernel loads on demand" },
  { ...both, id: "power.raw-socket", tried: "open a raw socket" },
  { ...both, id: "power.packet-socket", tried: "read every packet of an interface" },
  { ...both, id: "power.mount", tried: "mount a file system" },
  {
    ...{ ...both, id: "power.remount-writable" },
    tried: "make the mount of the host's mailbox writable",
    settings: () => ({ target: inside.inboundDir }),
  },
  { ...both, id: "power.new-mount-interface", tried: "mount by the newer interface" },
  { ...both, id: "power.clone-mount", tried: "copy the tree of mounts, with what lies under them" },
  {
    ...{ ...both, id: "power.unmount" },
    tried: "take a mount away, to reach what lies under it",
    settings: () => ({ target: inside.configDir }),
  },
  { ...both, id: "power.pivot-root", tried: "change the root of the file system" },
  { ...both, id: "power.chroot", tried: "leave by chroot" },
  {
    ...{ ...both, id: "power.open-by-handle" },
    tried: "open the host's root folder by the number of its inode",
    settings: () => ({ path: inside.inboundDb }),
  },
  {
    ...{ ...both, id: "power.load-module", tried: "load a module into the kernel" },
    // A kernel without modules refuses everybody.
    possible: () => existsSync("/proc/modules"),
  },
  { ...both, id: "power.bpf", tried: "load a program into the kernel with bpf" },
  { ...both, id: "power.kernel-log", tried: "read the kernel's log" },
  { ...both, id: "power.restart-machine", tried: "restart the machine" },
  { ...both, id: "power.swap", tried: "swap to a file of its own" },
  { ...both, id: "power.process-accounting", tried: "let the kernel write into a file at each process's end" },
  {
    ...{ ...both, id: "power.set-clock", program: "files.py", name: "capability.set-clock" },
    tried: "set the machine's clock",
  },
];
