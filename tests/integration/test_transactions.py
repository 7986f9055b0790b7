"""Big transactions in bounded memory, savepoints, aborted subtransactions, prepared and interleaved ones."""
import threading

import pytest

from pipeline import Pair
from waiting import wait_until

BOTH = pytest.mark.parametrize("source,target", [(15, 18), (18, 15)])


class Peak:
    """Highest VmHWM (KiB) of each process of a host while the block runs."""

    def __init__(self, host):
        self.host = host
        self.peaks = {}
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self):
        while True:
            for pid in [*self.host.workers(), self.host.pid]:
                try:
                    self.peaks[pid] = self.host.memory(pid)["VmHWM"]
                except (OSError, KeyError):
                    continue
            if self._end.wait(0.1):
                return

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        self._thread.join()


# Anonymous memory counts; the shared pages of the log's map are the page cache's. RssAnon has no high-water mark of its
# own, so the bound on VmHWM leaves room for mapped pages that a reader touched.
BOUND_KIB = 192 * 1024


@pytest.mark.parametrize("source,target", [(15, 15), (18, 18)])
def test_a_million_rows_in_one_transaction(pair, source, target):
    """E8: it is streamed while it is open, kept in chunks, and applied at once, in bounded memory."""
    p = pair(source, target).prepare("CREATE TABLE t (id int PRIMARY KEY, v text)")
    p.start()
    p.src("INSERT INTO t VALUES (-1, 'warm')")
    p.wait_equal("t")
    before = {pid: p.host.memory(pid)["RssAnon"] for pid in p.host.workers()}
    with Peak(p.host) as peak:
        p.src("INSERT INTO t SELECT g, repeat('x', 80) FROM generate_series(1, 1000000) g")
        p.wait_equal("t", timeout=180)
        p.src("BEGIN; UPDATE t SET v = 'u' WHERE id % 10 = 0; DELETE FROM t WHERE id % 10 = 1; COMMIT")
        p.wait_equal("t", timeout=120)
    for pid, kib in peak.peaks.items():
        assert kib < BOUND_KIB, f"process {pid} took {kib} KiB at its peak"
    after = {pid: p.host.memory(pid)["RssAnon"] for pid in p.host.workers()}
    assert before.keys() == after.keys(), "a worker died"
    for pid, kib in after.items():
        assert kib - before[pid] < 64 * 1024, f"process {pid} kept {kib - before[pid]} KiB"


@BOTH
def test_one_huge_value(pair, source, target):
    """E8: a single big value goes through, and its memory is given back."""
    p = pair(source, target).prepare("CREATE TABLE t (id int PRIMARY KEY, v bytea)")
    p.start()
    p.src("INSERT INTO t SELECT 1, decode(repeat('00112233445566778899aabbccddeeff', 2000000), 'hex')")  # 32 MB
    p.wait_equal("t", timeout=90)
    p.src("UPDATE t SET v = v || 'x'::bytea; INSERT INTO t VALUES (2, 'small')")
    p.wait_equal("t", timeout=90)


@BOTH
def test_savepoints_and_aborted_subtransactions(pair, source, target):
    """Seed 10, below and above the size from which transactions are streamed."""
    p = pair(source, target).prepare("CREATE TABLE t (id int PRIMARY KEY, v text)")
    p.source[0].sql("postgres", f"ALTER DATABASE {p.source[1]} SET logical_decoding_work_mem = '64kB'")
    p.source[0].sql("postgres", "ALTER ROLE homeport_source SET logical_decoding_work_mem = '64kB'")
    try:
        p.start()
        for base, n in ((0, 3), (100000, 3000), (200000, 20000)):
            p.src(f"BEGIN; INSERT INTO t SELECT g, 'keep' FROM generate_series({base}, {base + n - 1}) g;"
                  f"SAVEPOINT a; INSERT INTO t SELECT g, 'gone' FROM generate_series({base + 30000}, {base + 30000 + n}) g;"
                  f"UPDATE t SET v = 'gone' WHERE id >= {base}; ROLLBACK TO a;"
                  f"SAVEPOINT b; UPDATE t SET v = 'kept' WHERE id = {base + 1};"
                  f"SAVEPOINT c; DELETE FROM t WHERE id = {base + 2}; SAVEPOINT d; INSERT INTO t VALUES ({base + 60000}, 'gone');"
                  f"ROLLBACK TO d; RELEASE c; RELEASE b; COMMIT")
            p.src(f"BEGIN; INSERT INTO t SELECT g, 'never' FROM generate_series({base + 70000}, {base + 70000 + n}) g; ROLLBACK")
        p.wait_equal("t")
        assert p.dst("SELECT count(*) FROM t WHERE v IN ('gone', 'never')") == [(0,)]
    finally:
        p.source[0].sql("postgres", "ALTER ROLE homeport_source RESET logical_decoding_work_mem")


