"""What every attack of the probe is made of. An attack is a function under an id; it answers whether harm was done, and
what happened in a few plain words. One that ends otherwise (an exception, a signal) has shown nothing."""
import ctypes
import errno
import json
import os
import platform
import sys

ATTACKS = {}
LIBC = ctypes.CDLL(None, use_errno=True)

# Numbers of system calls that the C library has no function for: x86_64, aarch64.
NUMBERS = {
    "acct": (163, 89), "add_key": (248, 217), "bpf": (321, 280), "chroot": (161, 51), "clone": (56, 220),
    "clone3": (435, 435), "fanotify_init": (300, 262), "fcntl": (72, 25), "fsopen": (430, 430),
    "init_module": (175, 105), "io_setup": (206, 0), "io_uring_setup": (425, 425), "kcmp": (312, 272),
    "keyctl": (250, 219), "mlockall": (151, 230), "mount": (165, 40), "move_pages": (279, 239),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265), "open_tree": (428, 428),
    "perf_event_open": (298, 241), "personality": (135, 92), "pidfd_getfd": (438, 438), "pidfd_open": (434, 434),
    "pivot_root": (155, 41), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "ptrace": (101, 117),
    "reboot": (169, 142), "request_key": (249, 218), "set_mempolicy": (238, 237), "swapon": (167, 224),
    "syncfs": (306, 267), "syslog": (103, 116), "umount2": (166, 39), "unshare": (272, 97),
    "userfaultfd": (323, 282), "vmsplice": (278, 75), "mq_open": (240, 180), "msgget": (68, 186),
}
COLUMN = {"x86_64": 0, "aarch64": 1}[platform.machine()]


def attack(name):
    def register(function):
        ATTACKS[name] = function
        return function

    return register


def call(name, *args):
    """Makes a system call. Gives its result, or minus the error's number."""
    values = [arg if isinstance(arg, (ctypes.c_long, ctypes.c_void_p)) or not isinstance(arg, int) else ctypes.c_long(arg) for arg in args]
    ctypes.set_errno(0)
    result = LIBC.syscall(ctypes.c_long(NUMBERS[name][COLUMN]), *values)
    return result if result != -1 else -ctypes.get_errno()


def word(result):
    """An error's number as its name."""
    return "it worked" if result >= 0 else errno.errorcode.get(-result, str(-result))


def refused(name, *args, denied=(errno.EPERM, errno.ENOSYS, errno.EACCES)):
    """Harm unless the call is denied: any other error means that it came as far as its arguments."""
    result = call(name, *args)
    return -result not in denied, f"{name}: {word(result)}"


def os_error(function, *args, **named):
    """Harm where it works. Its error is the answer otherwise."""
    try:
        function(*args, **named)
    except OSError as error:
        return False, errno.errorcode.get(error.errno or 0, str(error))
    return True, "it worked"


def either(*results):
    """One attack by several means: harm where one of them did any."""
    done = [said for harm, said in results if harm]
    return (True, "; ".join(done)) if done else (False, "; ".join(dict.fromkeys(said for _, said in results)))


def first_line(path):
    with open(path, errors="replace") as file:
        return file.readline().strip()


def main():
    settings = json.loads(sys.argv[2]) if len(sys.argv) > 2 else {}
    harm, said = ATTACKS[sys.argv[1]](**settings)
    print(json.dumps({"harm": bool(harm), "said": str(said)[:400]}), flush=True)
    # Threads and children that an attack left behind end with this process's group, by its parent.
    os._exit(0)
