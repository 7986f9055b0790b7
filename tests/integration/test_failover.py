"""Failover of the source to a physical standby (F18, F19, F25, E5): the timeline changes; the slot came along, or did not.

Whatever the server has become, streaming goes on only where all that was read is part of its history.
"""
import os
import shutil

import pytest

from load import TABLES, Load, create_tables
from pg import Cluster
from pipeline import Pair, source_config
from waiting import wait_until

BOTH = pytest.mark.parametrize("version", [15, 18])
T = "CREATE TABLE t (id int PRIMARY KEY, v text)"


class Standby(Cluster):
    """A physical standby of `primary`, which is stopped while it is copied."""

    def __init__(self, primary, folder, name, settings):
        super().__init__(primary.version, folder, name, settings)
        self.primary = primary
        self.slot_name = name.replace("-", "_")

    def init(self):
        self.primary.sql("postgres", "SELECT pg_create_physical_replication_slot(%s)", (self.slot_name,))
        self.primary.stop()
        shutil.copytree(self.primary.folder, self.folder, ignore=lambda folder, names: [
            n for n in names if n in ("server.log", "postmaster.pid") or n.startswith(".s.") or folder.endswith("pg_replslot")])
        owner = os.stat(self.primary.data)
        for folder, folders, files in os.walk(self.folder):
            for path in (folder, *(os.path.join(folder, n) for n in folders + files)):
                os.chown(path, owner.st_uid, owner.st_gid)
        with open(os.path.join(self.data, "standby.signal"), "w", encoding="utf-8"):
            pass
        self.primary.start()
        self.configure(primary_conninfo=f"host={self.primary.folder} port={self.primary.port} user=postgres dbname=postgres",
                       primary_slot_name=self.slot_name, **self.settings)

    def replayed(self, lsn=None):
        """Until it has replayed `lsn`, or what the primary has written so far."""
        lsn = lsn or self.primary.lsn()
        self.wait("postgres", f"SELECT pg_last_wal_replay_lsn() >= '{lsn}'", f"the standby to replay {lsn}")

    def synced(self, slot):
        """Until it has a copy of the primary's slot that lasts."""
        def there():
            self.primary.sql("postgres", "SELECT pg_log_standby_snapshot()")
            self.replayed()
            self.sql("postgres", "SELECT pg_sync_replication_slots()")
            state = self.slot(slot)
            return state and state["synced"] and not state["temporary"]
        wait_until(there, lambda: f"the slot to be synchronized: {self.slot(slot)}\n{self.log_tail(5)}", 60, interval=0.1)

    def promote(self):
        self.sql("postgres", "SELECT pg_promote()")
        assert not self.value("postgres", "SELECT pg_is_in_recovery()")


@pytest.fixture
def failover(servers, run_folder, databases, host):
    """failover(version) gives a pair whose source is a primary of its own, and standbys of that."""
    started = []

    def start(cluster):
        cluster.__enter__()
        started.append(cluster)
        return cluster

    def make(version, standbys=1):
        settings = {"hot_standby_feedback": "on"}
        primary = start(servers.fresh(version, "primary", **settings))
        primary.create_db("app")
        made = [start(Standby(primary, run_folder, f"standby{servers.counter}-{n}", settings)) for n in range(standbys)]
        return Pair(host, (primary, "app"), databases(15, "dst"), "fo"), *made
    yield make
    host.stop()  # it would go on trying
    for cluster in started:
        cluster.stop("immediate")


def move_to(p, cluster, **more):
    """What an address that moves to the new primary does: here the port says which server it is."""
    p.source = (cluster, p.source[1])
    p.host.change(p.source_name, source_config(*p.source, p.name, **more))


def streamed(p, n):
    p.src("INSERT INTO t VALUES (%s, 'streamed')", (n,))
    p.wait_equal("t")
    p.caught_up()


def refused(p, *words):
    p.host.wait_state(p.source_name, "FAILED", 60)
    trace = p.host.trace(p.source_name)
    for word in (*words, "reset its offsets"):
        assert word in trace, trace


def way_out(p):
    """What the reason says: reset the offsets, and a new snapshot is equal."""
    p.host.stop_connector(p.source_name)
    p.host.reset_offsets(p.source_name)
    p.dst("TRUNCATE t")
    p.host.resume(p.source_name)
    p.wait_equal("t")
    streamed(p, 999)


@BOTH
def test_promoted_without_the_slot(failover, version):
    """F19: waited for while it is a standby; promoted, it has lost what was written since, and a new slot hides nothing."""
    p, standby = failover(version)
    p.prepare(T).start()
    streamed(p, 1)
    p.src("INSERT INTO t VALUES (2, 'before')")
    standby.replayed()
    p.source[0].stop("immediate")
    move_to(p, standby)
    p.host.wait_trace(p.source_name, "waiting for it to be promoted")
    p.host.wait_state(p.source_name, "RESTARTING")
    standby.promote()
    p.src("INSERT INTO t VALUES (3, 'in the gap')")
    refused(p, p.slot, "is gone")
    assert standby.slot(p.slot) is None, "a slot was made over a gap"
    p.src("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", (p.slot,))
    p.src("INSERT INTO t VALUES (4, 'after the gap')")
    p.host.restart_connector(p.source_name)
    p.host.wait_trace(p.source_name, "made anew")
    assert p.dst("SELECT count(*) FROM t WHERE id > 2") == [(0,)], "streamed on over a gap"
    way_out(p)


