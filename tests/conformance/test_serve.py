"""`homeport serve` by hand: settings, start and end, one host per data folder, and what survives kill -9."""
import os
import re
import signal
import subprocess

import pytest

from homeport import Host, build_folder
from rest import IDLE, TICK, keep
from waiting import wait_until


def test_SEC04_only_loopback(make_host):
    for listeners in ("http://0.0.0.0:0", "http://:8083", "http://10.1.2.3:8083"):
        host = make_host()
        done = subprocess.run([host.binary, "serve", "--data-dir", host.data_dir, "--set", f"listeners={listeners}"],
                              capture_output=True, text=True, timeout=10, check=False)
        assert done.returncode == 1 and "loopback only" in done.stderr and listeners in done.stderr, done


@pytest.mark.parametrize("key,value,allowed", [
    ("worker.restart.max", "many", "whole number"), ("log.level", "LOUD", "ERROR|WARN|INFO|DEBUG"),
    ("offset.flush.interval.ms", "0", "from 1"), ("listeners", "https://127.0.0.1:1", "http://HOST:PORT")])
def test_bad_values_end_the_start(make_host, work, key, value, allowed):
    path = os.path.join(work, "bad.properties")
    with open(path, "w", encoding="utf-8") as f:
        f.write(f"listeners=http://127.0.0.1:0\n{key}={value}\n")
    host = make_host()
    done = subprocess.run([host.binary, "serve", "--config", path, "--data-dir", host.data_dir], capture_output=True, text=True,
                          timeout=10, check=False)
    assert done.returncode == 1 and key in done.stderr and value in done.stderr and allowed in done.stderr, done


def test_unknown_keys_are_warned_about(make_host):
    host = make_host(**{"no_such_key": "1", "group_id": "connect", "producer_acks": "all", "config_providers": "file"}).start()
    warnings = [line for line in host.log().splitlines() if " WARN " in line]
    assert any("no.such.key" in w for w in warnings) and any("group.id" in w for w in warnings)
    assert any("config.providers is not supported yet" in w for w in warnings)
    assert sum("no.such.key" in w for w in warnings) == 1


def test_a_file_that_is_not_there(make_host):
    host = make_host()
    done = subprocess.run([host.binary, "serve", "--config", "/nowhere/x.properties"], capture_output=True, text=True, timeout=10,
                          check=False)
    assert done.returncode == 1 and "/nowhere/x.properties" in done.stderr


def test_port_0_is_told(make_host):
    host = make_host()
    host.port = 0
    host.start(wait=False)
    address = os.path.join(host.data_dir, "listen")
    wait_until(lambda: os.path.exists(address), "the address")
    with open(address, encoding="utf-8") as f:
        text = f.read()
    host.port = int(re.fullmatch(r"http://127\.0\.0\.1:(\d+)\n", text).group(1))
    assert host.get("/").status == 200 and f"REST listens on http://127.0.0.1:{host.port}," in host.log()


def test_a_port_in_use(host, make_host):
    other = make_host(name="other")
    done = subprocess.run([other.binary, "serve", "--data-dir", other.data_dir, "--set", f"listeners=http://127.0.0.1:{host.port}"],
                          capture_output=True, text=True, timeout=10, check=False)
    assert done.returncode == 1 and "in use" in done.stderr


def test_F45_a_second_host_on_the_same_data_folder(host):
    done = subprocess.run([host.binary, "serve", "--data-dir", host.data_dir, "--set", "listeners=http://127.0.0.1:0"],
                          capture_output=True, text=True, timeout=10, check=False)
    assert done.returncode == 1 and str(host.pid) in done.stderr and "lock" in done.stderr, done
    assert host.get("/").status == 200


def test_F10_sigterm_sigint_and_the_end_of_the_terminal_end_with_0(make_host, work):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        host = make_host(name=number.name).start()
        host.create("a", TICK)
        host.create("s", keep(work))
        workers = host.workers()
        host.process.send_signal(number)
        assert host.process.wait(10) == 0
        assert not any(os.path.exists(f"/proc/{p}") for p in workers)


