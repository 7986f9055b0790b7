"""Servers that go away and come back, or do not let us in."""
import os
import signal

import psycopg2
import psycopg2.errors
import pytest

from load import TABLES, Load, create_tables
from pg import PASSWORD
from pipeline import Pair, sink_config, source_config
from proxy import Proxy
from roles import SINK_ROLE, SOURCE_ROLE
from waiting import wait_until


@pytest.fixture
def own_pair(servers, host):
    """A pair on clusters of its own, which may be stopped."""
    started = []

    def make(source, target):
        for version, role in ((source, "osrc"), (target, "odst")):
            cluster = servers.fresh(version, role)
            cluster.__enter__()
            cluster.create_db("app")
            started.append(cluster)
        return Pair(host, (started[-2], "app"), (started[-1], "app"))
    yield make
    for cluster in started:
        cluster.stop("immediate")


@pytest.mark.parametrize("mode", ["fast", "immediate"])
@pytest.mark.parametrize("source,target", [(15, 18), (18, 15)])
def test_server_restart_under_load(own_pair, source, target, mode):
    """F17, P3: source and target restarted while rows flow; nothing lost, nothing doubled."""
    p = own_pair(source, target)
    create_tables(*p.source)
    create_tables(*p.target)
    p.prepare()
    p.start()
    load = Load(*p.source)
    load.start()
    for cluster in (p.source[0], p.target[0]) * 2:
        seen = load.rows
        wait_until(lambda: load.rows > seen + 300, "the load to write", 30)
        cluster.restart(mode)
        p.host.wait_state(p.source_name, "RUNNING", 60)
        p.host.wait_state(p.sink_name, "RUNNING", 60)
    load.stop()
    p.wait_equal(*TABLES)
    load.check_journal(*p.target)


def test_a_server_that_is_down_is_named_and_waited_for(own_pair):
    """D17: RESTARTING with the reason in trace while it does not answer."""
    p = own_pair(15, 15).prepare("CREATE TABLE t (id int PRIMARY KEY)")
    p.start()
    p.src("INSERT INTO t VALUES (1)")
    p.wait_equal("t")
    p.target[0].stop()
    p.src("INSERT INTO t VALUES (2)")
    p.host.wait_state(p.sink_name, "RESTARTING", 60)
    p.host.wait_trace(p.sink_name, str(p.target[0].port))
    assert p.host.states(p.source_name) == ("RUNNING", ["RUNNING"])
    p.caught_up()
    p.source[0].stop()
    p.host.wait_state(p.source_name, "RESTARTING", 60)
    p.target[0].start()
    p.target[0].wait(p.target[1], "SELECT count(*) = 2 FROM t", "the row that waited in the log", 60)
    p.source[0].start()
    p.host.wait_state(p.source_name, "RUNNING", 60)
    p.src("INSERT INTO t VALUES (3)")
    p.wait_equal("t")


def test_the_table_of_positions_is_made_again_if_a_crash_undid_it(pair):
    """It is created like everything that the sink commits: nobody waits for the disk."""
    p = pair().prepare("CREATE TABLE t (id int PRIMARY KEY)")
    p.start()
    p.src("INSERT INTO t VALUES (1)")
    p.wait_equal("t")
    p.dst("DROP TABLE homeport.homeport_position; SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
          "WHERE datname = current_database() AND usename = 'homeport_sink'")
    p.src("INSERT INTO t VALUES (2)")
    p.wait_equal("t")


def test_connections_cut(pair):
    """Backends terminated again and again."""
    p = pair()
    create_tables(*p.source)
    create_tables(*p.target)
    p.prepare()
    p.start()
    with Load(*p.source) as load:
        for _ in range(8):
            seen = load.rows
            wait_until(lambda: load.rows > seen + 150, "the load to write", 30)
            for cluster, db in (p.source, p.target):
                cluster.sql(db, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename IN (%s, %s) "
                                "AND datname = %s", (SOURCE_ROLE, SINK_ROLE, db))
    p.wait_equal(*TABLES)
    load.check_journal(*p.target)


def test_wrong_password_and_missing_rights_fail_with_the_reason(pair):
    p = pair().prepare("CREATE TABLE t (id int PRIMARY KEY)")
    host = p.host
    answer = host.post("/connectors", {"name": "bad", "config": source_config(*p.source, p.name, database__password="un-1-guessable")})
    if answer.status == 201:
        host.wait_state("bad", "FAILED", 60)
        assert SOURCE_ROLE in host.trace("bad")
    else:
        assert answer.status == 400
    assert "un-1-guessable" not in host.log(), "a password reached the log"
    p.dst(f"REVOKE INSERT ON t FROM {SINK_ROLE}")
    p.start_source()
    p.start_sink()
    p.src("INSERT INTO t VALUES (1)")
    host.wait_state(p.sink_name, "FAILED", 60)
    assert '"t"' in host.trace(p.sink_name) or " t" in host.trace(p.sink_name)
    p.dst(f"GRANT INSERT ON t TO {SINK_ROLE}")
    host.restart_connector(p.sink_name)
    p.wait_equal("t")
    assert PASSWORD not in host.log()


