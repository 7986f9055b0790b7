"""Many clients, slow clients, rude clients (F47, F48, SEC-12), and many connectors (F49)."""
import concurrent.futures
import os
import socket
import time

from rest import IDLE, raw, statuses
from waiting import wait_until


def descriptors(host):
    return len(os.listdir(f"/proc/{host.pid}/fd"))


def test_F47_many_connections_at_once(host):
    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        answers = list(pool.map(lambda _: host.get("/connectors").status, range(1000)))
    assert set(answers) == {200}


def test_F47_many_creations_at_once(host):
    def create(i):
        return host.put(f"/connectors/c{i}/config", IDLE).status
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert set(pool.map(create, range(60))) == {201}
    wait_until(lambda: all(v["status"]["tasks"][0]["state"] == "RUNNING"
                           for v in host.get("/connectors?expand=status").json.values()), "all to be RUNNING", 60)
    began = time.monotonic()
    assert len(host.get("/connectors").json) == 60
    print(f"list of 60: {(time.monotonic() - began) * 1000:.1f} ms")
    host.restart()
    wait_until(lambda: len(host.workers()) == 60, "all workers again", 60)


def test_F48_clients_that_die_leave_nothing_behind(host):
    host.create("a", IDLE)
    before = descriptors(host)
    for i in range(100):
        s = socket.create_connection(("127.0.0.1", host.port))
        s.sendall((b"GET /connectors HTTP/1.1\r\nHost: localhost\r\n\r\n", b"POST /connectors HTTP/1.1\r\nHost: x",
                   b"PUT /connectors/x/config HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 33\r\n\r\n"
                   b'{"connector.class":"test-idle"  }')[i % 3])
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        s.close()
    assert host.get("/").status == 200
    # Some of the creations were complete, and may still be under way.
    wait_until(lambda: host.delete("/connectors/x").status in (204, 404) and descriptors(host) <= before,
               lambda: f"{descriptors(host)} descriptors to fall to {before}", 20)


def test_SEC12_slow_heads_are_cut_off_and_do_not_hold_others_up(host):
    slow = [socket.create_connection(("127.0.0.1", host.port)) for _ in range(50)]
    for s in slow:
        s.sendall(b"GET / HTTP/1.1\r\nHost: local")
    assert host.get("/").status == 200
    deadline = time.monotonic() + 20
    while slow and time.monotonic() < deadline:
        for s in list(slow):
            s.settimeout(0.2)
            try:
                s.sendall(b"h")
                if s.recv(1000) == b"":
                    raise ConnectionError
            except socket.timeout:
                continue
            except OSError:
                s.close()
                slow.remove(s)
    assert not slow, f"{len(slow)} connections are still open after 20 s of dripping"


def test_half_closed_and_empty_connections(host):
    assert statuses(raw(host.port, b"GET / HTTP/1.0\r\n\r\n", shut=True)) == [200]
    assert raw(host.port, b"", timeout=1, shut=True) == b""
    assert host.get("/").status == 200


def test_requests_that_wait_do_not_hold_others_up(host):
    """A validation runs in a child; meanwhile the rest is answered."""
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(host.put, "/connector-plugins/test-idle/config/validate", {"name": "a", **IDLE}) for _ in range(8)]
        began = time.monotonic()
        assert host.get("/").status == 200
        print(f"beside 8 validations: {(time.monotonic() - began) * 1000:.1f} ms")
        assert {w.result().status for w in waiting} == {200}
