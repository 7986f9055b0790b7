"""Snapshot and stream under load, one way and both ways; what an operator does meanwhile."""
import pytest

from compare import assert_equal
from load import TABLES, Load, create_tables
from pipeline import Pair
from waiting import wait_until

QUICK = pytest.param(15, 18, marks=pytest.mark.quick)
VERSIONS = [QUICK, (15, 15), (18, 15), (18, 18)]


def loaded(pair, **more):
    """Both sides have the load's tables; a short first run has left rows to snapshot."""
    create_tables(*pair.source)
    create_tables(*pair.target)
    pair.prepare()
    load = Load(*pair.source, **more)
    load.start()
    wait_until(lambda: load.rows > 300, "the load to write", 30)
    return load


def finish(pair, load):
    load.stop()
    pair.wait_equal(*TABLES)
    load.check_journal(*pair.target)


@pytest.mark.parametrize("source,target", VERSIONS)
def test_snapshot_and_stream_under_load(pair, source, target):
    p = pair(source, target)
    load = loaded(p)
    p.start()
    before = load.rows
    wait_until(lambda: load.rows > before + 2000, "the load to write more", 60)
    finish(p, load)
    assert load.rolled_back, "the load must have rolled back some"


@pytest.mark.parametrize("first,second", [QUICK, (15, 15), (18, 18)])
def test_both_directions_do_not_loop(host, databases, first, second):
    """Each region writes keys of its own; what arrives is not sent back."""
    eu, us = databases(first, "src"), databases(second, "dst")
    there, back = Pair(host, eu, us, "eu"), Pair(host, us, eu, "us")
    create_tables(*eu)
    create_tables(*us)
    there.prepare()
    back.prepare()
    one = Load(*eu, writers=2, seed=1, id_from=0, id_step=2)
    one.start()
    wait_until(lambda: one.rows > 200, "rows to snapshot", 30)
    there.start_source(snapshot__mode="initial")
    there.start_sink()
    back.start_source(snapshot__mode="no_data")
    back.start_sink()
    two = Load(*us, writers=2, seed=2, id_from=1, id_step=2)
    # The ledger's key is (writer, seq): the second region's writers are numbered on.
    us[0].sql(us[1], "CREATE FUNCTION shift() RETURNS trigger LANGUAGE plpgsql AS "
                     "'BEGIN NEW.writer := NEW.writer + 100; RETURN NEW; END'")
    us[0].sql(us[1], "CREATE TRIGGER shift BEFORE INSERT ON ledger FOR EACH ROW WHEN (NEW.writer < 100 "
                     "AND current_user = 'postgres') EXECUTE FUNCTION shift()")
    two.start()
    wait_until(lambda: one.rows > 2000 and two.rows > 2000, "both loads to write", 90)
    one.stop()
    two.stop()

    def same():
        try:
            assert_equal(eu, us, TABLES)
            return True
        except AssertionError:
            return False
    try:
        wait_until(same, "both regions to be equal", 60, interval=0.2)
    except AssertionError:
        assert_equal(eu, us, TABLES)
    one.check_journal(*us)
    # Quiet now: both slots come to rest at the end of WAL and nothing goes round.
    there.caught_up()
    back.caught_up()
    rows = [c.value(db, "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables WHERE schemaname = 'public'")
            for c, db in (eu, us)]
    eu[0].sql(eu[1], "INSERT INTO items VALUES (-2, 0, 0, 'last', NULL)")
    wait_until(lambda: us[0].value(us[1], "SELECT count(*) FROM items WHERE id = -2") == 1, "the last row", 20)
    there.caught_up()
    back.caught_up()
    assert_equal(eu, us, TABLES)
    assert rows[0] is not None


@pytest.mark.parametrize("source,target", [(15, 18), (18, 15)])
def test_snapshot_into_foreign_keys(pair, source, target):
    """Parents come first, whatever their names; partitions and circles included."""
    p = pair(source, target).prepare(
        "CREATE TABLE z (id int PRIMARY KEY); CREATE TABLE m (id int PRIMARY KEY, z int REFERENCES z);"
        "CREATE TABLE a (id int PRIMARY KEY, m int REFERENCES m, z int REFERENCES z, a int REFERENCES a);"
        "CREATE TABLE y (id int PRIMARY KEY, r int) PARTITION BY RANGE (id);"
        "CREATE TABLE y1 PARTITION OF y FOR VALUES FROM (0) TO (50); CREATE TABLE y2 PARTITION OF y FOR VALUES FROM (50) TO (900);"
        "CREATE TABLE b (id int PRIMARY KEY, y int REFERENCES y);"
        "CREATE TABLE c (id int PRIMARY KEY, d int); CREATE TABLE d (id int PRIMARY KEY, c int REFERENCES c);"
        "ALTER TABLE c ADD FOREIGN KEY (d) REFERENCES d; ALTER TABLE y ADD FOREIGN KEY (r) REFERENCES z",
        seed="INSERT INTO z SELECT generate_series(1, 300); INSERT INTO m SELECT g, g FROM generate_series(1, 300) g;"
             "INSERT INTO a SELECT g, g, g, g FROM generate_series(1, 300) g; INSERT INTO y SELECT g, g FROM generate_series(1, 99) g;"
             "INSERT INTO b SELECT g, g FROM generate_series(1, 99) g; INSERT INTO c SELECT g FROM generate_series(1, 9) g;"
             "INSERT INTO d SELECT g, g FROM generate_series(1, 9) g")
    p.start()
    p.wait_equal("z", "m", "a", "y", "b", "c", "d")