def test_missing_publication_is_a_clear_error(pair):
    """Seed 15: found before streaming begins, with a way out."""
    p = pair().prepare("CREATE TABLE t (id int PRIMARY KEY)")
    p.src(f"DROP PUBLICATION {p.name}_pub")
    p.host.create(p.source_name, source_config(*p.source, p.name), wait=None)
    p.host.wait_state(p.source_name, "FAILED")
    assert f"{p.name}_pub" in p.host.trace(p.source_name)
    p.src(f"CREATE PUBLICATION {p.name}_pub FOR TABLE t")
    p.start_sink()
    p.host.restart_connector(p.source_name)
    p.src("INSERT INTO t VALUES (1)")
    p.wait_equal("t")


def test_publication_dropped_while_streaming(pair):
    p = pair().prepare("CREATE TABLE t (id int PRIMARY KEY)")
    p.start()
    p.src("INSERT INTO t VALUES (1)")
    p.wait_equal("t")
    p.src(f"DROP PUBLICATION {p.name}_pub")
    p.src("INSERT INTO t VALUES (2)")
    wait_until(lambda: f"{p.name}_pub" in p.host.trace(p.source_name), lambda: f"the publication to be named: {p.host.status(p.source_name)}", 60)
    assert "RUNNING" not in p.host.states(p.source_name)[1]


def test_slow_target_holds_back_the_source_only_in_the_log(pair):
    """F33: a lock in the target stops the sink; the source goes on, memory stays, and it ends equal."""
    p = pair().prepare("CREATE TABLE t (id int PRIMARY KEY, v text)")
    p.start()
    p.src("INSERT INTO t VALUES (0, 'x')")
    p.wait_equal("t")
    locker = p.target[0].connect(p.target[1], autocommit=False)
    with locker.cursor() as cur:
        cur.execute("LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
    for i in range(20):
        p.src(f"INSERT INTO t SELECT {i} * 10000 + g, repeat('x', 100) FROM generate_series(1, 10000) g")
    p.caught_up()
    for pid in p.host.workers():
        assert p.host.memory(pid)["RssAnon"] < 128 * 1024
    assert p.host.states(p.sink_name)[0] == "RUNNING"
    locker.rollback()
    locker.close()
    p.wait_equal("t")


def test_deadlocks_and_row_locks_in_the_target_are_retried(pair):
    """F34: whoever else writes there may make our transaction fail; it is done again as a whole."""
    p = pair().prepare("CREATE TABLE t (id int PRIMARY KEY, v int)", seed="INSERT INTO t SELECT g, 0 FROM generate_series(1, 2) g")
    p.start()
    p.wait_equal("t")
    p.target[0].sql("postgres", "ALTER SYSTEM SET deadlock_timeout = '20ms'")
    p.target[0].reload()
    other = p.target[0].connect(p.target[1], autocommit=False)
    before = p.target[0].value("postgres", "SELECT deadlocks FROM pg_stat_database WHERE datname = %s", (p.target[1],))
    try:
        for i in range(1, 15):
            with other.cursor() as cur:
                cur.execute("SELECT 1 FROM t WHERE id = 2 FOR UPDATE")
                p.src(f"BEGIN; UPDATE t SET v = {i} WHERE id = 1; UPDATE t SET v = {i} WHERE id = 2; COMMIT")
                wait_until(lambda: p.dst("SELECT count(*) > 0 FROM pg_locks WHERE NOT granted") == [(True,)],
                           "the sink to wait", 10, interval=0.005)
                try:  # either side may be the one that the server picks
                    cur.execute("SELECT 1 FROM t WHERE id = 1 FOR UPDATE")
                except psycopg2.errors.DeadlockDetected:
                    pass
            other.rollback()
            p.wait_equal("t", timeout=20)
        p.target[0].wait("postgres", f"SELECT deadlocks > {before} FROM pg_stat_database WHERE datname = '{p.target[1]}'",
                         "a deadlock to be counted")
    finally:
        other.close()
        p.target[0].sql("postgres", "ALTER SYSTEM RESET deadlock_timeout")
        p.target[0].reload()


def start_behind(line, p):
    """Both connectors, with the line between the sink and its target."""
    p.start_source()
    p.start_sink(connection__url=f"postgresql://127.0.0.1:{line.port}/{p.target[1]}?sslmode=disable")


def test_a_target_behind_a_line_that_went_silent(pair):
    """The old session stays in the server, with the origin and its locks: the new one ends it."""
    p = pair().prepare("CREATE TABLE t (id int PRIMARY KEY)", seed="INSERT INTO t VALUES (0)")
    with Proxy(p.target[0].port) as line:
        start_behind(line, p)
        p.wait_equal("t")
        line.stalled = True
        p.src("INSERT INTO t VALUES (1)")
        p.caught_up()
        os.kill(p.host.worker_of(p.sink_name), signal.SIGKILL)
        p.host.change(p.sink_name, sink_config(*p.target, p.name))
        p.wait_equal("t")
        assert "ended an older session of this connector" in p.host.log()


def test_lines_cut_around_the_commit(pair):
    """Whether the target has committed or not, the position in it tells: rows without a key are not doubled."""
    p = pair().prepare("CREATE TABLE k (a int)", seed="INSERT INTO k VALUES (0)")
    with Proxy(p.target[0].port) as line:
        start_behind(line, p)
        p.wait_equal("k")
        for i in range(1, 9):
            line.cut_after = line.passed + 16 * i  # within the answers to BEGIN, the rows, the position and COMMIT
            p.src("INSERT INTO k SELECT %s FROM generate_series(1, %s)", (i, 1 + 300 * (i % 2)))
            p.wait_equal("k")
        assert line.cuts > 4
