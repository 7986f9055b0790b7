"""The host as a process: start, stop, its data folder, its settings, a full disk, plugins, metrics, the other commands."""
import json
import os
import shutil
import signal
import subprocess

import pytest

from homeport import Host
from load import TABLES, Load, create_tables
from pipeline import Pair
from waiting import wait_until


# ---- start and stop ----

def test_second_host_on_a_data_folder_is_refused(host, work):
    """F45."""
    other = Host(work, name="second")
    other.settings["data.dir"] = host.data_dir
    with pytest.raises(RuntimeError, match="data"):
        other.start()
    assert other.process.returncode not in (0, None)
    assert host.answers()


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_with_status_0(work, sig):
    host = Host(work).start()
    host.process.send_signal(sig)
    assert host.process.wait(20) == 0


@pytest.mark.parametrize("key,value,words", [
    ("listeners", "http://0.0.0.0:8083", ["listeners", "0.0.0.0", "loopback"]),
    ("listeners", "https://127.0.0.1:8083", ["listeners", "https"]),
    ("listeners", "nonsense", ["listeners", "nonsense"]),
    ("offset.flush.interval.ms", "soon", ["offset.flush.interval.ms", "soon"]),
    ("task.shutdown.graceful.timeout.ms", "-5", ["task.shutdown.graceful.timeout.ms", "-5"]),
])
def test_bad_values_end_the_start_with_the_key_and_the_value(work, key, value, words):
    host = Host(work)
    path = os.path.join(work, "bad.properties")
    settings = {"listeners": "http://127.0.0.1:0", "data.dir": host.data_dir, **host.settings, key: value}
    with open(path, "w", encoding="utf-8") as f:
        f.writelines(f"{k}={v}\n" for k, v in settings.items())
    done = subprocess.run([host.binary, "serve", "--config", path], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode not in (0, None)
    for word in words:
        assert word in done.stderr, done.stderr


def test_unknown_keys_are_warned_about_by_name(work):
    host = Host(work, settings={"no.such.key": "1", "config.storage.topicc": "x"})
    with host:
        assert "no.such.key" in host.log() and "config.storage.topicc" in host.log()


def test_commands(host):
    assert host.spawn("version").returncode == 0 and "0." in host.spawn("version").stdout
    assert "serve" in host.spawn("--help").stdout
    assert host.spawn("no-such-command").returncode == 2
    assert host.spawn("serve", "--no-such-flag").returncode == 2
    assert host.spawn("serve", "--config", "/no/such/file").returncode == 1
    listed = host.spawn("plugins", "--config", os.path.join(host.folder, f"{host.name}.properties"))
    assert listed.returncode == 0, listed.stderr
    for name in ("source-pg", "sink-pg", "transform-residency"):
        assert name in listed.stdout


# ---- the supervisor dies ----

def test_no_worker_outlives_its_supervisor(pair):
    p = pair().prepare("CREATE TABLE t (id int PRIMARY KEY)")
    p.start()
    assert len(p.host.workers()) == 2
    p.host.kill()
    p.host.start()
    p.host.wait_state(p.source_name, "RUNNING")
    p.host.wait_state(p.sink_name, "RUNNING")
    p.src("INSERT INTO t VALUES (1)")
    p.wait_equal("t")


def test_a_killed_worker_comes_back(pair):
    p = pair().prepare("CREATE TABLE t (id int PRIMARY KEY)")
    p.start()
    for n in range(3):
        workers = p.host.workers()
        for pid in workers:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: len(p.host.workers()) == 2 and not set(workers) & set(p.host.workers()), "new workers", 30)
        p.src(f"INSERT INTO t VALUES ({n})")
        p.wait_equal("t")
        p.host.wait_state(p.source_name, "RUNNING")
        p.host.wait_state(p.sink_name, "RUNNING")


def test_a_stopped_worker_is_told_from_a_living_one(pair):
    """D17, SIGSTOP: no sign of life within worker.hang.timeout.ms costs that worker only."""
    p = pair().prepare("CREATE TABLE t (id int PRIMARY KEY)")
    p.host.stop()
    p.host.settings["worker.hang.timeout.ms"] = "2000"
    p.host.start()
    p.start()
    p.src("INSERT INTO t VALUES (1)")
    p.wait_equal("t")
    frozen = p.host.workers()
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: len(p.host.workers()) == 2 and not set(frozen) & set(p.host.workers()), "new workers", 30)
    p.src("INSERT INTO t VALUES (2)")
    p.wait_equal("t")


