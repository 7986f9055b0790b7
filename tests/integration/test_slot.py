"""The slot: whose it is, what happens when somebody else touches it, and the way out (E4, E5)."""
import pytest

from pipeline import Pair, source_config
from waiting import wait_until

BOTH = pytest.mark.parametrize("source", [15, 18])
T = "CREATE TABLE t (id int PRIMARY KEY, v text)"


def running(pair, source, **more):
    p = pair(source, 15).prepare(T, seed="INSERT INTO t SELECT g, 'seed' FROM generate_series(1, 20) g")
    p.start(source=more)
    p.src("INSERT INTO t VALUES (100, 'stream')")
    p.wait_equal("t")
    p.caught_up()
    return p


def way_out(p):
    """Reset the offsets and take the snapshot again: equal afterwards, nothing doubled."""
    host = p.host
    host.stop_connector(p.source_name)
    host.reset_offsets(p.source_name)
    assert p.source[0].slot(p.slot) is None, "resetting the offsets has to drop the slot"
    # What was deleted in the source meanwhile cannot be known: the target starts empty.
    p.dst("TRUNCATE t")
    host.resume(p.source_name)
    p.wait_equal("t")
    p.src("INSERT INTO t VALUES (999, 'after')")
    p.wait_equal("t")


def refuses(p, *words):
    p.host.wait_state(p.source_name, "FAILED", 60)
    trace = p.host.trace(p.source_name)
    for word in (p.slot, *words):
        assert word in trace, trace
    assert "reset" in trace.lower() or "offsets" in trace.lower(), f"the way out is missing: {trace}"


@BOTH
def test_slot_dropped(pair, source):
    """F20."""
    p = running(pair, source)
    p.host.stop_connector(p.source_name)
    p.src("SELECT pg_drop_replication_slot(%s)", (p.slot,))
    p.src("INSERT INTO t VALUES (200, 'in the gap')")
    p.host.expect(202, "PUT", f"/connectors/{p.source_name}/resume")
    refuses(p)
    assert p.source[0].slot(p.slot) is None, "a slot was made over a gap"
    way_out(p)


@BOTH
def test_slot_recreated(pair, source):
    """Seed 4: a slot of the same name, made anew behind our back."""
    p = running(pair, source)
    p.host.stop_connector(p.source_name)
    p.src("SELECT pg_drop_replication_slot(%s)", (p.slot,))
    p.src("INSERT INTO t VALUES (200, 'in the gap')")
    p.src("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", (p.slot,))
    p.src("INSERT INTO t VALUES (201, 'after the gap')")
    p.host.expect(202, "PUT", f"/connectors/{p.source_name}/resume")
    refuses(p)
    assert p.dst("SELECT count(*) FROM t WHERE id = 201") == [(0,)], "streamed on over a gap"
    way_out(p)


@BOTH
def test_slot_advanced(pair, source):
    p = running(pair, source)
    p.host.stop_connector(p.source_name)
    p.src("INSERT INTO t VALUES (200, 'skipped by somebody')")
    p.src("SELECT pg_replication_slot_advance(%s, pg_current_wal_lsn())", (p.slot,))
    p.src("INSERT INTO t VALUES (201, 'after the gap')")
    p.host.expect(202, "PUT", f"/connectors/{p.source_name}/resume")
    refuses(p)
    assert p.dst("SELECT count(*) FROM t WHERE id = 201") == [(0,)], "streamed on over a gap"
    way_out(p)


@BOTH
def test_slot_dropped_while_running(pair, source):
    """Whoever drops it has to throw out our connection first; the reconnect must not make a new one."""
    p = running(pair, source)

    def dropped():
        p.source[0].sql("postgres", "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = %s "
                                    "AND active_pid IS NOT NULL", (p.slot,))
        p.src("SELECT pg_drop_replication_slot(%s)", (p.slot,))
        return True
    wait_until(dropped, "the slot to be dropped", 30, interval=0.001)
    p.src("INSERT INTO t VALUES (200, 'in the gap')")
    refuses(p)
    way_out(p)


@BOTH
def test_slot_lost(servers, databases, host, source):
    """Seed 5 / F21: the server gave the slot's WAL up."""
    with servers.fresh(source, "lost", max_slot_wal_keep_size="1MB", min_wal_size="32MB", max_wal_size="32MB",
                       wal_keep_size="0") as cluster:
        cluster.create_db("app")
        p = Pair(host, (cluster, "app"), databases(15, "dst"), "lost")
        p.prepare(T)
        p.start()
        p.src("INSERT INTO t VALUES (1, 'a')")
        p.wait_equal("t")
        host.stop_connector(p.source_name)
        for _ in range(8):
            p.src("CREATE TABLE IF NOT EXISTS bulk (v text); INSERT INTO bulk SELECT repeat(md5(g::text), 20) FROM "
                  "generate_series(1, 20000) g; TRUNCATE bulk")
            p.src("SELECT pg_switch_wal()")
            p.src("CHECKPOINT")
        wait_until(lambda: cluster.slot(p.slot)["wal_status"] == "lost", lambda: f"slot to be lost: {cluster.slot(p.slot)}", 30)
        host.expect(202, "PUT", f"/connectors/{p.source_name}/resume")
        refuses(p)
        way_out(p)
        host.remove(p.source_name)
        host.remove(p.sink_name)