def test_nohup(make_host):
    host = make_host()
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        host.start()
    finally:
        signal.signal(signal.SIGHUP, before)
    host.process.send_signal(signal.SIGHUP)
    host.create("a", IDLE)
    assert host.stop() == 0


def test_closed_standard_descriptors_are_not_used_for_anything_else(make_host):
    host = make_host()
    address = os.path.join(host.data_dir, "listen")
    # pylint: disable=subprocess-popen-preexec-fn
    with subprocess.Popen([host.binary, "serve", "--data-dir", host.data_dir, "--set", "listeners=http://127.0.0.1:0"],
                          preexec_fn=lambda: [os.close(fd) for fd in (0, 1, 2)]) as process:
        wait_until(lambda: os.path.exists(address), "the address")
        links = [os.readlink(f"/proc/{process.pid}/fd/{fd}") for fd in (0, 1, 2)]
        process.terminate()
        assert process.wait(10) == 0 and links == ["/dev/null"] * 3


def test_workers_do_not_outlive_a_killed_supervisor(host):
    host.create("a", TICK)
    host.create("h", {"connector.class": "test-hang", "how": "poll-spin"}, wait=None)
    wait_until(lambda: len(host.workers()) == 2, "both workers")
    host.kill()  # waits for the workers' end


def test_a_killed_host_can_be_started_again_at_once(host):
    """What its dying children still hold of it, socket and lock, is waited for."""
    for i in range(4):
        host.create(f"c{i}", IDLE)
    for turn in range(12):
        host.process.kill()
        host.process.wait()
        host.start(wait=False)  # kills it in the middle of starting its workers, too
        if turn % 2:
            wait_until(lambda: host.process.poll() is not None or host.answers(), "an answer")
        assert host.process.poll() is None, host.log_tail()
    wait_until(host.answers, lambda: host.log_tail())


def test_what_was_answered_survives_kill_9(host, work):
    """I5, and start-up brings every connector back to its target state."""
    host.create("run", TICK)
    host.create("pau", TICK)
    host.create("sto", keep(work))
    host.create("del", IDLE)
    host.put("/connectors/pau/pause")
    host.put("/connectors/sto/stop")
    host.delete("/connectors/del")
    assert host.put("/connectors/last/config", {**IDLE, "x": "1"}).status == 201
    host.kill()
    host.start()
    assert sorted(host.get("/connectors").json) == ["last", "pau", "run", "sto"]
    for name, state in (("run", "RUNNING"), ("pau", "PAUSED"), ("sto", "STOPPED"), ("last", "RUNNING")):
        host.wait_state(name, state)


@pytest.mark.parametrize("hit", range(1, 7))
def test_F09_kill_while_a_change_is_written(make_host, hit):
    """Old or new, never half: the hits are before and after the write of a creation, a change and a deletion."""
    host = make_host(env={"HOMEPORT_FAILPOINTS": f"conf.write=kill@{hit}"}).start()
    answers = []
    try:
        answers.append(host.put("/connectors/a/config", {**IDLE, "x": "1"}).status)
        answers.append(host.put("/connectors/a/config", {**IDLE, "x": "2"}).status)
        answers.append(host.delete("/connectors/a").status)
    except OSError:
        pass
    host.process.wait(10)
    host.env = {}
    host.start()
    now = host.get("/connectors/a/config")
    state = now.json.get("x") if now.status == 200 else None
    done = (hit - 1) // 2  # changes that were answered
    after = [None, "1", "2", None]
    assert len(answers) == done and state == after[done + (hit + 1) % 2], (answers, state)


