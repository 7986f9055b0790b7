"""The plugin folder while the host runs (A6): what is dropped there is usable at once, and what is written over or taken
away costs no connector more than a moment."""
import os
import shutil
import signal
import time

import pytest

from homeport import Host, build_folder
from waiting import wait_until

BUILT = os.path.join(build_folder(), "tests", "plugins", "test-idle.so")
TICKS = {"connector.class": "test-idle", "how": "tick"}


@pytest.fixture
def folder(work):
    path = os.path.join(work, "plugins")
    os.mkdir(path, 0o755)
    return path


@pytest.fixture
def host(work, folder):
    made = Host(work, settings={"plugin.path": folder})
    made.start()
    yield made
    if made.alive():
        assert made.stop() == 0


def plugins(host):
    return [p["class"] for p in host.get("/connector-plugins").json]


def ticks(host, name):
    return host.metric("homeport_records_in_total", connector=name) or 0


def goes_on(host, name):
    seen = ticks(host, name)
    wait_until(lambda: ticks(host, name) > seen + 10, lambda: f"{name} to go on: {host.status(name)}\n{host.log_tail()}", 20)


def test_dropped_in_and_used_at_once(host, folder):
    assert plugins(host) == []
    with open(BUILT, "rb") as f:
        data = f.read()
    path = os.path.join(folder, "test-idle.so")
    with open(path, "wb") as f:  # a slow copy: not there before all that is loaded is
        for end in range(0, len(data) // 2, len(data) // 8):
            f.write(data[f.tell():end])
            f.flush()
            assert plugins(host) == []
            assert host.post("/connectors", {"name": "a", "config": TICKS}).status == 400
        f.write(data[f.tell():])
    host.create("a", TICKS)
    assert plugins(host) == ["test-idle"]
    os.rename(path, os.path.join(folder, "another-name.so"))
    assert plugins(host) == ["test-idle"]
    os.remove(os.path.join(folder, "another-name.so"))
    assert plugins(host) == []
    goes_on(host, "a")


def test_overwritten_while_in_use(host, folder):
    """cp writes into the very file that a worker has loaded: it runs on with what it has."""
    path = os.path.join(folder, "test-idle.so")
    shutil.copy(BUILT, path)
    host.create("a", TICKS)
    goes_on(host, "a")
    worker = host.workers()
    inode = os.stat(path).st_ino
    with open(path, "r+b") as f:
        f.truncate(0)
        goes_on(host, "a")
        f.write(b"\xcc" * os.path.getsize(BUILT))
    goes_on(host, "a")
    shutil.copy(BUILT, path)
    assert os.stat(path).st_ino == inode
    goes_on(host, "a")
    assert host.workers() == worker, host.log_tail()


@pytest.mark.parametrize("how", ["cut", "gone"])
def test_a_worker_that_starts_meanwhile_waits_for_it(host, folder, how):
    path = os.path.join(folder, "test-idle.so")
    shutil.copy(BUILT, path)
    host.create("a", TICKS)
    goes_on(host, "a")
    if how == "cut":
        os.truncate(path, 3000)
    else:
        os.remove(path)
    os.kill(host.workers()[0], signal.SIGKILL)
    wait_until(lambda: "names no plugin" in host.trace("a") or "cut short" in host.trace("a"), lambda: str(host.status("a")), 10)
    assert "RESTARTING" in str(host.status("a"))
    shutil.copy(BUILT, path)
    host.wait_state("a", "RUNNING")
    goes_on(host, "a")


def test_one_that_stays_away_is_an_error(host, folder):
    path = os.path.join(folder, "test-idle.so")
    shutil.copy(BUILT, path)
    host.create("a", TICKS)
    os.remove(path)
    host.restart_connector("a")
    host.wait_state("a", "FAILED", 60)
    assert "test-idle" in host.trace("a")
    shutil.copy(BUILT, path)
    host.restart_connector("a")
    host.wait_state("a", "RUNNING")


def test_hundreds(host, folder):
    with open(BUILT, "rb") as f:
        data = f.read()
    for i in range(500):
        with open(os.path.join(folder, f"{i}.so"), "wb") as f:
            f.write(data.replace(b"test-idle", b"tst-%05d" % i))
    began = time.monotonic()
    assert len(set(plugins(host))) == 500
    print(f"500 plugins listed in {(time.monotonic() - began) * 1000:.0f} ms")
    host.create("a", {**TICKS, "connector.class": "tst-00499"})
    goes_on(host, "a")
