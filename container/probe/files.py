"""Attacks on files, mounts, /proc, /sys, devices and identity."""
import errno
import fcntl
import os
import resource
import shutil
import signal
import socket
import stat
import struct
import subprocess
import time

from probe import attack, either, first_line, main, os_error


def touch(path):
    with open(path, "wb"):
        pass


@attack("files.write-mailbox")
def _(path):
    return either(os_error(open, path, "r+b"), os_error(os.truncate, path, 0), os_error(os.unlink, path))


@attack("files.replace-in-folder")
def _(folder):
    try:
        names = os.listdir(folder)
    except PermissionError:
        names = ["session.sock"]
    attempts = [os_error(touch, f"{folder}/probe")]
    for name in names[:5]:
        attempts.append(os_error(os.rename, f"{folder}/{name}", f"{folder}/{name}.moved"))
        # Back again, or what was moved is missing where the report goes out.
        os_error(os.rename, f"{folder}/{name}.moved", f"{folder}/{name}")
    return either(*attempts)


@attack("files.change-code")
def _(folder):
    for name in os.listdir(folder):
        if os.path.isfile(f"{folder}/{name}"):
            return either(os_error(open, f"{folder}/{name}", "ab"), os_error(os.unlink, f"{folder}/{name}"))
    raise RuntimeError("no file there")


@attack("files.write-file")
def _(path):
    return os_error(open, path, "ab")


@attack("files.swap-for-link")
def _(path, bait):
    def swap():
        os.unlink(path)
        os.symlink(bait, path)

    return os_error(swap)


@attack("files.swap-by-rename")
def _(path):
    def swap():
        new = f"{os.path.dirname(path)}/.new"
        touch(new)
        os.rename(new, path)

    return os_error(swap)


@attack("files.rename-parent")
def _(path):
    folder = os.path.dirname(path)
    return os_error(os.rename, folder, f"{folder}-gone")


@attack("files.hard-link")
def _(path, to):
    return os_error(os.link, path, to)


@attack("files.put-beside")
def _(path):
    # A file beside the journal could be a super-journal, or a write-ahead log that a reader would trust.
    return os_error(touch, path)


@attack("files.fill-root")
def _():
    found = []
    for folder in ("/", "/etc", "/var/tmp", "/run", "/run/lock", "/app", "/usr/local", "/nanoclaw", "/var/lib", "/opt"):
        harm, _ = os_error(touch, f"{folder}/probe")
        if harm:
            found.append(folder)
            os.unlink(f"{folder}/probe")
    return bool(found), f"it can write {', '.join(found)}" if found else "no folder of the image can be written"


@attack("files.read-granted-mount")
def _(targets):
    written = [target for target in targets if os_error(touch, f"{target}/.nanoclaw-probe")[0]]
    return bool(written), f"wrote {', '.join(written)}" if written else f"{len(targets)} read-only"


@attack("identity.root-program-for-host")
def _(folder):
    path = f"{folder}/probe-setuid"
    try:
        shutil.copy("/bin/true", path)
        os.chmod(path, 0o4755)
        made = os.stat(path)
        return made.st_uid == 0 and bool(made.st_mode & stat.S_ISUID), f"it belongs to user {made.st_uid}"
    finally:
        if os.path.exists(path):
            os.unlink(path)


@attack("identity.root-only")
def _():
    return either(os_error(os.listdir, "/etc/ssl/private"), os_error(open, "/etc/security/opasswd"))


@attack("identity.set-uid-program")
def _(program):
    code = subprocess.run([program], check=False).returncode
    return code == 42, "it ran as root" if code == 42 else f"it ran without the right (code {code})"


@attack("identity.find-set-uid")
def _():
    found = []
    for base in ("/usr", "/bin", "/sbin", "/lib", "/opt", "/app/container", "/nanoclaw", "/etc", "/var"):
        for folder, _, names in os.walk(base):
            for name in names:
                path = f"{folder}/{name}"
                try:
                    info = os.lstat(path)
                except OSError:
                    continue
                if stat.S_ISREG(info.st_mode) and info.st_mode & (stat.S_ISUID | stat.S_ISGID) and not path.startswith("/nanoclaw/config/bait"):
                    found.append(path)
    return bool(found), ", ".join(found) or "there is none"


def in_child(function):
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            harm, said = function()
            os.write(writing, f"{int(harm)}{said}".encode())
        finally:
            os._exit(0)
    os.close(writing)
    text = os.read(reading, 1000).decode()
    os.waitpid(pid, 0)
    return text[0] == "1", text[1:]


@attack("capability.become-other-agent")
def _(uid):
    def become():
        return os_error(os.setresuid, uid, uid, uid)

    return in_child(become)


@attack("capability.give-away-file")
def _(folder, uid):
    path = f"{folder}/probe-owned"
    touch(path)
    try:
        return os_error(os.chown, path, uid, uid)
    finally:
        os.unlink(path)


@attack("capability.file-capabilities")
def _(folder):
    path = f"{folder}/probe-capable"
    touch(path)
    try:
        # Version 2, effective, all permitted: whoever of the host runs it has them.
        return os_error(os.setxattr, path, "security.capability", struct.pack("<5I", 0x02000001, 0xFFFFFFFF, 0, 0xFF, 0))
    finally:
        os.unlink(path)


