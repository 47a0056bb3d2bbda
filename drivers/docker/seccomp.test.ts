/** The seccomp profile as text; what it does in a container is tested in test/e2e/sandbox.test.ts. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";

interface Rule {
  names: string[];
  action: string;
  args?: { index: number; op: string; value: number; valueTwo?: number }[];
}
const file = resolve(import.meta.dirname, "../../container/image/seccomp.json");
const profile = JSON.parse(readFileSync(file, "utf8")) as { defaultAction: string; syscalls: Rule[] };
const allowed = profile.syscalls.filter(({ action }) => action === "SCMP_ACT_ALLOW");
const free = new Set(allowed.filter(({ args }) => !args).flatMap(({ names }) => names));

test("what is not named is refused", () => {
  assert.equal(profile.defaultAction, "SCMP_ACT_ERRNO");
});

test("nothing that reaches past the container is allowed", () => {
  const dangerous =
    "add_key bpf chroot clone3 delete_module fanotify_init finit_module fsmount fsopen init_module io_uring_setup kcmp " +
    "kexec_load keyctl mount move_mount name_to_handle_at open_by_handle_at open_tree perf_event_open pidfd_getfd " +
    "pivot_root process_vm_readv process_vm_writev ptrace quotactl reboot request_key setns settimeofday swapon sync " +
    "syncfs syslog umount2 unshare userfaultfd vmsplice";
  const named = new Set(allowed.flatMap(({ names }) => names));
  assert.deepEqual(
    dangerous.split(" ").filter((name) => named.has(name)),
    [],
  );
});

test("clone, fcntl, personality, socket and socketpair are never allowed whatever their arguments", () => {
  for (const name of ["clone", "fcntl", "personality", "socket", "socketpair"]) assert.ok(!free.has(name), name);
});

test("no fcntl rule lets F_SETLEASE through, however the upper half of its number is filled", () => {
  const lets = (command: number) =>
    allowed
      .filter(({ names }) => names.includes("fcntl"))
      .some(({ args = [] }) =>
        args.every(({ value, valueTwo }) => (BigInt(command) & BigInt(value)) === BigInt(valueTwo ?? -1)),
      );
  for (const upper of [0, 2 ** 32, 2 ** 40 + 2 ** 32]) assert.equal(lets(upper + 1024), false);
  for (const usual of [0, 1, 2, 3, 4, 5, 6, 7, 36, 37, 38, 1030, 1033]) assert.equal(lets(usual), true, `${usual}`);
});