def test_promoted_with_the_slot(failover):
    """F18: a synchronized failover slot. Everything that the standby has comes, once, over the switch of the timeline."""
    p, standby = failover(18)
    create_tables(*p.source)
    create_tables(*p.target)
    p.prepare()
    p.start(source={"slot__failover": "true"})
    standby.synced(p.slot)
    # The source shall not read ahead of the standby.
    p.source[0].sql("postgres", f"ALTER SYSTEM SET synchronized_standby_slots = '{standby.slot_name}'")
    p.source[0].reload()
    with Load(*p.source, seed=18, pace=0.002) as load:
        wait_until(lambda: load.rows > 300, "the load to write")
        p.host.stop_connector(p.source_name)
        seen = load.rows
        wait_until(lambda: load.rows > seen + 300, "the load to write what is still to be read")
    standby.replayed()
    p.source[0].stop("immediate")
    move_to(p, standby, slot__failover="true")
    p.host.expect(202, "PUT", f"/connectors/{p.source_name}/resume")
    p.host.wait_trace(p.source_name, "synchronized from its primary")
    standby.promote()
    p.host.wait_state(p.source_name, "RUNNING", 60)
    for seq in range(300):
        p.src("INSERT INTO ledger VALUES (7, %s, 0); INSERT INTO events VALUES (7, %s, 0, 'after')", (seq, seq))
    p.wait_equal(*TABLES)
    load.check_journal(*p.target)
    p.caught_up()
    assert {o["offset"]["timeline"] for o in p.host.offsets(p.source_name)} == {2}
    p.host.restart_connector(p.source_name)
    p.src("INSERT INTO ledger VALUES (7, 1000, 0)")
    p.wait_equal(*TABLES)


def test_read_ahead_of_the_standby(failover):
    """What was read and never reached the standby does not exist there: to stream on would leave it in the target."""
    p, standby = failover(18)
    p.prepare(T).start(source={"slot__failover": "true"})
    streamed(p, 1)
    standby.synced(p.slot)
    standby.stop()
    streamed(p, 2)
    p.source[0].stop("immediate")
    standby.start()
    standby.promote()
    move_to(p, standby)
    # It has to write past the offset, or the offset simply lies beyond its end.
    for n in range(3):
        p.src("INSERT INTO t SELECT 100 * %s + g, repeat('x', 1000) FROM generate_series(1, 100) g", (n + 1,))
    p.host.restart_connector(p.source_name)
    refused(p, "timeline", "no longer exist")
    assert p.dst("SELECT count(*) FROM t WHERE id > 2") == [(0,)], "streamed on over a switch"
    way_out(p)


@BOTH
def test_back_to_the_old_primary(failover, version):
    """It knows nothing of the timeline that was read meanwhile, though its slot looks right."""
    p, standby = failover(version)
    p.prepare(T).start()
    streamed(p, 1)
    standby.replayed()
    old = p.source[0]
    standby.promote()
    p.host.stop_connector(p.source_name)
    move_to(p, standby)
    p.host.call("PUT", f"/connectors/{p.source_name}/resume")
    refused(p, "is gone")
    way_out(p)
    p.host.stop_connector(p.source_name)
    old.sql("app", "INSERT INTO t SELECT 1000 + g, repeat('x', 1000) FROM generate_series(1, 3000) g")
    assert old.slot(p.slot), "the old primary still has its slot, before our offset"
    move_to(p, old)
    p.host.expect(202, "PUT", f"/connectors/{p.source_name}/resume")
    refused(p, "timeline 1", "timeline 2")
    assert p.dst("SELECT count(*) FROM t WHERE id > 1000") == [(0,)], "streamed on over a gap"
    way_out(p)


def test_two_standbys_promoted_to_the_same_timeline(failover):
    """Both have the slot, and both are on timeline 2: only where that began tells that they are different ones."""
    p, one, two = failover(18, standbys=2)
    p.prepare(T).start(source={"slot__failover": "true"})
    streamed(p, 1)
    one.synced(p.slot)
    two.synced(p.slot)
    p.host.stop_connector(p.source_name)
    p.src("INSERT INTO t VALUES (2, 'b')")
    one.replayed()
    one.promote()
    p.src("INSERT INTO t VALUES (3, 'c')")
    two.replayed()
    p.source[0].stop("immediate")
    two.promote()
    move_to(p, one)
    p.host.resume(p.source_name)
    streamed(p, 4)
    p.host.stop_connector(p.source_name)
    two.sql("app", "INSERT INTO t SELECT 1000 + g, repeat('x', 1000) FROM generate_series(1, 3000) g")
    move_to(p, two)
    p.host.expect(202, "PUT", f"/connectors/{p.source_name}/resume")
    refused(p, "another timeline 2")
    way_out(p)


def test_a_standby_as_the_source(failover):
    """It is read itself, and promoted while it is: what comes then is stored with the new timeline."""
    p, standby = failover(18)
    p.prepare(T, seed="INSERT INTO t SELECT i, 'seed' FROM generate_series(1, 100) i")
    primary, db = p.source
    standby.replayed()
    p.source = (standby, db)
    p.start()
    wait_until(lambda: primary.sql("postgres", "SELECT pg_log_standby_snapshot()") and (standby.slot(p.slot) or {}).get("active"),
               "the slot to be used on the standby", 30, 0.1)
    primary.sql(db, "INSERT INTO t VALUES (101, 'primary'); UPDATE t SET v = 'primary' WHERE id < 10; DELETE FROM t WHERE id > 90 AND id < 100")
    standby.replayed()
    p.wait_equal("t")
    primary.sql(db, "INSERT INTO t SELECT i, 'late' FROM generate_series(1001, 2000) i")
    standby.replayed()
    standby.promote()
    for n in range(3001, 3021):
        p.src("INSERT INTO t VALUES (%s, 'promoted')", (n,))
    p.wait_equal("t")
    streamed(p, 4000)
    p.host.restart_connector(p.source_name)
    streamed(p, 4001)
    assert "FAILED" not in p.host.log_tail(200)