def test_F38_no_room_for_a_change(make_host):
    host = make_host(env={"HOMEPORT_FAILPOINTS": "conf.write=error@1"}).start()
    answer = host.put("/connectors/a/config", IDLE)
    assert answer.status == 507 and answer.json["error_code"] == 507, answer
    assert host.get("/connectors").json == []
    assert host.put("/connectors/a/config", IDLE).status == 201


def test_SEC08_SEC21_what_a_worker_inherits(make_host):
    host = make_host(env={"LD_LIBRARY_PATH": "/nowhere", "PGPASSFILE": "/nowhere", "MALLOC_ARENA_MAX": "1", "SECRET": "S3cret",
                          "OPENSSL_CONF": "/nowhere", "TZ": "UTC"}).start()
    host.create("first", IDLE)
    host.create("a", IDLE)
    pid = host.worker_of("a")
    with open(f"/proc/{pid}/environ", "rb") as f:
        assert f.read().split(b"\0")[:-1] in ([b"TZ=UTC"], [])
    links = {int(fd): os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
    assert links[0] == "/dev/null" and links[1].startswith("pipe:") and links[2].startswith("pipe:") and links[3].startswith("socket:")
    assert sum(link.startswith("socket:") for link in links.values()) == 1, links
    assert not any(host.data_dir + "/state" in link or link == host.data_dir + "/lock" for link in links.values()), links
    assert os.getpgid(pid) == pid
    with open(f"/proc/{pid}/cmdline", "rb") as f:
        assert f.read() == b"homeport\0worker\0a\0"


def test_SEC21_modes(host):
    host.create("a", TICK)
    for folder, _, files in os.walk(host.data_dir):
        assert os.stat(folder).st_mode & 0o77 == 0, folder
        for name in files:
            assert os.stat(os.path.join(folder, name)).st_mode & 0o77 == 0, name


def test_SEC21_a_data_folder_that_others_can_write_is_warned_about(make_host):
    host = make_host()
    os.makedirs(host.data_dir)
    os.chmod(host.data_dir, 0o777)
    host.start()
    assert any(" WARN " in line and host.data_dir in line and "mode 777" in line for line in host.log().splitlines())


def test_a_new_plugin_is_usable_at_once(make_host, work):
    folder = os.path.join(work, "plugins")
    os.mkdir(folder, 0o755)
    host = make_host(**{"plugin_path": folder}).start()
    assert host.get("/connector-plugins").json == []
    source = os.path.join(build_folder(), "tests", "plugins", "test-idle.so")
    with open(source, "rb") as f, open(os.path.join(folder, ".new"), "wb") as g:
        g.write(f.read())
    os.chmod(os.path.join(folder, ".new"), 0o755)
    os.rename(os.path.join(folder, ".new"), os.path.join(folder, "test-idle.so"))
    assert [p["class"] for p in host.get("/connector-plugins").json] == ["test-idle"]
    host.create("a", IDLE)
    os.unlink(os.path.join(folder, "test-idle.so"))
    assert host.get("/connector-plugins").json == []
    host.expect(202, "POST", "/connectors/a/restart?includeTasks=true")
    host.wait_state("a", "FAILED")
    assert "no plugin" in host.trace("a")


def test_help_and_usage():
    binary = Host("/nowhere").binary

    def run(*args):
        return subprocess.run([binary, *args], capture_output=True, text=True, timeout=10, check=False)
    assert run("--help").returncode == 0 and "serve" in run("--help").stdout and "probe" not in run("--help").stdout
    assert re.fullmatch(r"homeport \d+\.\d+\.\d+\n", run("version").stdout)
    assert run("nonsense").returncode == 2 and "nonsense" in run("nonsense").stderr
    assert run().returncode == 2 and run("serve", "--nonsense").returncode == 2
    assert run("serve", "--help").returncode == 0
    assert run("help", "serve").stdout == run("serve", "--help").stdout and run("help", "nonsense").returncode == 2
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([binary, "help"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=10, check=False)
        assert done.returncode == 1 and "standard output" in done.stderr
