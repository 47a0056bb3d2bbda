"""Bombs. Each stops by itself soon after the limit that should have stopped it, so that a machine without that limit
survives."""
import errno
import mmap
import os
import resource
import signal
import threading
import time

from probe import attack, first_line, main, os_error

MIB = 2**20


def enough(count, limit, said):
    """One that was too slow to come to the limit has shown nothing."""
    if count < limit and said == "it was not stopped":
        raise RuntimeError(f"too slow: {count} of {limit}")


@attack("bomb.memory")
def _(limit):
    # Children first: what goes over the limit is killed, and the one who asks is not.
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        open("/proc/self/oom_score_adj", "w").write("1000")
        taken = 0
        blocks = []
        end = time.monotonic() + 20
        while taken < limit + 128 * MIB and time.monotonic() < end:
            # MAP_POPULATE: the kernel fills every page, at once.
            blocks.append(mmap.mmap(-1, 64 * MIB, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x8000))
            taken += 64 * MIB
            os.write(writing, b".")
        os._exit(0)
    os.close(writing)
    count = 0
    began = time.monotonic()
    while chunk := os.read(reading, 4096):
        count += len(chunk)
    _, status = os.waitpid(pid, 0)
    killed = os.WIFSIGNALED(status)
    if not killed and count * 64 * MIB < limit:
        raise RuntimeError(f"too slow: {count * 64} MB in {time.monotonic() - began:.0f} s")
    return not killed, f"it {'was killed' if killed else 'was not stopped'} at {count * 64} MB"


@attack("bomb.processes")
def _(limit):
    # By a shell, which is quick at it; its children wait for a pipe that closes.
    reading, writing = os.pipe()
    script = 'i=0; while [ $i -lt $1 ]; do { read _ <&9; } & i=$((i+1)); done; exec sleep 30'
    shell = os.fork()
    if shell == 0:
        os.dup2(reading, 9, inheritable=True)
        os.close(writing)
        os.dup2(os.open("/dev/null", os.O_WRONLY), 2)
        os.execv("/bin/sh", ["sh", "-c", script, "sh", str(limit + 50)])
    end = time.monotonic() + 30
    most = 0
    ended = False
    while time.monotonic() < end and most < limit + 50 and not ended:
        most = max(most, sum(name.isdigit() for name in os.listdir("/proc")))
        # A shell that may not fork any more gives up.
        ended = os.waitpid(shell, os.WNOHANG)[0] == shell
        time.sleep(0.02)
    os.close(writing)
    if not ended:
        os.kill(shell, signal.SIGKILL)
        enough(most, limit, "it was not stopped")
    return most > limit, f"{most} processes, then: {'no more could be started' if ended else 'it was not stopped'}"


@attack("bomb.threads")
def _(limit):
    stop = threading.Event()
    threads = []
    said = "it was not stopped"
    threading.stack_size(64 * 1024)
    end = time.monotonic() + 30
    try:
        while len(threads) < limit + 50 and time.monotonic() < end:
            thread = threading.Thread(target=stop.wait, daemon=True)
            thread.start()
            threads.append(thread)
    except RuntimeError as error:
        said = str(error)
    stop.set()
    enough(len(threads), limit, said)
    return len(threads) >= limit, f"{len(threads)} threads, then: {said}"


@attack("bomb.processor")
def _(cpus):
    children = []
    began = time.monotonic()
    for _ in range(os.cpu_count() + 2):
        pid = os.fork()
        if pid == 0:
            while time.monotonic() < began + 1.5:
                pass
            os._exit(0)
        children.append(pid)
    used = 0.0
    for pid in children:
        _, _, usage = os.wait4(pid, 0)
        used += usage.ru_utime + usage.ru_stime
    cores = used / (time.monotonic() - began)
    return cores > cpus * 1.25 + 0.1, f"it used {cores:.2f} cores of {cpus} allowed"


@attack("bomb.open-files")
def _(limit):
    opened = []
    said = "it was not stopped"
    try:
        while len(opened) < limit + 50:
            opened.append(os.open("/dev/null", os.O_RDONLY))
    except OSError as error:
        said = errno.errorcode[error.errno]
    finally:
        for descriptor in opened:
            os.close(descriptor)
    return len(opened) >= limit, f"{len(opened)} files, then: {said}"


@attack("bomb.large-file")
def _(limit, folder):
    path = f"{folder}/probe-large"
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR)
    try:
        # One byte at the far end: it takes no room on the disk.
        return os_error(os.pwrite, descriptor, b"x", limit + 1)
    finally:
        os.close(descriptor)
        os.unlink(path)


def fill(folder, limit):
    path = f"{folder}/probe-fill"
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    block = b"x" * MIB
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY)
    written = 0
    said = "it was not stopped"
    try:
        while written < limit + 16 * MIB:
            written += os.write(descriptor, block)
    except OSError as error:
        said = errno.errorcode[error.errno]
    finally:
        os.close(descriptor)
        os.unlink(path)
    return written > limit, f"{written // MIB} MB, then: {said}"


@attack("bomb.fill")
def _(folder, limit):
    return fill(folder, limit)


@attack("bomb.inodes")
def _(folder, limit):
    made = 0
    said = "it was not stopped"
    base = f"{folder}/probe-inodes"
    os.mkdir(base)
    end = time.monotonic() + 30
    try:
        while made < limit + 100 and time.monotonic() < end:
            os.close(os.open(f"{base}/{made}", os.O_CREAT | os.O_WRONLY))
            made += 1
        enough(made, limit, said)
    except OSError as error:
        said = errno.errorcode[error.errno]
    finally:
        for count in range(made):
            os.unlink(f"{base}/{count}")
        os.rmdir(base)
    return made > limit, f"{made} files, then: {said}"


@attack("bomb.core-dump")
def _(folder):
    before = set(os.listdir(folder))
    pid = os.fork()
    if pid == 0:
        os.chdir(folder)
        try:
            resource.setrlimit(resource.RLIMIT_CORE, (64 * MIB, 64 * MIB))
        except (ValueError, OSError):
            pass
        os.abort()
    _, status = os.waitpid(pid, 0)
    made = [name for name in os.listdir(folder) if name not in before and name.startswith("core")]
    for name in made:
        os.unlink(f"{folder}/{name}")
    return bool(made) or os.WCOREDUMP(status), f"it left {made}" if made else "no image of its memory was left"


if __name__ == "__main__":
    main()