def test_slot_idle_for_too_long(servers, databases, host):
    """F21: PostgreSQL 18 gives slots up that nobody uses; ours is in use while the connector runs, however little happens."""
    with servers.fresh(18, "idle", idle_replication_slot_timeout="1s") as cluster:
        cluster.create_db("app")
        p = Pair(host, (cluster, "app"), databases(15, "dst"), "idle")
        p.prepare(T).start()
        p.src("INSERT INTO t VALUES (1, 'a')")
        p.wait_equal("t")
        p.src("SELECT pg_create_logical_replication_slot('unused', 'pgoutput')")

        def given_up(slot):
            p.src("CHECKPOINT")
            return cluster.slot(slot)["invalidation_reason"] == "idle_timeout"
        wait_until(lambda: given_up("unused"), lambda: f"the unused slot to be given up: {cluster.slot('unused')}", 30, interval=0.2)
        assert cluster.slot(p.slot)["invalidation_reason"] is None
        host.stop_connector(p.source_name)
        p.src("INSERT INTO t VALUES (2, 'in the gap')")
        wait_until(lambda: given_up(p.slot), lambda: f"the slot to be given up: {cluster.slot(p.slot)}", 30, interval=0.2)
        p.src("INSERT INTO t VALUES (3, 'after the gap')")
        host.expect(202, "PUT", f"/connectors/{p.source_name}/resume")
        refuses(p, "idle_timeout")
        assert p.dst("SELECT count(*) FROM t") == [(1,)], "streamed on over a gap"
        way_out(p)
        # Nobody has to ask for it either.
        host.stop_connector(p.source_name)
        wait_until(lambda: given_up(p.slot), lambda: f"the slot to be given up: {cluster.slot(p.slot)}", 30, interval=0.2)
        p.dst("TRUNCATE t")
        host.change(p.source_name, source_config(*p.source, p.name, snapshot__mode="when_needed"))
        host.resume(p.source_name)
        p.wait_equal("t")
        host.remove(p.source_name)
        host.remove(p.sink_name)


@BOTH
def test_other_cluster(servers, databases, host, source):
    """F25: the same address, another system identifier."""
    a, b = databases(source, "src"), databases(source, "dst")
    p = Pair(host, a, databases(15, "dst"), "other")
    p.prepare(T)
    p.start()
    p.src("INSERT INTO t VALUES (1, 'a')")
    p.wait_equal("t")
    p.caught_up()
    host.stop_connector(p.source_name)
    b[0].sql(b[1], T)
    q = Pair(host, b, databases(15, "dst"), "other")
    q.prepare("")
    b[0].sql(b[1], "SELECT pg_create_logical_replication_slot('other_slot', 'pgoutput')")
    host.change(p.source_name, source_config(*b, "other"))
    host.expect(202, "PUT", f"/connectors/{p.source_name}/resume")
    host.wait_state(p.source_name, "FAILED", 60)
    assert "system" in host.trace(p.source_name).lower(), host.trace(p.source_name)


@BOTH
def test_idle_slot_advances(pair, source):
    """Seed 2, E4: nothing for us happens, others write, no heartbeat table."""
    p = pair(source, 15).prepare(T + "; CREATE TABLE other (id serial, v text)", tables=["t"])
    p.start()
    for _ in range(3):
        p.src("INSERT INTO other (v) SELECT repeat('x', 500) FROM generate_series(1, 2000)")
        p.caught_up(timeout=60)
    assert p.host.states(p.source_name) == ("RUNNING", ["RUNNING"])
    p.src("INSERT INTO t VALUES (1, 'still here')")
    p.wait_equal("t")


def test_idle_slot_advances_when_all_is_filtered(pair):
    """E4 with the rows published but not listed."""
    p = pair().prepare(T + "; CREATE TABLE u (id int PRIMARY KEY)")
    p.start(source={"table__include__list": "public\\.u"})
    p.src("INSERT INTO t SELECT g, 'x' FROM generate_series(1, 5000) g")
    p.caught_up()


@BOTH
def test_delete_leaves_the_slot_and_says_so(pair, source):
    p = running(pair, source)
    p.host.remove(p.source_name)
    wait_until(lambda: any(p.slot in line and "remain" in line for line in p.host.log().splitlines()),
               lambda: "a line that names the slot that remains:\n" + p.host.log_tail(), 10)
    assert p.source[0].slot(p.slot)
    p.src("INSERT INTO t VALUES (300, 'while it is gone')")
    p.start_source()
    p.wait_equal("t")