@pytest.mark.quick
def test_pause_resume_stop_restart_under_load(pair):
    p = pair()
    load = loaded(p)
    p.start()
    host = p.host
    for name in (p.sink_name, p.source_name):
        host.pause(name)
        seen = load.rows
        wait_until(lambda: load.rows > seen + 100, "the load to go on", 30)
        host.resume(name)
        host.stop_connector(name)
        seen = load.rows
        wait_until(lambda: load.rows > seen + 100, "the load to go on", 30)
        host.resume(name)
        host.wait_state(name, "RUNNING")
        host.restart_connector(name)
        host.wait_state(name, "RUNNING")
    finish(p, load)


def test_paused_sink_gets_nothing_and_source_goes_on(pair):
    p = pair().prepare("CREATE TABLE t (id int PRIMARY KEY)")
    p.start()
    p.host.pause(p.sink_name)
    p.src("INSERT INTO t SELECT generate_series(1, 100)")
    p.caught_up()
    assert p.dst("SELECT count(*) FROM t") == [(0,)]
    p.host.resume(p.sink_name)
    p.wait_equal("t")


def test_state_survives_a_restart_of_the_host(pair):
    p = pair().prepare("CREATE TABLE t (id int PRIMARY KEY)")
    p.start()
    p.host.pause(p.sink_name)
    p.host.restart()
    p.host.wait_state(p.source_name, "RUNNING")
    p.host.wait_state(p.sink_name, "PAUSED")
    p.src("INSERT INTO t VALUES (1)")
    p.caught_up()
    p.host.resume(p.sink_name)
    p.wait_equal("t")


def test_clean_stop_under_load(pair):
    """SIGTERM drains and ends with status 0; a start goes on where it ended."""
    p = pair()
    load = loaded(p)
    p.start()
    for _ in range(3):
        seen = load.rows
        wait_until(lambda: load.rows > seen + 200, "the load to go on", 30)
        assert p.host.stop() == 0
        p.host.start()
    finish(p, load)


def test_delete_keeps_offsets_and_recreate_goes_on(pair):
    p = pair()
    load = loaded(p)
    p.start()
    for name, again in ((p.source_name, p.start_source), (p.sink_name, p.start_sink)):
        p.host.remove(name)
        assert p.host.get("/connectors/" + name).status == 404
        seen = load.rows
        wait_until(lambda: load.rows > seen + 200, "the load to go on", 30)
        again()
    finish(p, load)


def test_changed_config_restarts_the_connector(pair):
    p = pair().prepare("CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY)")
    p.start_source(table__include__list="public\\.t")
    p.start_sink()
    p.src("INSERT INTO t VALUES (1); INSERT INTO u VALUES (1)")
    p.wait_equal("t")
    config = p.host.get(f"/connectors/{p.source_name}/config").json
    config["table.include.list"] = "public\\.t,public\\.u"
    p.host.change(p.source_name, config)
    p.host.wait_state(p.source_name, "RUNNING")
    p.src("INSERT INTO t VALUES (2); INSERT INTO u VALUES (2)")
    wait_until(lambda: p.dst("SELECT count(*) FROM u WHERE id = 2") == [(1,)], "the newly listed table's row", 30)
    p.wait_equal("t")


def test_a_whole_source_transaction_is_never_torn(pair):
    """Money moves between accounts of two tables; whoever reads the target sees the sum unchanged at all times."""
    p = pair().prepare("CREATE TABLE a (id int PRIMARY KEY, v int); CREATE TABLE b (id int PRIMARY KEY, v int)",
                       seed="INSERT INTO a SELECT g, 100 FROM generate_series(1, 50) g;"
                            "INSERT INTO b SELECT g, 100 FROM generate_series(1, 50) g")
    p.start()
    p.wait_equal("a", "b")
    for i in range(400):
        p.src(f"BEGIN; UPDATE a SET v = v - 1 WHERE id = {i % 50 + 1}; UPDATE b SET v = v + 1 WHERE id = {i * 7 % 50 + 1}; COMMIT")
        if i % 5 == 0:
            assert p.dst("SELECT (SELECT sum(v) FROM a) + (SELECT sum(v) FROM b)") == [(10000,)]
    p.wait_equal("a", "b")