@attack("capability.read-others-file")
def _(path):
    return os_error(open, path)


@attack("capability.make-device")
def _(folder):
    path = f"{folder}/probe-device"
    harm, said = os_error(os.mknod, path, 0o600 | stat.S_IFBLK, os.makedev(7, 0))
    if harm:
        os.unlink(path)
    return harm, said


@attack("capability.undeletable-file")
def _(folder):
    path = f"{folder}/probe-immutable"
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR)
    try:
        def immutable():
            fcntl.ioctl(descriptor, 0x40086602, struct.pack("l", 0x10))
            fcntl.ioctl(descriptor, 0x40086602, struct.pack("l", 0))

        return os_error(immutable)
    finally:
        os.close(descriptor)
        os.unlink(path)


@attack("capability.raise-limits")
def _():
    def more():
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard + 1, hard + 1))
        except ValueError as error:
            raise OSError(errno.EPERM, str(error)) from error

    return in_child(lambda: os_error(more))


@attack("capability.go-first")
def _():
    return in_child(lambda: os_error(os.setpriority, os.PRIO_PROCESS, 0, -10))


@attack("capability.set-clock")
def _():
    # The time that it is, so that nothing changes where it is allowed.
    return os_error(lambda: time.clock_settime(time.CLOCK_REALTIME, time.clock_gettime(time.CLOCK_REALTIME)))


@attack("proc.keys")
def _():
    try:
        text = open("/proc/keys").read()
    except OSError as error:
        return False, errno.errorcode[error.errno]
    return len(text) > 0, f"{len(text)} bytes of the kernel's keys" if text else "it is empty"


@attack("proc.firmware")
def _():
    try:
        names = os.listdir("/sys/firmware")
    except OSError as error:
        return False, errno.errorcode[error.errno]
    return bool(names), ", ".join(names) or "it is empty"


@attack("proc.timers")
def _():
    return os_error(lambda: open("/proc/timer_list").read(1))


@attack("proc.open-to-write")
def _(path):
    return os_error(os.open, path, os.O_WRONLY)


USUAL = {"null", "zero", "full", "random", "urandom", "tty", "ptmx", "console"}


@attack("device.unusual")
def _(name):
    path = f"/dev/{name}"
    if not os.path.exists(path):
        return False, "it is not there"
    return os_error(os.open, path, os.O_RDWR | os.O_NONBLOCK)


@attack("device.any-other")
def _():
    opened = []
    for folder, _, names in os.walk("/dev"):
        if folder.startswith(("/dev/pts", "/dev/shm", "/dev/fd", "/dev/mqueue")):
            continue
        for name in names:
            path = f"{folder}/{name}"
            mode = os.lstat(path).st_mode
            if name in USUAL or not (stat.S_ISCHR(mode) or stat.S_ISBLK(mode)):
                continue
            opened.append(path)
    return bool(opened), f"there is {', '.join(opened[:5])}" if opened else "none is there"


@attack("engine.socket")
def _():
    reached = []
    for path in ("/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock", "/run/podman/podman.sock"):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(2)
        try:
            client.connect(path)
            client.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            reached.append(f"{path} answered {client.recv(40)[:15].decode(errors='replace')}")
        except OSError:
            continue
    return bool(reached), "; ".join(reached) or "no engine's socket is there"


@attack("namespace.see-processes")
def _(marker):
    seen = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if marker.encode() in open(f"/proc/{pid}/cmdline", "rb").read() and int(pid) not in (os.getpid(), os.getppid()):
                seen.append(pid)
        except OSError:
            continue
    return bool(seen), f"it sees process {seen[0]} of the host" if seen else f"it sees {len(list(filter(str.isdigit, os.listdir('/proc'))))} processes, all its own"


@attack("namespace.kill-process")
def _(pid, marker):
    # The number is no secret: it is guessed by counting.
    try:
        if marker.encode() not in open(f"/proc/{pid}/cmdline", "rb").read():
            return False, "another process has that number here"
    except OSError as error:
        return False, errno.errorcode[error.errno]
    return os_error(os.kill, pid, signal.SIGTERM)


@attack("namespace.read-environment")
def _(marker):
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if marker.encode() in open(f"/proc/{pid}/environ", "rb").read():
                return True, f"it read the environment of process {pid} of the host"
        except OSError:
            continue
    return False, "no environment that it can read is the host's"


@attack("namespace.shared-memory")
def _(name):
    return os.path.exists(f"/dev/shm/{name}"), "it sees the host's shared memory" if os.path.exists(f"/dev/shm/{name}") else "its shared memory is its own"


@attack("namespace.host-name")
def _(name):
    seen = os.uname().nodename
    return seen == name, f"it is called {seen}"


@attack("namespace.cgroup-path")
def _():
    text = open("/proc/self/cgroup").read()
    path = next((line.split(":", 2)[2] for line in text.splitlines() if "/docker/" in line or ".scope" in line), None)
    return path is not None, f"it is {path}" if path else "it sees itself as the root"


@attack("restart.leave")
def _(paths):
    for path in paths:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write("touch /workspace/came-back\n")
    return False, f"left {', '.join(paths)}"


@attack("restart.find")
def _(paths):
    found = [path for path in paths if os.path.exists(path)]
    return bool(found), f"{', '.join(found)} came back" if found else "nothing came back"


if __name__ == "__main__":
    main()
