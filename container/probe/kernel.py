"""Attacks on the kernel's interfaces, by system calls."""
import ctypes
import errno
import mmap
import os
import signal
import socket
import struct
import time

from probe import LIBC, attack, call, either, main, os_error, refused, word

NEW_USER, NEW_NS, NEW_NET = 0x10000000, 0x20000, 0x40000000
STRUCT = lambda size: ctypes.create_string_buffer(size)


def in_child(function):
    """Runs what would change this process in a child; gives what it answers."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        try:
            harm, said = function()
        except BaseException as error:
            harm, said = None, repr(error)
        os.write(writing, (f"{'!' if harm is None else int(harm)}{said}").encode()[:1000])
        os._exit(0)
    os.close(writing)
    text = b""
    while chunk := os.read(reading, 1000):
        text += chunk
    os.waitpid(pid, 0)
    if text[:1] not in (b"0", b"1"):
        raise RuntimeError(text.decode())
    return text[:1] == b"1", text[1:].decode()


@attack("kernel.user-namespace")
def _():
    return in_child(lambda: refused("unshare", NEW_USER))


@attack("kernel.user-namespace-by-clone")
def _():
    def clone():
        result = call("clone", NEW_USER | signal.SIGCHLD, 0, 0, 0, 0)
        if result == 0:
            os._exit(0)
        return result > 0, f"clone: {word(result)}"

    return in_child(clone)


@attack("kernel.user-namespace-by-clone3")
def _():
    def clone3():
        arguments = struct.pack("<11Q", NEW_USER, 0, 0, 0, signal.SIGCHLD, 0, 0, 0, 0, 0, 0)
        result = call("clone3", ctypes.c_char_p(arguments), 88)
        if result == 0:
            os._exit(0)
        return result > 0, f"clone3: {word(result)}"

    return in_child(clone3)


@attack("kernel.add-key")
def _():
    return refused("add_key", ctypes.c_char_p(b"user"), ctypes.c_char_p(b"probe"), ctypes.c_char_p(b"left"), 4, -2)


@attack("kernel.keyctl")
def _():
    return refused("keyctl", 0, -3, 1)


@attack("kernel.request-key")
def _():
    return refused("request_key", ctypes.c_char_p(b"user"), ctypes.c_char_p(b"nobody-has-it"), None, -2)


@attack("kernel.io-uring")
def _():
    parameters = STRUCT(120)
    result = call("io_uring_setup", 4, parameters)
    return result >= 0, f"io_uring_setup: {word(result)}"


@attack("kernel.aio")
def _():
    context = ctypes.c_ulong(0)
    return refused("io_setup", 4, ctypes.byref(context))


@attack("kernel.userfaultfd")
def _():
    # User mode only: what the kernel gives to anyone.
    return refused("userfaultfd", 1)


@attack("kernel.perf-events")
def _():
    # A software clock of this process, without the kernel's part: what the kernel gives to anyone.
    settings = struct.pack("<IIQQQQQ", 1, 128, 0, 0, 0, 0, 0b11100001) + bytes(80)
    return refused("perf_event_open", ctypes.c_char_p(settings), 0, -1, -1, 0)


@attack("kernel.fanotify")
def _():
    return refused("fanotify_init", 0x200, 0)


@attack("kernel.lease")
def _(paths):
    taken = []
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        for kind in (0, 1):
            # The kernel looks at the lower 32 bits of the command only.
            for command in (1024, 0x100000400):
                if call("fcntl", descriptor, command, kind) == 0:
                    taken.append(path)
    return bool(taken), f"a lease on {', '.join(sorted(set(taken)))}" if taken else "refused on every file"


@attack("kernel.ptrace")
def _():
    def trace():
        pid = os.fork()
        if pid == 0:
            time.sleep(2)
            os._exit(0)
        result = call("ptrace", 16, pid, 0, 0)
        os.kill(pid, signal.SIGKILL)
        return result == 0, f"ptrace: {word(result)}"

    return in_child(trace)


def other_memory(name):
    buffer = STRUCT(8)
    local = struct.pack("QQ", ctypes.addressof(buffer), 8)
    # After a fork the same address is there in the parent too.
    parent = os.getppid()
    return refused(name, parent, ctypes.c_char_p(local), 1, ctypes.c_char_p(local), 1, 0)


@attack("kernel.read-other-memory")
def _():
    return in_child(lambda: other_memory("process_vm_readv"))


@attack("kernel.write-other-memory")
def _():
    return in_child(lambda: other_memory("process_vm_writev"))


@attack("kernel.steal-descriptor")
def _():
    def steal():
        process = call("pidfd_open", os.getppid(), 0)
        if process < 0:
            return False, f"pidfd_open: {word(process)}"
        return refused("pidfd_getfd", process, 0, 0)

    return in_child(steal)


@attack("kernel.compare-processes")
def _():
    return in_child(lambda: refused("kcmp", os.getpid(), os.getppid(), 1, 0, 0))


@attack("kernel.fixed-addresses")
def _():
    result = call("personality", 0x40000)
    return result >= 0, f"personality: {word(result)}"


@attack("kernel.flush-disks")
def _():
    return refused("syncfs", os.open("/workspace", os.O_RDONLY))


@attack("kernel.splice-pages")
def _():
    _, writing = os.pipe()
    page = mmap.mmap(-1, 4096)
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    return refused("vmsplice", writing, ctypes.c_char_p(struct.pack("QQ", address, 4096)), 1, 0)


@attack("kernel.pin-memory-policy")
def _():
    return refused("set_mempolicy", 0, None, 0)


@attack("kernel.message-queue")
def _():
    return refused("msgget", 0, 0o600)


def opens(family, kind, protocol=0):
    try:
        socket.socket(family, kind, protocol).close()
    except OSError as error:
        # "Not supported" comes from the kernel itself, after it was asked for.
        asked = error.errno in (errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT, errno.ESOCKTNOSUPPORT)
        return asked, errno.errorcode[error.errno]
    return True, "it worked"


@attack("kernel.crypto-socket")
def _():
    return opens(38, socket.SOCK_SEQPACKET)


@attack("kernel.hypervisor-socket")
def _():
    return opens(40, socket.SOCK_STREAM)


@attack("kernel.audit-socket")
def _():
    return opens(16, socket.SOCK_RAW, 9)


@attack("kernel.uevent-socket")
def _():
    return opens(16, socket.SOCK_RAW, 15)


@attack("kernel.bluetooth-socket")
def _():
    return opens(31, socket.SOCK_RAW, 1)


@attack("kernel.sctp-socket")
def _():
    return opens(socket.AF_INET, socket.SOCK_STREAM, 132)


# What needs a privilege too: stopped by the filter and by the lack of capabilities, each alone.


@attack("power.raw-socket")
def _():
    return os_error(socket.socket, socket.AF_INET, socket.SOCK_RAW, 1)


@attack("power.packet-socket")
def _():
    return os_error(socket.socket, 17, socket.SOCK_RAW, 0x0300)


@attack("power.mount")
def _():
    os.makedirs("/tmp/mounted", exist_ok=True)

    def mount():
        result = call("mount", ctypes.c_char_p(b"x"), ctypes.c_char_p(b"/tmp/mounted"), ctypes.c_char_p(b"tmpfs"), 0, None)
        return result == 0, f"mount: {word(result)}"

    return in_child(mount)


@attack("power.remount-writable")
def _(target):
    # MS_REMOUNT | MS_BIND without MS_RDONLY.
    result = call("mount", None, ctypes.c_char_p(target.encode()), None, 32 | 4096, None)
    if result == 0:
        call("mount", None, ctypes.c_char_p(target.encode()), None, 32 | 4096 | 1, None)
    return result == 0, f"mount: {word(result)}"


@attack("power.new-mount-interface")
def _():
    return refused("fsopen", ctypes.c_char_p(b"tmpfs"), 0)


@attack("power.clone-mount")
def _():
    # OPEN_TREE_CLONE: a copy of the whole tree, out of the reach of what is mounted over it.
    return refused("open_tree", -100, ctypes.c_char_p(b"/"), 1)


@attack("power.unmount")
def _(target):
    def unmount():
        result = call("umount2", ctypes.c_char_p(target.encode()), 8)
        # EXPIRE (4) marks a mount only; with a busy one it says so: it came as far as that.
        return result == 0 or -result in (errno.EBUSY, errno.EAGAIN, errno.EINVAL), f"umount2: {word(result)}"

    return in_child(unmount)


@attack("power.pivot-root")
def _():
    # To nowhere, so that nothing changes where it is allowed.
    return refused("pivot_root", ctypes.c_char_p(b"/nowhere"), ctypes.c_char_p(b"/nowhere"))


@attack("power.chroot")
def _():
    return in_child(lambda: refused("chroot", ctypes.c_char_p(b"/tmp")))


@attack("power.open-by-handle")
def _(path):
    # "Shocker": inode 2 is the root of the file system that the mount is a part of.
    where = os.open(path, os.O_RDONLY)
    handle = struct.pack("<IiIIII", 8, 1, 2, 0, 0, 0)
    result = call("open_by_handle_at", where, ctypes.c_char_p(handle), 0)
    if result < 0:
        return -result not in (errno.EPERM, errno.ENOSYS), f"open_by_handle_at: {word(result)}"
    return True, f"it sees {', '.join(os.listdir(result)[:5])}"


@attack("power.load-module")
def _():
    return refused("init_module", None, 0, ctypes.c_char_p(b""))


@attack("power.bpf")
def _():
    # The smallest program there is: r0 = 0; exit.
    code = struct.pack("<BBhiBBhi", 0xB7, 0, 0, 0, 0x95, 0, 0, 0)
    text, license = ctypes.create_string_buffer(code), ctypes.create_string_buffer(b"GPL")
    attributes = struct.pack("<IIQQ", 1, 2, ctypes.addressof(text), ctypes.addressof(license)) + bytes(96)
    result = call("bpf", 5, ctypes.c_char_p(attributes), 48)
    return result >= 0, f"bpf: {word(result)}"


@attack("power.kernel-log")
def _():
    return refused("syslog", 10, None, 0)


@attack("power.restart-machine")
def _():
    # With wrong magic numbers, so that nothing happens: "invalid" means that only these were in the way.
    return refused("reboot", 0, 0, 0, 0)


@attack("power.swap")
def _():
    return refused("swapon", ctypes.c_char_p(b"/nowhere"), 0)


@attack("power.process-accounting")
def _():
    return refused("acct", ctypes.c_char_p(b"/nowhere"))


if __name__ == "__main__":
    main()