@pytest.mark.parametrize("who", ["source", "sink"])
def test_frozen_worker_that_wakes_up_is_fenced(pair, who):
    """D15 / F46: a worker frozen longer than the hang timeout never writes after its successor has."""
    p = pair()
    create_tables(*p.source)
    create_tables(*p.target)
    p.prepare()
    p.start()
    with Load(*p.source) as load:
        for _ in range(3):
            seen = load.rows
            wait_until(lambda: load.rows > seen + 200, "the load to write", 30)
            workers = p.host.workers()
            victim = workers[0] if who == "source" else workers[-1]
            os.kill(victim, signal.SIGSTOP)
            p.host.process.kill()
            p.host.process.wait()
            p.host.start()
            try:
                os.kill(victim, signal.SIGCONT)
            except ProcessLookupError:
                pass
            p.host.wait_state(p.source_name, "RUNNING", 60)
            p.host.wait_state(p.sink_name, "RUNNING", 60)
    p.wait_equal(*TABLES)
    load.check_journal(*p.target)


# ---- a full disk ----

@pytest.fixture
def small_disk(work):
    """A folder on a file system of its own of 96 MiB."""
    folder = os.path.join(work, "disk")
    os.mkdir(folder)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", folder], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"needs the right to mount: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=False)


def test_full_disk_stops_the_source_and_goes_on_with_room(small_disk, work, databases):
    """F14: a clear state, nothing lost, and it goes on when there is room again."""
    ballast = os.path.join(small_disk, "ballast")
    with open(ballast, "wb") as f:
        f.write(b"\0" * (24 << 20))
    host = Host(work, settings={"log.reserve.bytes": str(2 << 20), "log.retention.bytes": str(1 << 20)})
    host.settings["data.dir"] = os.path.join(small_disk, "data")
    with host:
        p = Pair(host, databases(15, "src"), databases(15, "dst"), "full")
        p.prepare("CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE h (v int)")
        p.start()
        p.src("INSERT INTO t VALUES (0, 'x'); INSERT INTO h VALUES (0)")
        p.wait_equal("t", "h")
        host.pause(p.sink_name)  # holds retention back
        n = 0
        while host.states(p.source_name)[1] == ["RUNNING"] and n < 400:
            n += 1
            p.src(f"INSERT INTO t SELECT {n} * 1000 + g, repeat(md5(g::text), 16) FROM generate_series(1, 500) g; INSERT INTO h VALUES ({n})")
        wait_until(lambda: "space" in host.trace(p.source_name).lower() or "ENOSPC" in host.trace(p.source_name)
                   or "full" in host.trace(p.source_name).lower(),
                   lambda: f"the disk to be named: {host.status(p.source_name)}", 60)
        assert host.get("/connectors").status == 200
        assert host.states(p.sink_name)[0] == "PAUSED"
        os.remove(ballast)
        host.resume(p.sink_name)
        host.wait_state(p.source_name, "RUNNING", 90)
        p.src("INSERT INTO t VALUES (-1, 'after'); INSERT INTO h VALUES (-1)")
        p.wait_equal("t", "h", timeout=120)


# ---- plugins ----

def test_plugin_folder_takes_new_plugins_at_once(work):
    folder = os.path.join(work, "plugins")
    os.mkdir(folder, 0o755)
    with Host(work, settings={"plugin.path": folder}) as host:
        assert host.get("/connector-plugins").json == []
        built = os.path.join(host.build, "plugins")
        shutil.copy(os.path.join(built, "sink-pg.so"), folder)
        wait_until(lambda: [p["class"] for p in host.get("/connector-plugins").json if p["class"] == "sink-pg"],
                   "sink-pg to be listed", 5)
        shutil.copy(os.path.join(built, "source-pg.so"), folder)
        wait_until(lambda: {"sink-pg", "source-pg"} <= {p["class"] for p in host.get("/connector-plugins").json},
                   "source-pg to be listed", 5)
        answer = host.put("/connector-plugins/source-pg/config/validate", {"connector.class": "source-pg", "name": "x"})
        assert answer.status == 200 and answer.json["error_count"] > 0


