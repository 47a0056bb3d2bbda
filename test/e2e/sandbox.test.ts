/** Conformance of the Docker driver, on every runtime that this engine has: what a container is given, and what not. */
import assert from "node:assert/strict";
import { existsSync, lstatSync, readFileSync, readlinkSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { DockerDriver } from "../../drivers/docker/driver.ts";
import { inside } from "../../protocol/layout.ts";
import { docker, IMAGE, openBox } from "./sandbox-box.ts";

const probe = new DockerDriver();
const { runtimes } = await probe.check();
/** A runtime that was set up to ignore cgroups can't limit anything; the driver says so. */
const unlimited = (runtime: string) => probe.cannot.some((what) => what.includes(runtime)) && "it ignores cgroups here";

/** A shell script that runs Python, its output on stderr. */
const python = (code: string) => `python3 - <<'EOF' >&2\n${code}\nEOF\n`;

for (const runtime of runtimes.filter((name) => name === "runc" || name === "runsc")) {
  describe(`a container under ${runtime}`, () => {
    const box = openBox(runtime);
    after(() => box.close());

    test("tells its exit code and the end of its stderr", async () => {
      const exit = await box.run("seq 1 5000 >&2; echo to stdout; echo the end >&2; exit 3");
      assert.equal(exit.code, 3);
      assert.equal(exit.outOfMemory, false);
      assert.match(exit.stderr, /5000\nthe end\n$/);
      assert.ok(exit.stderr.length <= 4096 && !exit.stderr.includes("stdout"));
    });

    test("is removed after its exit", async () => {
      const sandbox = await box.start("exit 0");
      await sandbox.exited;
      assert.equal(docker("ps", "-aq", "--filter", `id=${sandbox.id}`), "");
    });

    test("may end by itself when it is asked to stop", async () => {
      const sandbox = await box.start("trap 'exit 7' TERM; touch ready; while :; do sleep 0.05; done");
      await until(() => existsSync(join(box.dir, "workspace/ready")));
      await sandbox.stop(5_000);
      assert.equal((await sandbox.exited).code, 7);
    });

    test("is killed when it does not end within the grace", async () => {
      const sandbox = await box.start("trap '' TERM; touch deaf; while :; do sleep 1; done");
      await until(() => existsSync(join(box.dir, "workspace/deaf")));
      const began = performance.now();
      await sandbox.stop(300);
      const took = performance.now() - began;
      assert.ok(took >= 300 && took < 5_000, `${took} ms`);
      assert.equal((await sandbox.exited).code, 137);
      await sandbox.stop(300);
    });

    test("that somebody else removed has an exit too", async () => {
      const sandbox = await box.start("sleep 60");
      docker("rm", "-f", sandbox.id);
      assert.equal((await sandbox.exited).code, 137);
    });

    test("has no network but loopback, in a namespace of its own", async () => {
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

    test("runs as an unprivileged user without capabilities, and cannot get any", async () => {
      const { stderr } = await box.run("id >&2; grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status >&2");
      assert.match(stderr, /^uid=[1-9]\d* gid=[1-9]\d*/);
      for (const set of ["Inh", "Prm", "Eff", "Bnd"]) assert.match(stderr, new RegExp(`^Cap${set}:\\s0+$`, "m"));
      if (runtime === "runc") {
        assert.match(stderr, /^NoNewPrivs:\s1$/m);
        assert.match(stderr, /^Seccomp:\s2$/m);
      }
    });

    test("can write only its workspace, its provider's folder, /tmp, its home and shared memory", async () => {
      const { stderr } = await box.run(
        "for d in / /etc /usr/bin /app /app/node_modules /app/container/runner /app/container/providers /app/protocol /nanoclaw /nanoclaw/in " +
          "/nanoclaw/out /nanoclaw/config /nanoclaw/run /var/tmp /run /workspace /nanoclaw/provider /tmp /home/agent /dev/shm; do " +
          "(echo x > $d/probe) 2>/dev/null && echo $d >&2; done; true",
      );
      assert.deepEqual(stderr.trim().split("\n"), [
        "/workspace",
        inside.providerState,
        "/tmp",
        inside.home,
        "/dev/shm",
      ]);
    });

    test("runs scripts from /tmp", async () => {
      const exit = await box.run("printf '#!/bin/sh\\nexit 5' > /tmp/s; chmod +x /tmp/s; /tmp/s");
      assert.equal(exit.code, 5);
    });

    test("writes its outbound files but cannot remove, move, link or replace them", async () => {
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

    test("reads its inbound mailbox and cannot write, replace or chmod it", async () => {
      const { stderr } = await box.run(`
        cd /nanoclaw/in; cat inbound.db >&2
        (echo x >> inbound.db) 2>/dev/null && echo WROTE >&2
        chmod 777 inbound.db . 2>/dev/null && echo CHMOD >&2
        mv inbound.db x 2>/dev/null && echo MOVED >&2
        true`);
      assert.equal(stderr, "from the host");
    });

    test("reaches the session socket, also after the host made it anew", async () => {
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
      docker("exec", sandbox.id, "touch", "/workspace/again");
      const { stderr } = await sandbox.exited;
      second.close();
      assert.equal(stderr, "first\nsecond\n");
    });

    test("is told as out of memory when it takes too much", { skip: unlimited(runtime) }, async () => {
      const exit = await box.run("exec python3 -c 'x = bytearray(500 * 2**20)'", {
        limits: { memoryBytes: 96 * 2 ** 20 },
      });
      assert.deepEqual([exit.code, exit.outOfMemory], [137, true]);
    });

    test("cannot have more processes than allowed", { skip: unlimited(runtime) }, async () => {
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

    test("cannot write a larger file than allowed, nor open more files", async () => {
      const limits = { fileSizeBytes: 2 ** 20, openFiles: 64 };
      const { stderr } = await box.run("head -c 3000000 /dev/zero > big 2>/dev/null; ulimit -n -H >&2", { limits });
      assert.equal(statSync(join(box.dir, "workspace/big")).size, 2 ** 20);
      assert.equal(stderr, "64\n");
    });

    test("cannot take a lease, nor make namespaces, trace, or open a socket of another kind", async () => {
      const { stderr } = await box.run(
        python(`
import ctypes, errno, os, platform, socket
libc = ctypes.CDLL(None, use_errno=True)
numbers = {"x86_64": dict(fcntl=72, bpf=321, keyctl=250), "aarch64": dict(fcntl=25, bpf=280, keyctl=219)}[platform.machine()]
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
if "${runtime}" == "runc":
    call("keyctl", numbers["keyctl"], 0, -3, 0)
    for name, flag in dict(user=0x10000000, mount=0x20000, network=0x40000000).items():
        if libc.unshare(flag) == 0: print("ALLOWED unshare", name)
    if libc.ptrace(0, 0, 0, 0) == 0: print("ALLOWED ptrace")
    for kind in ((socket.AF_PACKET, socket.SOCK_RAW, 0), (38, socket.SOCK_SEQPACKET, 0), (40, socket.SOCK_STREAM, 0), (16, 3, 9), (2, 3, 255)):
        try: socket.socket(*kind); print("ALLOWED socket", kind)
        except OSError: pass
os.dup(fd); print("done")
`),
      );
      assert.equal(stderr, "done\n");
    });

    test("keeps little of what it writes to stdout and stderr", async () => {
      const sandbox = await box.start("yes | head -c 20000000; yes | head -c 20000000 >&2; sleep 30");
      const log = docker("inspect", "--format", "{{.LogPath}}", sandbox.id);
      await sleep(1500);
      const size = existsSync(log) ? statSync(log).size : 0;
      await sandbox.stop(0);
      assert.ok(size < 2 ** 20, `${size} bytes of log`);
    });

    test("has statistics while it runs", async () => {
      const sandbox = await box.start("i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; sleep 30");
      await sleep(700);
      const stats = await sandbox.stats();
      await sandbox.stop(0);
      assert.ok(stats.memoryBytes >= 0 && stats.cpuMillis >= 0 && stats.pids >= 0);
      if (!unlimited(runtime)) {
        assert.ok(stats.memoryBytes > 100_000 && stats.cpuMillis > 10 && stats.pids >= 2, JSON.stringify(stats));
      }
      await assert.rejects(sandbox.stats(), { name: "Retryable" });
    });

    test("is found again by its labels after the host died; ended ones are cleared away", async () => {
      const running = await box.start("sleep 60; exit 9");
      const ended = docker(
        "create",
        "--label",
        `nanoclaw.installation=${box.labels["nanoclaw.installation"]}`,
        IMAGE,
        "true",
      );
      const next = new DockerDriver();
      const survivors = await next.survivors(box.labels);
      assert.deepEqual(
        survivors.map(({ sandbox, labels }) => [sandbox.id, sandbox.name, labels["nanoclaw.session"]]),
        [[running.id, running.name, running.name.replace(/.*-(s-\d+)$/, "$1")]],
      );
      assert.equal(docker("ps", "-aq", "--filter", `id=${ended}`), "");
      await survivors[0]?.sandbox.stop(0);
      assert.equal((await running.exited).code, 137);
      next.close();
    });

    test("finds every place of the layout and the tools of the image", async () => {
      const { stderr, code } = await box.run(
        `for p in ${Object.values(inside)
          .filter((path) => typeof path === "string" && !WRITTEN_LATER.includes(path))
          .join(" ")}; do [ -e $p ] || echo MISSING $p >&2; done
        find / -xdev -type f -perm /6000 2>/dev/null >&2
        bun --version >/dev/null && rg --version >/dev/null && jq --version >/dev/null || echo TOOLS >&2
        cd /tmp && git init -q r && cd r && echo a > a && git add a && git commit -qm one || echo GIT >&2
        [ "$(TZ=Europe/Berlin date -d @0 +%H)" = 01 ] || echo ZONES >&2
        cd /app/protocol && bun -e 'await import("zod"); await import("@anthropic-ai/claude-agent-sdk"); await import("/app/protocol/rows.ts")'`,
      );
      assert.equal(stderr, "");
      assert.equal(code, 0);
    });
  });
}

/** What the host writes into those places before a session starts. */
const WRITTEN_LATER: string[] = [
  ...[inside.socket, inside.config, inside.instructions, inside.runnerMain, inside.ownAuthority, inside.authorities],
];

/** Looks until it is so; fails after ten seconds. */
async function until(isSo: () => boolean): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    if (isSo()) return;
    await sleep(25);
  }
  assert.fail("it did not become so within ten seconds");
}
