"""A plugin that crashes, hangs or leaks costs its connector only (D4, D17; F40, F41), and shows its reason.

Beside each of them a pair of healthy connectors carries rows, and the REST interface keeps answering.
"""
import os
import time

import pytest

from homeport import Host, build_folder
from load import TABLES, Load, create_tables
from pipeline import Pair
from waiting import wait_until

SETTINGS = {"worker.hang.timeout.ms": "1500", "worker.restart.max": "3", "worker.memory.max.bytes": str(256 << 20),
            "task.shutdown.graceful.timeout.ms": "2000"}


@pytest.fixture
def host(work):
    folders = [os.path.join(build_folder(), "plugins"), os.path.join(build_folder(), "tests", "plugins")]
    made = Host(work, settings={**SETTINGS, "plugin.path": ",".join(folders)})
    made.start()
    yield made
    if made.alive():
        assert made.stop() == 0


@pytest.fixture
def healthy(host, databases):
    """A pair under load; at the end everything has arrived and neither of its workers was ever started again."""
    p = Pair(host, databases(15, "src"), databases(15, "dst"), "healthy")
    create_tables(*p.source)
    create_tables(*p.target)
    p.prepare()
    p.start()
    workers = set(host.workers())
    with Load(*p.source, pace=0.005) as load:
        yield p
        seen = load.rows
        wait_until(lambda: load.rows > seen + 50, "the load to go on", 20)
    p.wait_equal(*TABLES)
    load.check_journal(*p.target)
    assert workers <= set(host.workers()), "a healthy worker was started again"


def answers_quickly(host):
    """The supervisor never waits for a worker: the slowest of some calls."""
    slowest = 0.0
    for path in ("/", "/connectors?expand=status", "/connectors/bad/status", "/metrics") * 5:
        began = time.monotonic()
        assert host.get(path).status == 200
        slowest = max(slowest, time.monotonic() - began)
    print(f"slowest answer {slowest * 1000:.0f} ms")


@pytest.mark.parametrize("how,words", [
    ("segv", ["SIGSEGV", "segmentation"]), ("abort", ["SIGABRT", "abort"]), ("exit", ["exit", "status 3"]),
    ("stack", ["SIGSEGV", "segmentation"]), ("create-segv", ["SIGSEGV", "segmentation"]), ("start-abort", ["SIGABRT", "abort"]),
    ("fatal", []), ("config", [])])
def test_crashing(host, healthy, how, words):
    host.create("bad", {"connector.class": "test-crash", "how": how}, wait=None)
    host.wait_state("bad", "FAILED", 60)
    trace = host.trace("bad").lower()
    assert trace and (not words or any(w.lower() in trace for w in words)), trace
    answers_quickly(host)
    assert host.states(healthy.source_name) == ("RUNNING", ["RUNNING"])
    host.restart_connector("bad")
    host.wait_state("bad", "FAILED", 60)
    host.remove("bad")


@pytest.mark.parametrize("how", ["close-fds", "stdout", "stop-segv"])
def test_rude(host, healthy, how):
    host.create("bad", {"connector.class": "test-crash", "how": how}, wait=None)
    wait_until(lambda: host.status("bad"), "a status", 10)
    answers_quickly(host)
    host.remove("bad")
    wait_until(lambda: host.get("/connectors/bad").status == 404, "it to be gone", 20)
    wait_until(lambda: len(host.workers()) == 2, "its worker to be gone", 20)


def test_retried_errors_show_as_restarting(host, healthy):
    host.create("bad", {"connector.class": "test-crash", "how": "retry"}, wait=None)
    host.wait_state("bad", "RESTARTING", 30)
    assert host.trace("bad")
    answers_quickly(host)


@pytest.mark.parametrize("how", ["poll-spin", "poll-sleep", "start-sleep"])
def test_hanging(host, healthy, how):
    """No sign of life within worker.hang.timeout.ms: killed, tried again, and in the end FAILED with that reason."""
    host.create("bad", {"connector.class": "test-hang", "how": how}, wait=None)
    answers_quickly(host)
    host.wait_state("bad", "FAILED", 60)
    assert "worker.hang.timeout.ms" in host.trace("bad"), host.trace("bad")
    host.remove("bad")


def test_hanging_in_stop_is_cut_short(host, healthy):
    host.create("bad", {"connector.class": "test-hang", "how": "stop-sleep"}, wait=None)
    wait_until(lambda: len(host.workers()) == 3, "its worker", 10)
    host.remove("bad")
    wait_until(lambda: len(host.workers()) == 2, "its worker to be ended after the grace time", 20)


def test_waiting_and_saying_so_is_not_hanging(host, healthy):
    host.create("good", {"connector.class": "test-hang", "how": "waits"})
    workers = host.workers()
    began = time.monotonic()
    wait_until(lambda: time.monotonic() - began > 6, "four hang timeouts to pass", 10)
    assert host.workers() == workers and host.states("good") == ("RUNNING", ["RUNNING"])


@pytest.mark.parametrize("how", ["fast", "slow"])
def test_leaking(host, healthy, how):
    """worker.memory.max.bytes bounds it; the machine keeps its memory."""
    host.create("bad", {"connector.class": "test-leak", "how": how}, wait=None)
    wait_until(lambda: "RESTARTING" in str(host.status("bad")) or "FAILED" in str(host.status("bad")),
               lambda: f"the bound to be met: {host.status('bad')}", 60)
    assert "memory" in host.trace("bad").lower(), host.trace("bad")
    for pid in host.workers():
        try:
            assert host.memory(pid)["RssAnon"] < 300 * 1024
        except OSError:
            pass
    answers_quickly(host)
    host.remove("bad")


def test_stop_of_the_host_beside_a_hanging_plugin(work):
    folders = [os.path.join(build_folder(), "plugins"), os.path.join(build_folder(), "tests", "plugins")]
    host = Host(work, settings={**SETTINGS, "plugin.path": ",".join(folders), "worker.hang.timeout.ms": "60000"})
    host.start()
    host.create("bad", {"connector.class": "test-hang", "how": "poll-spin"}, wait=None)
    wait_until(lambda: len(host.workers()) == 1, "its worker", 10)
    assert host.stop(timeout=15) == 0