def test_slot_drop_on_stop(pair):
    """Debezium's key: the slot goes when the connector is stopped."""
    p = running(pair, 15, slot__drop__on__stop="true")
    p.host.stop_connector(p.source_name)
    wait_until(lambda: p.source[0].slot(p.slot) is None, "the slot to be dropped", 10)


def test_offsets_read_alter_reset(pair):
    """REST-23..25 on real connectors; an altered sink position rereads, and upserts make that harmless."""
    p = running(pair, 15)
    host = p.host
    entry, = wait_until(lambda: host.offsets(p.source_name), "the source's offset", 10)
    assert entry["partition"] == {"server": p.name} and isinstance(entry["offset"]["lsn"], int)
    sink = wait_until(lambda: [o for o in host.offsets(p.sink_name) if o["offset"]["kafka_offset"] >= 21], "the sink's offset", 10)
    assert sink[0]["partition"]["kafka_topic"] == f"{p.name}.public.t"
    refused = host.call("PATCH", f"/connectors/{p.sink_name}/offsets", {"offsets": sink})
    assert refused.status == 400 and "stop" in refused.json["message"]
    host.stop_connector(p.sink_name)
    sink[0]["offset"]["kafka_offset"] = 0
    host.expect(200, "PATCH", f"/connectors/{p.sink_name}/offsets", {"offsets": sink[:1]})
    p.dst("DELETE FROM t")
    host.resume(p.sink_name)
    p.wait_equal("t")
    host.stop_connector(p.sink_name)
    p.dst("DELETE FROM t")
    host.reset_offsets(p.sink_name)
    host.resume(p.sink_name)
    p.wait_equal("t")
    host.stop_connector(p.source_name)
    host.reset_offsets(p.source_name)
    assert host.offsets(p.source_name) == []
    assert p.source[0].slot(p.slot) is None
    host.resume(p.source_name)
    p.src("INSERT INTO t VALUES (500, 'again')")
    p.wait_equal("t")


def test_two_connectors_on_one_slot(pair):
    """The second says who holds it and goes on trying; it takes nothing from the first."""
    p = running(pair, 15)
    p.host.create("second", source_config(*p.source, p.name, snapshot__mode="no_data"), wait=None)
    wait_until(lambda: p.slot in p.host.trace("second"), lambda: f"a reason: {p.host.status('second')}", 30)
    p.src("INSERT INTO t VALUES (600, 'x')")
    p.wait_equal("t")
    assert p.host.states(p.source_name) == ("RUNNING", ["RUNNING"])


@BOTH
def test_wait_for_synchronous_commit(pair, source):
    """P5: named as a synchronous standby, our flush lets the writer go on."""
    p = running(pair, source)
    name = p.source[0].value("postgres", "SELECT application_name FROM pg_stat_replication s JOIN pg_replication_slots r "
                                         "ON s.pid = r.active_pid WHERE slot_name = %s", (p.slot,))
    cluster = p.source[0]
    cluster.sql("postgres", f"ALTER SYSTEM SET synchronous_standby_names = '\"{name}\"'")
    cluster.reload()
    try:
        conn = cluster.connect(p.source[1])
        with conn.cursor() as cur:
            cur.execute("SET statement_timeout = '20s'")
            for i in range(50):
                cur.execute("INSERT INTO t VALUES (%s, 'sync')", (1000 + i,))
        conn.close()
    finally:
        cluster.sql("postgres", "ALTER SYSTEM RESET synchronous_standby_names")
        cluster.reload()
    p.wait_equal("t")


@pytest.mark.parametrize("how", ["disabled", "filtered"])
@BOTH
def test_writer_open_while_the_publication_changes(pair, source, how):
    """Seed 14, P11: rows written before the table joined the publication, committed after the snapshot was asked for."""
    p = pair(source, 15).prepare(T + "; CREATE TABLE u (id int PRIMARY KEY)", tables=["u"])
    writer = p.source[0].connect(p.source[1], autocommit=False)
    with writer.cursor() as cur:
        cur.execute("INSERT INTO t VALUES (1, 'before')")
        if how == "disabled":
            p.src(f"ALTER PUBLICATION {p.name}_pub ADD TABLE t")
        else:
            p.src(f"DROP PUBLICATION {p.name}_pub; GRANT CREATE ON DATABASE \"{p.source[1]}\" TO homeport_source")
            writer.rollback()
            p.src("ALTER TABLE t OWNER TO homeport_source; ALTER TABLE u OWNER TO homeport_source")
            cur.execute("INSERT INTO t VALUES (1, 'before')")
        p.host.create(p.source_name, source_config(*p.source, p.name, publication__autocreate__mode=how,
                                                   table__include__list="public\\.t,public\\.u"), wait=None)
        p.start_sink()
        wait_until(lambda: p.src(f"SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = '{p.source[1]}' AND "
                                 "usename = 'homeport_source'") == [(True,)], "the source to be at work", 20)
        cur.execute("INSERT INTO t VALUES (2, 'later')")
        writer.commit()
        cur.execute("INSERT INTO t VALUES (3, 'after')")
        writer.commit()
    writer.close()
    p.wait_equal("t")
