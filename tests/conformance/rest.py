"""rest.py: what the conformance tests share: configurations, and looks at answers."""
import re
import socket

IDLE = {"connector.class": "test-idle"}
TICK = {"connector.class": "test-idle", "how": "tick"}


def keep(work, **more):
    """A sink that keeps its position in a file below `work`."""
    return {"connector.class": "test-keep", "topics": "test.test-idle", "position.file": f"{work}/position", **more}


def error(answer, status, *parts):
    """G2: exactly the two members, error_code as the status, and these parts in the message."""
    assert answer.status == status, answer
    body = answer.json
    assert set(body) == {"error_code", "message"} and body["error_code"] == status, answer
    assert isinstance(body["message"], str) and body["message"], answer
    for part in parts:
        assert part in body["message"], answer
    return body["message"]


def raw(port, data, timeout=5, shut=False):
    """Sends bytes as they are; everything that comes back until the other side closes or is quiet."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as s:
        s.sendall(data)
        if shut:
            s.shutdown(socket.SHUT_WR)
        out = b""
        try:
            while True:
                more = s.recv(65536)
                if not more:
                    break
                out += more
        except (socket.timeout, ConnectionError):
            pass
        return out


def statuses(answer):
    """The status of each answer in a run of bytes."""
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d+) ", answer)]
