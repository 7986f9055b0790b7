"""GET /metrics (ecosystem.md 2.2): fixed names, our own, and promtool's opinion."""
import os
import re
import shutil
import subprocess

import pytest

from rest import IDLE, TICK, keep
from waiting import wait_until

FIXED = ["kafka_connect_worker_connector_count", "kafka_connect_worker_task_count", "kafka_connect_coordinator_assigned_connectors",
         "kafka_connect_coordinator_assigned_tasks", "kafka_connect_worker_rebalance_rebalancing",
         *(f"kafka_connect_worker_connector_{s}_task_count" for s in ("running", "paused", "failed", "unassigned", "destroyed"))]


@pytest.fixture
def busy(host, work):
    host.create("a", TICK)
    host.create("s", keep(work))
    host.create('odd "name"\\é', IDLE)
    host.create("f", {"connector.class": "test-crash", "how": "fatal"}, wait="FAILED")
    host.pause('odd "name"\\é')
    wait_until(lambda: host.metric("homeport_records_out_total", connector="s"), "the sink's figures")
    return host


def test_names_and_values(busy):
    host = busy
    assert host.metric("kafka_connect_worker_connector_count") == 4
    assert host.metric("kafka_connect_worker_task_count") == 4
    for name in FIXED:
        assert host.metric(name) is not None, name
    assert host.metric("kafka_connect_worker_connector_failed_task_count") == 1
    assert host.metric("kafka_connect_worker_connector_paused_task_count") == 1
    assert host.metric("kafka_connect_connector_status", connector="a", status="running") == 1
    assert host.metric("kafka_connect_connector_task_status", connector="f", task="0", status="failed") == 1
    assert host.metric("kafka_connect_connector_connector_type", connector="s", type="sink") == 1
    assert host.metric("homeport_records_in_total", connector="a") > 0
    assert host.metric("homeport_bytes_out_total", connector="s") > 0
    assert host.metric("homeport_connector_errors_total", connector="f") >= 1
    for name in ("homeport_lag_bytes", "homeport_lag_seconds"):
        assert host.metric(name, connector="s") is not None, name
    assert host.metric("homeport_log_disk_bytes", connector="a") > 0


def test_counters_do_not_fall_when_a_worker_is_started_again(busy):
    host = busy
    before = host.metric("homeport_records_in_total", connector="a")
    host.restart_connector("a")
    host.wait_state("a", "RUNNING")
    wait_until(lambda: host.metric("homeport_records_in_total", connector="a") > before, "more records")


def test_promtool_finds_nothing(busy):
    promtool = shutil.which("promtool")
    if not promtool:
        pytest.skip("promtool (Debian's prometheus) is not installed")
    answer = busy.get("/metrics", headers={"Accept": "text/plain"})
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    done = subprocess.run([promtool, "check", "metrics"], input=answer.text, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), done


def test_form(busy):
    text = busy.get("/metrics").text
    seen = set()
    last = None
    for line in text.splitlines():
        name = re.match(r"(?:# (?:HELP|TYPE) )?([a-zA-Z0-9_:]+)", line).group(1)
        if name != last:
            assert name not in seen, f"series of {name} do not stand together"
            seen.add(name)
            last = name
    assert 'connector="odd \\"name\\"\\\\é"' in text


def lag(host, name):
    return host.metric("homeport_lag_bytes", connector=name), host.metric("homeport_lag_seconds", connector=name)


def falls_behind(host, name):
    """Lag in bytes is there and grows in seconds."""
    first = wait_until(lambda: (lag(host, name)[0] or 0) > 0 and lag(host, name), lambda: f"{lag(host, name)} to show that work waits")
    wait_until(lambda: lag(host, name)[1] > first[1], lambda: f"{lag(host, name)} to age")


def test_lag_of_a_sink_that_waits_is_not_0(host, work):
    """Work waits, whatever the sink's state; nobody knows how much once no worker keeps count."""
    host.create("a", TICK)
    host.create("s", keep(work))
    wait_until(lambda: host.metric("homeport_records_out_total", connector="s"), "records to be written")
    host.pause("s")
    falls_behind(host, "s")
    host.pause("a")
    host.resume("s")
    wait_until(lambda: lag(host, "s") == (0, 0), lambda: f"{lag(host, 's')} to be level")
    host.stop_connector("s")
    assert lag(host, "s") == (None, None)
    assert host.metric("homeport_records_out_total", connector="s") > 0, "counters stay"


def test_lag_of_a_sink_whose_target_is_away(host, work):
    """What was read and could not be committed counts as well."""
    host.create("a", TICK)
    wait_until(lambda: host.metric("homeport_records_out_total", connector="a"), "records")
    host.pause("a")
    host.create("s", {**keep(work), "position.file": f"{work}/away/position"}, wait="RESTARTING")
    falls_behind(host, "s")
    os.mkdir(f"{work}/away")
    host.wait_state("s", "RUNNING")
    wait_until(lambda: lag(host, "s") == (0, 0), lambda: f"{lag(host, 's')} to be level")


def test_log_size_of_a_source_that_does_not_run(host):
    host.create("a", TICK)
    wait_until(lambda: host.metric("homeport_log_bytes", connector="a"), "the log's size")
    host.stop_connector("a")
    sizes = [host.metric(f"homeport_log_{what}", connector="a") for what in ("bytes", "disk_bytes")]
    assert all(sizes)
    host.restart()
    assert [host.metric(f"homeport_log_{what}", connector="a") for what in ("bytes", "disk_bytes")] == sizes
