"""D19: the log keeps what an existing sink has not flushed, whatever the limits say, and nothing for one that is gone."""
from homeport import path_of
from rest import TICK, keep
from waiting import wait_until

# So little that each batch is beyond the limit at once.
LIMITS = {"log_retention_bytes": "1000", "log_retention_ms": "-1"}


def kept(host, topic="test.test-idle"):
    """(oldest, next) offset of the topic in the log."""
    done = host.spawn("topics", "--data-dir", host.data_dir)
    assert done.returncode == 0, done
    for line in done.stdout.splitlines():
        words = line.split()
        if topic in words:
            numbers = [int(w) for w in words if w.isdigit()]
            return numbers[0], numbers[1]
    return 0, 0


def test_D19_a_sink_holds_the_log_until_it_has_flushed(make_host, work):
    host = make_host(**LIMITS).start()
    host.expect(201, "POST", "/connectors", {"name": "s", "config": keep(work), "initial_state": "STOPPED"})
    host.create("a", TICK)
    wait_until(lambda: kept(host)[1] > 300, "records in the log")
    assert kept(host)[0] == 0, "a sink that never ran holds everything"
    host.resume("s")
    wait_until(lambda: kept(host)[0] > 200, lambda: f"what was flushed to go: {kept(host)}", 60)
    host.stop_connector("s")
    at = wait_until(lambda: host.offsets("s"), "the sink's offset")[0]["offset"]["kafka_offset"]
    wait_until(lambda: kept(host)[1] > at + 300, "more records")
    assert kept(host)[0] <= at, "a stopped sink holds from its position"
    host.restart()
    wait_until(lambda: kept(host)[1] > at + 600, "more records after a restart")
    assert kept(host)[0] <= at, "and so it does after a restart of the host"
    host.expect(204, "DELETE", path_of("connectors", "s"))
    wait_until(lambda: kept(host)[0] > at, lambda: f"a deleted sink to hold nothing: {kept(host)}", 60)


def test_D19_without_sinks_the_limits_count(make_host):
    host = make_host(**LIMITS).start()
    host.create("a", TICK)
    wait_until(lambda: kept(host)[0] > 100, lambda: f"old records to go: {kept(host)}", 60)
