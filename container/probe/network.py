"""Attacks on the network: whatever leaves the container, or reaches a server that is not its own, is harm."""
import errno
import os
import socket

from probe import attack, main

PATIENCE = 1.5
# Nothing was sent: the container has no way there.
NO_WAY = (errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EPERM, errno.EACCES, errno.ENODEV)


def left(error):
    """Whether a question had left when this error came. A stack without any device but loopback may also say that the host
    can't be reached."""
    if error.errno == errno.EHOSTUNREACH:
        return any(name != "lo" for _, name in socket.if_nameindex())
    return error.errno not in NO_WAY


def connects(address, family=socket.AF_INET):
    """Harm also where nobody answers: the question had left."""
    client = socket.socket(family, socket.SOCK_STREAM)
    client.settimeout(PATIENCE)
    try:
        client.connect(address)
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        return True, f"it reached {address[0]}"
    except TimeoutError:
        return True, f"the question to {address[0]} left the container"
    except OSError as error:
        name = errno.errorcode.get(error.errno or 0, str(error))
        return left(error), name
    finally:
        client.close()


def sends(address, payload, family=socket.AF_INET):
    client = socket.socket(family, socket.SOCK_DGRAM)
    client.settimeout(PATIENCE)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    try:
        client.sendto(payload, address)
        return True, f"a packet to {address[0]} left the container"
    except OSError as error:
        return left(error), errno.errorcode.get(error.errno or 0, str(error))
    finally:
        client.close()


@attack("network.interfaces")
def _():
    names = [name for _, name in socket.if_nameindex() if name != "lo"]
    usable = [name for name in names if open(f"/sys/class/net/{name}/operstate").read().strip() in ("up", "unknown")]
    return bool(usable), ", ".join(usable) or "there is loopback alone"


@attack("network.internet")
def _(address):
    return connects((address, 443))


@attack("network.metadata")
def _():
    return connects(("169.254.169.254", 80))


@attack("network.name-server")
def _(address):
    # A question for example.org, as a program asks it.
    question = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03org\x00\x00\x01\x00\x01"
    return sends((address, 53), question)


@attack("network.names")
def _():
    try:
        text = open("/etc/resolv.conf").read()
    except OSError as error:
        return False, errno.errorcode[error.errno]
    servers = [line for line in text.splitlines() if line.startswith("nameserver")]
    return bool(servers), f"it knows {servers[0]}" if servers else "no name server is known to it"


@attack("network.bridge")
def _():
    # The usual addresses of an engine's bridge on its host.
    results = [connects((address, 2375)) for address in ("172.17.0.1", "192.168.65.2", "10.0.2.2")]
    harm = [said for done, said in results if done]
    return bool(harm), "; ".join(harm) or results[0][1]


@attack("network.neighbours")
def _():
    return sends(("172.17.255.255", 9), b"who is there")


@attack("network.multicast")
def _():
    return sends(("224.0.0.251", 5353), b"who is there")


@attack("network.ipv6")
def _():
    return connects(("2001:db8::1", 443), socket.AF_INET6)


@attack("network.host-loopback")
def _(port):
    client = socket.socket()
    client.settimeout(PATIENCE)
    try:
        client.connect(("127.0.0.1", port))
        return True, "it reached a server of the host on 127.0.0.1"
    except OSError as error:
        return False, errno.errorcode.get(error.errno or 0, str(error))


@attack("network.host-loopback6")
def _(port):
    client = socket.socket(socket.AF_INET6)
    client.settimeout(PATIENCE)
    try:
        client.connect(("::1", port))
        return True, "it reached a server of the host on ::1"
    except OSError as error:
        return False, errno.errorcode.get(error.errno or 0, str(error))


@attack("network.abstract-socket")
def _(name):
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(PATIENCE)
    try:
        client.connect(f"\0{name}")
        return True, "it reached a socket of the host that has no path"
    except OSError as error:
        return False, errno.errorcode.get(error.errno or 0, str(error))


@attack("network.routes")
def _():
    routes = open("/proc/net/route").read().splitlines()[1:]
    away = [route.split()[0] for route in routes if not route.startswith("lo")]
    return bool(away), f"it has a route by {away[0]}" if away else "it has no route"


if __name__ == "__main__":
    main()
