/**
 * What every driver of the Sandbox contract keeps, whatever its engine. A control that the driver says it can't give (`lacks`) is not asked
 * for, and shown as not given; everything else is tried from inside a container.
 */
import assert from "node:assert/strict";
import { existsSync, lstatSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Control, controls } from "../../../parts/prove/controls.ts";
import { inside } from "../../../protocol/layout.ts";
import { boxOf } from "./box.ts";
import type { EngineUnderTest } from "./engine.ts";

const MiB = 2 ** 20;

/** A shell script that runs Python, its output on stderr. */
const python = (code: string) => `python3 - <<'EOF' >&2\n${code}\nEOF\n`;

/**
 * @param short leaves out what takes long and rests on the engine's kernel rather than on the driver
 * @param engine one that works: its driver's `check` passes
 */
export async function sandboxConformance(name: string, engine: EngineUnderTest, short = false): Promise<void> {
  const driver = engine.driver();
  await driver.check();
  const lacks = driver.lacks(engine.runtime);

  describe(`a container of ${name}`, () => {
    const box = boxOf(driver, engine.image, engine.runtime);
    const left = () => engine.all(box.labels);
    after(() => {
      driver.close();
      for (const id of left()) engine.remove(id);
      box.removeFolders();
    });

    /** A behaviour of the driver's own: none may lack it. */
    const keeps = (behaviour: string, run: () => Promise<void>) => test(behaviour, run);
    /** One that rests on a control. */
    const given = (control: Control, behaviour: string, run: () => Promise<void>) => {
      const why = lacks[control];
      test(behaviour, { skip: why === undefined ? false : `not given: ${why}` }, run);
    };
    const long = short ? () => {} : given;

    keeps(
      "is described before it starts, and what it goes without is named by the controls of `ncl prove`",
      async () => {
        const spec = box.spec("true");
        const words = driver.describe(spec);
        for (const word of [spec.image, spec.name, ...spec.command])
          assert.ok(words.includes(word), `${word} in ${words}`);
        for (const [control, why] of Object.entries(lacks)) {
          assert.ok(Object.hasOwn(controls, control), `${control} is no control`);
          assert.ok(why.length > 10, `why there is no ${control}`);
        }
        for (const what of driver.cannot) assert.ok(what.length > 5, what);
      },
    );

    keeps("tells its exit code and the end of its stderr", async () => {
      const exit = await box.run("seq 1 5000 >&2; echo to stdout; echo the end >&2; exit 3");
      assert.equal(exit.code, 3);
      assert.equal(exit.outOfMemory, false);
      assert.match(exit.stderr, /5000\nthe end\n$/);
      assert.ok(exit.stderr.length <= 4096 && !exit.stderr.includes("stdout"));
    });

    keeps("that has no such program has an exit that says so", async () => {
      const { code, stderr } = await box.run("", { command: ["/no/such/program"] });
      assert.equal(code, 127);
      assert.match(stderr, /no\/such\/program/);
    });

    keeps("is removed after its exit", async () => {
      const sandbox = await box.start("exit 0");
      await sandbox.exited;
      assert.ok(!left().includes(sandbox.id));
    });

    keeps("may end by itself when it is asked to stop", async () => {
      const sandbox = await box.start("trap 'exit 7' TERM; touch ready; while :; do sleep 0.05; done");
      await until(() => existsSync(join(box.dir, "workspace/ready")));
      await sandbox.stop(20_000);
      assert.equal((await sandbox.exited).code, 7);
    });

    keeps("is killed when it does not end within the grace, and may be stopped again", async () => {
      const sandbox = await box.start("trap '' TERM; touch deaf; while :; do sleep 1; done");
      await until(() => existsSync(join(box.dir, "workspace/deaf")));
      const began = performance.now();
      await sandbox.stop(300);
      assert.ok(performance.now() - began >= 300, "it was given its grace");
      assert.equal((await sandbox.exited).code, 137);
      await sandbox.stop(300);
    });

    keeps("that somebody else removed has an exit too", async () => {
      const sandbox = await box.start("sleep 60");
      engine.remove(sandbox.id);
      assert.equal((await sandbox.exited).code, 137);
    });

    keeps("is found again by its labels after the host died, and its exit is told to the new one", async () => {
      const running = await box.start("while [ ! -e /workspace/over ]; do sleep 0.05; done; echo bye >&2; exit 9");
      const ended = engine.leaveEnded(box.labels, `${running.name}-ended`);
      const others = { "nanoclaw.installation": "another" };
      const foreign = engine.leaveEnded(others, `${running.name}-foreign`);
      const next = engine.driver();
      const survivors = await next.survivors(box.labels);
      const session = running.name.replace(/.*-(s-\d+)$/, "$1");
      assert.deepEqual(
        survivors.map(({ sandbox, labels }) => [sandbox.id, sandbox.name, labels["nanoclaw.session"]]),
        [[running.id, running.name, session]],
      );
      assert.deepEqual(await next.survivors({ ...box.labels, "nanoclaw.session": "none" }), []);
      assert.ok(!left().includes(ended), "one that has ended is cleared away");
      assert.ok(engine.all(others).includes(foreign), "one of others is not");
      engine.remove(foreign);
      writeFileSync(join(box.dir, "workspace/over"), "");
      const exits = await Promise.all([running.exited, survivors[0]?.sandbox.exited]);
      for (const exit of exits) assert.equal(exit?.code === 9 || exit?.code === 137, true, JSON.stringify(exit));
      assert.ok(
        exits.some((exit) => exit?.code === 9 && exit.stderr === "bye\n"),
        JSON.stringify(exits),
      );
      next.close();
    });

    keeps("is stopped by a host that found it again", async () => {
      const running = await box.start("sleep 60");
      const next = engine.driver();
      const [survivor] = await next.survivors(box.labels);
      await survivor?.sandbox.stop(0);
      assert.equal((await running.exited).code, 137);
      assert.deepEqual(await next.survivors(box.labels), []);
      next.close();
    });

    keeps("of a session takes the place of an ended one, never of a running one", async () => {
      const session = "s-same";
      const labels = { ...box.labels, "nanoclaw.session": session };
      engine.leaveEnded(labels, box.spec("true", { session }).name);
      const first = await box.start("sleep 60", { session });
      await assert.rejects(box.start("true", { session }), { name: "EngineError", message: new RegExp(first.name) });
      await first.stop(0);
    });

    keeps("that can't be had leaves nothing behind, and what is wrong is named", async () => {
      await assert.rejects(box.start("true", { image: "nanoclaw-agent:never-built" }), {
        name: "EngineError",
        message: /nanoclaw-agent:never-built/,
        hint: /./,
      });
      await assert.rejects(box.start("true", { runtime: "no-such-runtime" }), {
        name: "EngineError",
        message: /no-such-runtime/,
        hint: /./,
      });
      const absent = [{ source: join(box.dir, "absent"), target: "/mnt/x", readOnly: true }];
      await assert.rejects(box.start("true", { extraMounts: absent }), { name: "Misuse", message: /does not exist/ });
      await assert.rejects(driver.start({ ...box.spec("true"), user: { uid: 0, gid: 0 } }), { name: "Misuse" });
      assert.deepEqual(left(), []);
    });

    keeps("is one of many that start at once, each with its own exit", async () => {
      const exits = await Promise.all([1, 2, 3, 4].map((code) => box.run(`exit ${code}`)));
      assert.deepEqual(
        exits.map(({ code }) => code),
        [1, 2, 3, 4],
      );
    });

    given("network", "has no network but loopback, in a namespace of its own", async () => {
      const exit = await box.run(
        python(`
import os, socket
print("interfaces", [name for _, name in socket.if_nameindex()])
print("namespace", os.readlink("/proc/self/ns/net"))
server = socket.create_server(("127.0.0.1", 0))
socket.create_connection(("localhost", server.getsockname()[1]), 2)
print("loopback works")
for address in ("198.51.100.1", "172.17.0.1", "169.254.169.254"):
    try: socket.create_connection((address, 80), 2); print("REACHED", address)
    except OSError as error: print(address, error.strerror)
try: socket.getaddrinfo("example.com", 80); print("RESOLVED")
except OSError: print("no names")
try: print(open("/etc/resolv.conf").read())
except OSError: pass
`),
      );
      assert.match(exit.stderr, /^interfaces \['lo'\]$/m);
      assert.match(exit.stderr, /loopback works/);
      assert.match(exit.stderr, /no names/);
      assert.doesNotMatch(exit.stderr, /REACHED|RESOLVED|nameserver/);
      assert.ok(!exit.stderr.includes(readlinkSync("/proc/self/ns/net")), "it shares the host's network namespace");
      assert.equal(exit.code, 0);
    });

    keeps("has no capabilities", async () => {
      const { stderr } = await box.run("grep ^Cap /proc/self/status >&2");
      for (const set of ["Inh", "Prm", "Eff", "Bnd"]) assert.match(stderr, new RegExp(`^Cap${set}:\\s0+$`, "m"));
    });

    given(
      "user",
      "runs as the unprivileged user of its spec, in the working folder, with the environment",
      async () => {
        const spec = box.spec('echo "$(id -u):$(id -g) $(pwd) $WORD" >&2', { environment: { WORD: "one = 'two'" } });
        const { stderr } = await (await driver.start(spec)).exited;
        assert.equal(stderr, `${spec.user.uid}:${spec.user.gid} ${spec.workingDir} one = 'two'\n`);
      },
    );

    given("filter", "cannot get new privileges, and its system calls are filtered", async () => {
      const { stderr } = await box.run("grep -E '^(NoNewPrivs|Seccomp:)' /proc/self/status >&2");
      assert.match(stderr, /^NoNewPrivs:\s1$/m);
      assert.match(stderr, /^Seccomp:\s2$/m);
    });

    given("root", "can write only its workspace, its provider's folder, /tmp, its home and shared memory", async () => {
      const { stderr } = await box.run(
        "for d in / /etc /usr/bin /app /app/node_modules /app/container/runner /app/container/providers /app/protocol /nanoclaw /nanoclaw/in " +
          "/nanoclaw/out /nanoclaw/config /nanoclaw/run /var/tmp /run /workspace /nanoclaw/provider /tmp /home/agent /dev/shm; do " +
          "(echo x > $d/probe) 2>/dev/null && echo $d >&2; done; true",
      );
      const writable = ["/workspace", inside.providerState, "/tmp", inside.home, "/dev/shm"];
      assert.deepEqual(stderr.trim().split("\n"), writable);
    });

    given("granted mounts", "mounts what it is given, for reading and for writing as it was said", async () => {
      const [read, write] = [join(box.dir, "config"), join(box.dir, "workspace")];
      writeFileSync(join(read, "word"), "given");
      const extraMounts = [{ source: read, target: "/mnt/read", readOnly: true }];
      const script =
        "cat /mnt/read/word >&2; (echo x > /mnt/read/word) 2>/dev/null || echo ' refused' >&2; echo out > from-inside";
      assert.equal((await box.run(script, { extraMounts })).stderr, "given refused\n");
      assert.equal(readFileSync(join(write, "from-inside"), "utf8"), "out\n");
      rmSync(join(read, "word"));
    });

    given("single files", "writes its outbound files but cannot remove, move, link or replace them", async () => {
      const { stderr } = await box.run(`
        cd /nanoclaw/out
        echo hello > outbound.db && echo journal > outbound.db-journal && echo wrote >&2
        for f in outbound.db outbound.db-journal; do
          rm -f $f 2>/dev/null && echo REMOVED >&2
          mv $f other 2>/dev/null && echo MOVED >&2
          ln -sf /etc/passwd $f 2>/dev/null && echo LINKED >&2
          mv /tmp/new $f 2>/dev/null && echo REPLACED >&2
        done
        mv /nanoclaw/out /nanoclaw/gone 2>/dev/null && echo PARENT >&2
        true`);
      assert.equal(stderr, "wrote\n");
      for (const [name, text] of Object.entries({ "outbound.db": "hello\n", "outbound.db-journal": "journal\n" })) {
        const file = join(box.dir, "out", name);
        assert.ok(lstatSync(file).isFile());
        assert.equal(readFileSync(file, "utf8"), text);
      }
    });

    given("inbound mount", "reads its inbound mailbox and cannot write, replace or chmod it", async () => {
      const { stderr } = await box.run(`
        cd /nanoclaw/in; cat inbound.db >&2
        (echo x >> inbound.db) 2>/dev/null && echo WROTE >&2
        chmod 777 inbound.db . 2>/dev/null && echo CHMOD >&2
        mv inbound.db x 2>/dev/null && echo MOVED >&2
        true`);
      assert.equal(stderr, "from the host");
    });

    given("socket mount", "reaches the session socket, also after the host made it anew", async () => {
      const path = join(box.dir, "run/session.sock");
      const listen = async (word: string) => {
        rmSync(path, { force: true });
        const server = createServer((socket) => socket.end(word));
        await new Promise<void>((resolve) => server.listen({ path, writableAll: true }, resolve));
        return server;
      };
      const first = await listen("first");
      const sandbox = await box.start(
        python(`
import os, socket, time
def ask():
    s = socket.socket(socket.AF_UNIX); s.connect("${inside.socket}"); print(s.recv(99).decode())
ask(); open("/workspace/asked", "w").close()
while not os.path.exists("/workspace/again"): time.sleep(0.02)
ask()
`),
      );
      await until(() => existsSync(join(box.dir, "workspace/asked")));
      first.close();
      const second = await listen("second");
      writeFileSync(join(box.dir, "workspace/again"), "");
      const { stderr } = await sandbox.exited;
      second.close();
      assert.equal(stderr, "first\nsecond\n");
    });

    given("memory", "is told as out of memory when it takes too much", async () => {
      const exit = await box.run("exec python3 -c 'x = bytearray(500 * 2**20)'", { limits: { memoryBytes: 96 * MiB } });
      assert.deepEqual([exit.code, exit.outOfMemory], [137, true]);
    });

    given("processes", "cannot have more processes than allowed", async () => {
      const exit = await box.run(
        python(`
import os, time
count = 0
try:
    while True:
        if os.fork() == 0: time.sleep(30); os._exit(0)
        count += 1
except OSError as error: print(count, error.strerror)
`),
        { limits: { pids: 40 } },
      );
      const [count, words] = [Number.parseInt(exit.stderr, 10), exit.stderr];
      assert.ok(count > 20 && count < 40, words);
      assert.match(words, /temporarily unavailable/);
    });

    long("processor", "gets no more of the processor than allowed", async () => {
      const burn = python(`
import time
began, used = time.monotonic(), time.process_time()
while time.process_time() - used < 0.5: pass
print(time.process_time() - used, time.monotonic() - began)
`);
      const { stderr } = await box.run(burn, { limits: { cpus: 0.25 } });
      const [used = 0, took = 0] = stderr.split(" ").map(Number);
      assert.ok(took > used * 2.5, `${used} s of the processor in ${took} s`);
    });

    given("file size", "cannot write a larger file than allowed, nor open more files", async () => {
      const limits = { fileSizeBytes: MiB, openFiles: 64 };
      const { stderr } = await box.run("head -c 3000000 /dev/zero > big 2>/dev/null; ulimit -n -H >&2", { limits });
      assert.equal(statSync(join(box.dir, "workspace/big")).size, MiB);
      assert.equal(stderr, "64\n");
    });

    given("tmp size", "runs scripts from /tmp, and cannot fill it above its size", async () => {
      const spec = box.spec(
        "printf '#!/bin/sh\\nexit 5' > /tmp/s; chmod +x /tmp/s; head -c 3000000 /dev/zero > /tmp/b; wc -c < /tmp/b >&2; /tmp/s",
      );
      const tmpfs = spec.tmpfs.map((one) => ({ ...one, size: MiB }));
      const { code, stderr } = await (await driver.start({ ...spec, tmpfs })).exited;
      assert.equal(code, 5);
      assert.ok(Number(stderr.trim().split("\n").at(-1)) <= MiB, stderr);
    });

    long("filter", "cannot make namespaces, trace, or open a socket of another kind", async () => {
      const { stderr } = await box.run(
        python(`
import ctypes, platform, socket
libc = ctypes.CDLL(None, use_errno=True)
keyctl = {"x86_64": 250, "aarch64": 219}[platform.machine()]
if libc.syscall(*[ctypes.c_long(arg) for arg in (keyctl, 0, -3, 0)]) >= 0: print("ALLOWED keyctl")
for name, flag in dict(user=0x10000000, mount=0x20000, network=0x40000000).items():
    if libc.unshare(flag) == 0: print("ALLOWED unshare", name)
if libc.ptrace(0, 0, 0, 0) == 0: print("ALLOWED ptrace")
for kind in ((socket.AF_PACKET, socket.SOCK_RAW, 0), (38, socket.SOCK_SEQPACKET, 0), (40, socket.SOCK_STREAM, 0), (16, 3, 9), (2, 3, 255)):
    try: socket.socket(*kind); print("ALLOWED socket", kind)
    except OSError: pass
print("done")
`),
      );
      assert.equal(stderr, "done\n");
    });

    long("bytes", "cannot take a lease on what the host writes and reads", async () => {
      const { stderr } = await box.run(
        python(`
import ctypes, os, platform
libc = ctypes.CDLL(None, use_errno=True)
numbers = {"x86_64": dict(fcntl=72, bpf=321), "aarch64": dict(fcntl=25, bpf=280)}[platform.machine()]
def call(name, number, *args):
    if libc.syscall(*[ctypes.c_long(arg) for arg in (number, *args)]) >= 0: print("ALLOWED", name)
fd = os.open("/nanoclaw/in/inbound.db", os.O_RDONLY)
mine = os.open("/nanoclaw/out/outbound.db", os.O_RDONLY)
for one in (fd, mine):
    for lease in (0, 1):
        call("lease", numbers["fcntl"], one, 1024, lease)
        # The kernel looks at the lower 32 bits only.
        call("lease by a long number", numbers["fcntl"], one, 0x100000400, lease)
call("bpf", numbers["bpf"], 5, 0, 0)
os.dup(fd); print("done")
`),
      );
      assert.equal(stderr, "done\n");
    });

    keeps("keeps little of what it writes to stdout and stderr", async () => {
      const sandbox = await box.start(
        "lines() { tr '\\0' x </dev/zero | fold -w 1000 | head -c 5000000; }; lines; lines >&2; touch written; sleep 60",
      );
      await until(() => existsSync(join(box.dir, "workspace/written")));
      const kept = engine.outputKept(sandbox.id);
      await sandbox.stop(0);
      assert.ok(kept < MiB, `${kept} bytes are kept`);
    });

    keeps("has statistics while it runs", async () => {
      const sandbox = await box.start("i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; touch counted; sleep 60");
      await until(() => existsSync(join(box.dir, "workspace/counted")));
      const stats = await sandbox.stats();
      await sandbox.stop(0);
      assert.ok(stats.memoryBytes >= 0 && stats.cpuMillis >= 0 && stats.pids >= 0);
      if (lacks.memory === undefined) assert.ok(stats.memoryBytes > 100_000, JSON.stringify(stats));
      if (lacks.processor === undefined) assert.ok(stats.cpuMillis > 10, JSON.stringify(stats));
      if (lacks.processes === undefined) assert.ok(stats.pids >= 2, JSON.stringify(stats));
      await assert.rejects(sandbox.stats(), { name: "Retryable" });
    });
  });
}

/** Looks until it is so; fails after a minute. */
async function until(isSo: () => boolean): Promise<void> {
  for (let tries = 0; tries < 2400; tries++) {
    if (isSo()) return;
    await sleep(25);
  }
  assert.fail("it did not become so within a minute");
}