def test_files_that_are_no_plugins_do_no_harm(work):
    """F42: garbage, empty, truncated, a folder, a FIFO, a link out of the folder, world-writable."""
    folder = os.path.join(work, "plugins")
    os.mkdir(folder, 0o755)
    with Host(work, settings={"plugin.path": folder}) as host:
        good = os.path.join(host.build, "plugins", "sink-pg.so")
        with open(good, "rb") as f:
            whole = f.read()
        for name, content in (("empty.so", b""), ("text.so", b"not an ELF file"), ("cut.so", whole[:1000]),
                              ("half.so", whole[:len(whole) // 2]), ("zeros.so", b"\x7fELF" + b"\0" * 5000),
                              ("noise.so", whole[:64] + os.urandom(20000))):
            with open(os.path.join(folder, name), "wb") as f:
                f.write(content)
        os.mkdir(os.path.join(folder, "folder.so"))
        os.mkfifo(os.path.join(folder, "fifo.so"))
        os.symlink("/etc/passwd", os.path.join(folder, "link.so"))
        shutil.copy(good, os.path.join(folder, "writable.so"))
        os.chmod(os.path.join(folder, "writable.so"), 0o777)
        assert host.get("/connector-plugins").json == []
        shutil.copy(good, os.path.join(folder, "sink-pg.so"))
        wait_until(lambda: [p["class"] for p in host.get("/connector-plugins").json if p["class"] == "sink-pg"],
                   "the good one to be listed", 5)
        assert host.alive()


# ---- what can be seen from outside ----

def test_metrics(pair):
    """One number each, per connector: records and bytes in and out, lag, snapshot progress, log size, restarts, errors."""
    p = pair().prepare("CREATE TABLE t (id int PRIMARY KEY)", seed="INSERT INTO t SELECT generate_series(1, 100)")
    p.start()
    p.src("INSERT INTO t SELECT generate_series(101, 250)")
    p.wait_equal("t")
    host = p.host

    def about(word):
        return [n for n, labels, _ in host.metrics() if word in n and "connector" in labels]
    for word in ("records_in", "records_out", "bytes_in", "bytes_out", "lag_bytes", "lag_seconds", "snapshot", "log_bytes",
                 "restarts", "errors"):
        wait_until(lambda w=word: about(w), lambda w=word: f"a metric about {w}:\n{host.get('/metrics').text}", 10)

    def counts(connector):
        return [v for n, labels, v in host.metrics() if labels.get("connector") == connector and "record" in n]
    wait_until(lambda: 250.0 in counts(p.source_name), lambda: f"250 records of the source:\n{host.get('/metrics').text}", 15)
    wait_until(lambda: 250.0 in counts(p.sink_name), lambda: f"250 records of the sink:\n{host.get('/metrics').text}", 15)
    for line in host.get("/metrics").text.splitlines():
        if line and not line.startswith("#"):
            float(line.rsplit(" ", 1)[1])


def test_topics_and_tail(pair):
    """What is in the log, as Debezium's JSON, while the host runs."""
    p = pair().prepare("CREATE TABLE t (id int PRIMARY KEY, v text)", seed="INSERT INTO t VALUES (1, 'snap')")
    p.start()
    p.src("INSERT INTO t VALUES (2, 'new')")
    p.src("UPDATE t SET v = 'changed' WHERE id = 2")
    p.src("DELETE FROM t WHERE id = 1")
    p.wait_equal("t")
    config = ["--config", os.path.join(p.host.folder, "host.properties")]
    topic = f"{p.name}.public.t"
    topics = p.host.spawn("topics", *config)
    assert topics.returncode == 0 and topic in topics.stdout, topics.stderr
    tail = p.host.spawn("tail", topic, "--from", "0", *config)
    assert tail.returncode == 0, tail.stderr
    lines = [json.loads(line) for line in tail.stdout.splitlines()]
    assert lines.pop() is None, "a delete is followed by a tombstone"
    values = lines
    assert [v["op"] for v in values] == ["r", "c", "u", "d"], tail.stdout
    assert values[0]["after"] == {"id": 1, "v": "snap"} and values[0]["source"]["snapshot"] != "false"
    assert values[1]["after"] == {"id": 2, "v": "new"} and values[1]["before"] is None
    assert values[1]["source"]["connector"] == "postgresql" and values[1]["source"]["table"] == "t"
    assert list(values[1])[:3] == ["before", "after", "source"]
