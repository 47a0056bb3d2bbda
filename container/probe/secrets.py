"""Looks for what the host hid: a text that begins as `prefix` says, wherever this user can read."""
import os
import re

from probe import attack, main

SKIPPED = ("/proc", "/sys", "/dev", "/usr", "/bin", "/lib", "/lib64", "/sbin", "/app/node_modules")
MOST_BYTES = 4 * 2**20


def pattern(prefix):
    return re.compile(re.escape("-".join(prefix)).encode() + rb"-[0-9a-f]{24}")


def found_in(paths, prefix, most=MOST_BYTES):
    wanted = pattern(prefix)
    for path in paths:
        try:
            with open(path, "rb") as file:
                if wanted.search(file.read(most)):
                    return path
        except (OSError, ValueError):
            continue
    return None


def pids():
    return [pid for pid in os.listdir("/proc") if pid.isdigit()]


@attack("secret.environment")
def _(prefix):
    path = found_in([f"/proc/{pid}/environ" for pid in pids()], prefix)
    return path is not None, f"it is in {path}" if path else "no environment has it"


@attack("secret.arguments")
def _(prefix):
    path = found_in([f"/proc/{pid}/cmdline" for pid in pids()], prefix)
    return path is not None, f"it is in {path}" if path else "no command line has it"


@attack("secret.memory")
def _(prefix):
    wanted = pattern(prefix)
    looked = 0
    for pid in pids():
        if int(pid) == os.getpid():
            continue
        try:
            areas = open(f"/proc/{pid}/maps").read().splitlines()
            memory = open(f"/proc/{pid}/mem", "rb", buffering=0)
        except OSError:
            continue
        budget = 256 * 2**20
        for area in areas:
            fields = area.split()
            if not fields[1].startswith("rw") or budget <= 0:
                continue
            start, end = (int(part, 16) for part in fields[0].split("-"))
            size = min(end - start, 64 * 2**20)
            budget -= size
            try:
                memory.seek(start)
                if wanted.search(memory.read(size)):
                    return True, f"it is in the memory of process {pid}"
            except (OSError, OverflowError, ValueError):
                continue
        looked += 1
    return False, f"the memory of {looked} other processes has it nowhere"


@attack("secret.files")
def _(prefix):
    def files():
        for folder, folders, names in os.walk("/"):
            folders[:] = [name for name in folders if os.path.join(folder, name) not in SKIPPED and not os.path.islink(os.path.join(folder, name))]
            for name in names:
                path = os.path.join(folder, name)
                if os.path.isfile(path) and not os.path.islink(path):
                    yield path

    path = found_in(files(), prefix)
    return path is not None, f"it is in {path}" if path else "no file that it can read has it"


@attack("secret.other-session")
def _(paths, prefix):
    path = found_in(paths, prefix)
    return path is not None, f"it read {path}" if path else "the other session's folder is not there"


if __name__ == "__main__":
    main()
