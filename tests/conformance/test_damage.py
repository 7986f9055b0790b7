"""Damaged data files: each is named, costs its own connector and no other, and is never taken for a new one (F16, F43)."""
import glob
import os
import random
import shutil

import pytest

from homeport import path_of
from rest import TICK, error, keep
from waiting import wait_until

PAGE = os.sysconf("SC_PAGESIZE")


@pytest.fixture
def folder(make_host, work):
    """A stopped host's data folder: source a, sink s, and source b, all with data."""
    host = make_host(worker_restart_max="2").start()
    for name in ("a", "b"):
        host.create(name, TICK)
    host.create("s", keep(work))
    wait_until(lambda: all(host.offsets(c) for c in ("a", "b", "s")), "offsets of all")
    wait_until(lambda: os.path.exists(f"{work}/position"), "rows in the sink")
    assert host.stop() == 0
    return host


def cut(path, size):
    os.truncate(path, size)


def spoil(path, seed):
    """Every page's head but the first two's, as a disk that lost its mind would leave them."""
    dice = random.Random(seed)
    with open(path, "r+b") as f:
        for page in range(2, os.path.getsize(path) // PAGE):
            f.seek(page * PAGE + dice.randrange(8, 32))
            f.write(bytes([dice.randrange(256)]))


def refuses(host, *words):
    """Its start ends with status 1, and what it says has these words."""
    with open(host.log_path, "w", encoding="utf-8"):
        pass
    host.start(wait=False)
    assert host.process.wait(20) == 1, host.log_tail()
    for word in words:
        assert word in host.log(), host.log_tail()


@pytest.mark.parametrize("size", [0, 100, PAGE, 2 * PAGE, 3 * PAGE, 5 * PAGE])
def test_configurations_that_were_cut(folder, size):
    state = os.path.join(folder.data_dir, "state")
    cut(os.path.join(state, "data.mdb"), size)
    refuses(folder, state, "is empty" if size == 0 else "cut short")
    assert os.path.getsize(os.path.join(state, "data.mdb")) == size, "it was written to"


@pytest.mark.parametrize("gone", ["state/data.mdb", "state"])
def test_configurations_that_are_gone(folder, gone):
    path = os.path.join(folder.data_dir, gone)
    os.rename(path, path + ".away")
    refuses(folder, os.path.join(folder.data_dir, "state"), "is missing", "from a copy")
    os.rename(path + ".away", path)
    folder.start()
    assert sorted(folder.get("/connectors").json) == ["a", "b", "s"]


def test_configurations_that_are_spoilt(folder, work):
    """Whatever the damage does to its reader: a start that is refused says why; one that is not has everything."""
    path = os.path.join(folder.data_dir, "state", "data.mdb")
    shutil.copy(path, os.path.join(work, "good"))
    refused = 0
    for seed in range(12):
        shutil.copy(os.path.join(work, "good"), path)
        spoil(path, seed)
        with open(folder.log_path, "w", encoding="utf-8"):
            pass
        folder.start(wait=False)
        wait_until(lambda: folder.process.poll() is not None or folder.answers(), "an answer or an end", 20)
        if folder.process.poll() is None:
            assert sorted(folder.get("/connectors").json) == ["a", "b", "s"]
            folder.stop()
            continue
        assert folder.process.returncode == 1 and " ERROR " in folder.log() and "state" in folder.log(), (seed, folder.log_tail())
        refused += 1
    assert refused, "no damage was met"


def others_work(host):
    """The host is there, and what has nothing to do with the damage goes on."""
    host.wait_state("b", "RUNNING")
    before = host.offsets("b")
    wait_until(lambda: host.offsets("b") != before, "b to go on")
    assert host.get("/metrics").status == 200


@pytest.mark.parametrize("pages", [0, 1, 2, 3, 8])
def test_a_stream_that_was_cut(folder, pages):
    path = os.path.join(folder.data_dir, "streams", "a", "data.mdb")
    cut(path, pages * PAGE)
    folder.start()
    folder.wait_state("a", "FAILED")
    assert "stream a" in folder.trace("a") and ("cut short" in folder.trace("a") or "empty" in folder.trace("a")), folder.trace("a")
    error(folder.get(path_of("connectors", "a", "offsets")), 500, "connector a", "stream a")
    folder.wait_state("s", "FAILED")  # it has read from there: what may wait is not passed over (E7)
    assert "stream a" in folder.trace("s")
    others_work(folder)
    assert os.path.getsize(path) == pages * PAGE, "it was written to"


def test_a_stream_whose_file_is_gone(folder):
    os.remove(os.path.join(folder.data_dir, "streams", "a", "data.mdb"))
    folder.start()
    folder.wait_state("a", "FAILED")
    assert "no data file" in folder.trace("a")
    error(folder.get(path_of("connectors", "a", "offsets")), 500, "stream a", "no data file")
    others_work(folder)


def test_a_stream_that_is_spoilt(folder, work):
    """Reading it may end its reader: that is a worker or a probe, never the host; and the trace says which file it was."""
    path = os.path.join(folder.data_dir, "streams", "a", "data.mdb")
    shutil.copy(path, os.path.join(work, "good"))
    met = 0
    for seed in range(6):
        shutil.copy(os.path.join(work, "good"), path)
        spoil(path, seed)
        folder.start()
        wait_until(lambda: "FAILED" in str(folder.status("a")) or "RUNNING" in folder.states("a")[1], lambda: folder.status("a"))
        assert folder.get(path_of("connectors", "a", "offsets")).status in (200, 500)
        others_work(folder)
        if "FAILED" in str(folder.status("a")):
            assert "stream a" in folder.trace("a"), (seed, folder.trace("a"))
            met += 1
        assert folder.stop() == 0
    assert met, "no damage was met"


def test_what_a_sink_remembers(folder):
    """Its floors are no matter to be forgotten."""
    (path,) = glob.glob(os.path.join(folder.data_dir, "sinks", "s", "data.mdb"))
    cut(path, 0)
    folder.start()
    folder.wait_state("s", "FAILED")
    assert "sinks/s" in folder.trace("s") and "empty" in folder.trace("s")
    others_work(folder)