@BOTH
def test_interleaved_big_transactions(pair, source, target):
    """P19: several at once, streamed in turns, committed in another order than begun, one rolled back."""
    p = pair(source, target).prepare("CREATE TABLE t (id int PRIMARY KEY, who int, v text)")
    p.source[0].sql("postgres", "ALTER ROLE homeport_source SET logical_decoding_work_mem = '64kB'")
    try:
        p.start()
        conns = [p.source[0].connect(p.source[1], autocommit=False) for _ in range(4)]
        cursors = [c.cursor() for c in conns]
        for turn in range(6):
            for who, cur in enumerate(cursors):
                cur.execute("INSERT INTO t SELECT %s + g, %s, repeat('x', 50) FROM generate_series(1, 2000) g",
                            (who * 1000000 + turn * 10000, who))
        conns[2].commit()
        p.src("INSERT INTO t VALUES (-1, 9, 'between')")
        conns[0].rollback()
        conns[3].commit()
        p.target[0].wait(p.target[1], "SELECT count(DISTINCT who) = 3 FROM t WHERE who IN (2, 3, 9)", "what is committed", 60)
        assert p.dst("SELECT count(*) FROM t WHERE who = 1") == [(0,)], "an open transaction was shown"
        conns[1].commit()
        p.wait_equal("t")
        for c in conns:
            c.close()
    finally:
        p.source[0].sql("postgres", "ALTER ROLE homeport_source RESET logical_decoding_work_mem")


def test_restart_in_the_middle_of_a_streamed_transaction(pair):
    """P19: what was received of it is thrown away and comes again, once."""
    p = pair().prepare("CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE h (v int)")
    p.source[0].sql("postgres", "ALTER ROLE homeport_source SET logical_decoding_work_mem = '64kB'")
    try:
        p.start()
        conn = p.source[0].connect(p.source[1], autocommit=False)
        cur = conn.cursor()
        for turn in range(3):
            cur.execute("INSERT INTO t SELECT g, repeat('x', 50) FROM generate_series(%s, %s) g", (turn * 20000, turn * 20000 + 19999))
            cur.execute("INSERT INTO h SELECT generate_series(1, 5000)")
            p.src("INSERT INTO t VALUES (%s, 'small')", (-1 - turn,))
            p.target[0].wait(p.target[1], f"SELECT count(*) = {turn + 1} FROM t WHERE v = 'small'", "the small transaction")
            p.host.restart_connector(p.source_name)
            p.host.wait_state(p.source_name, "RUNNING")
        conn.commit()
        conn.close()
        p.wait_equal("t", "h")
    finally:
        p.source[0].sql("postgres", "ALTER ROLE homeport_source RESET logical_decoding_work_mem")


def test_prepared_transactions(pair, servers, databases, host):
    """P20: one delivery at COMMIT PREPARED, none after ROLLBACK PREPARED."""
    with servers.fresh(15, "two_phase", max_prepared_transactions="5") as cluster:
        cluster.create_db("app")
        p = Pair(host, (cluster, "app"), databases(15, "dst"), "tp")
        p.prepare("CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE h (v int)")
        p.src("BEGIN; INSERT INTO t VALUES (0); PREPARE TRANSACTION 'left'")
        p.start()
        wait_until(lambda: "prepared transaction 'left'" in host.log_tail(), "what the slot waits for to be named", 20)
        p.src("COMMIT PREPARED 'left'")
        p.wait_equal("t")
        p.src("BEGIN; INSERT INTO t VALUES (1); INSERT INTO h VALUES (1); PREPARE TRANSACTION 'a'")
        p.src("BEGIN; INSERT INTO t VALUES (2); INSERT INTO h VALUES (2); PREPARE TRANSACTION 'b'")
        p.src("INSERT INTO t VALUES (3)")
        p.target[0].wait(p.target[1], "SELECT count(*) = 1 FROM t WHERE id = 3", "the transaction after")
        host.restart_connector(p.source_name)
        host.wait_state(p.source_name, "RUNNING")
        p.src("COMMIT PREPARED 'a'")
        p.src("ROLLBACK PREPARED 'b'")
        p.wait_equal("t", "h")
        host.remove(p.source_name)
        host.remove(p.sink_name)


def test_empty_filtered_and_message_only_transactions(pair):
    p = pair().prepare("CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE other (id int PRIMARY KEY)", tables=["t"])
    p.start()
    p.src("BEGIN; COMMIT")
    p.src("INSERT INTO other SELECT generate_series(1, 1000)")
    p.src("SELECT pg_logical_emit_message(true, 'p', 'content'), pg_logical_emit_message(false, 'p', 'content')")
    p.src("CREATE TABLE ddl_only (id int)")
    p.src("INSERT INTO t VALUES (1)")
    p.wait_equal("t")
    p.caught_up()
    wait_until(lambda: p.host.states(p.source_name) == ("RUNNING", ["RUNNING"]), "the source to be running", 5)
