"""test_source_pg.py: source-pg on real servers, without host and log, through tests/support/source_drive.c.

A small model of the log takes what the driver prints: batches become visible at once, chunks when their transaction
commits, and what was not committed when the process died is gone. The model's tables must equal the server's, whatever
the source was killed in.
"""
import os
import re
import signal
import subprocess

import pytest

from homeport import build_folder
from pg import PASSWORD
from proxy import Proxy
from roles import SOURCE_ROLE, grant_source, make_roles
from waiting import wait_until

RECORD = re.compile(r"^  (\w) (\S+) schema=\d+ flags=(\d+) seq=(\d+) subxid=(\d+) pos=(\d+)(.*)$")
ROW = re.compile(r"(before|after)=\{(.*?)\}")
CELL = re.compile(r"(\S+?)(\*?):('[^']*'|\S+)")


class Log:
    """What a log would hold: rows by table, or a list of them where there is no key."""

    def __init__(self):
        self.tables, self.chunks, self.records, self.kinds = {}, {}, [], []

    def died(self):
        self.chunks = {}

    def feed(self, lines):
        head = None
        for line in lines:
            words = line.split()
            if line == "STOP":
                self.died()
            if words and words[0] in ("BATCH", "CHUNK", "COMMIT", "ABORT"):
                head = (words[0], words[1].partition("=")[2])
                self.kinds.append(words[0])
                if words[0] == "ABORT":
                    self.chunks.pop(head[1], None)
                if words[0] == "COMMIT":
                    self.aborted, self.ending = set(), head[1]
            elif line.startswith("  aborted "):
                self.aborted.add(words[1])
            elif line.startswith("position ") and head and head[0] == "COMMIT":
                for record in self.chunks.pop(self.ending, []):
                    if record[4] not in self.aborted:
                        self.apply(record)
            else:
                found = RECORD.match(line)
                if found and head[0] == "BATCH":
                    self.apply(found.groups())
                elif found:
                    self.chunks.setdefault(head[1], []).append(found.groups())

    def apply(self, record):
        op, topic, flags, _seq, _sub, _pos, rest = record
        self.records.append((op, topic, int(flags)))
        rows = {name: CELL.findall(body) for name, body in ROW.findall(rest)}
        table = self.tables.setdefault(topic, {})
        if op == "t":
            table.clear()
            return
        old, new = rows.get("before"), rows.get("after")
        if op in "ud":
            gone = self.key(old or new)
            kept = table.get(gone, [])
            was = kept.pop() if kept else None
            if not kept:
                table.pop(gone, None)
            if new:
                new = [(n, k, w if v == "unchanged" else v) for (n, k, v), w in
                       zip(new, was or [v for _, _, v in new])]
        if new and op in "cur":
            table.setdefault(self.key(new), []).append([v for _, _, v in new])

    @staticmethod
    def key(row):
        marked = [v for _, star, v in row if star]
        return tuple(marked or [v for _, _, v in row])

    def rows(self, topic):
        return sorted(tuple(r) for rows in self.tables.get(topic, {}).values() for r in rows)


class Source:
    """One source connector on one database, and the log it fills."""

    def __init__(self, cluster, db, work, **config):
        self.cluster, self.db, self.log = cluster, db, Log()
        self.position = os.path.join(work, f"{db}.position")
        self.once = os.path.join(work, f"{db}.once")
        os.makedirs(self.once, exist_ok=True)
        self.config = {"database.hostname": "127.0.0.1", "database.port": cluster.port, "database.user": SOURCE_ROLE,
                       "database.password": PASSWORD, "database.dbname": db, "topic.prefix": "s", "slot.name": f"{db}_slot",
                       "publication.name": "pub", "publication.autocreate.mode": "disabled"}
        self.config.update({k.replace("__", "."): v for k, v in config.items()})

    def command(self, *options):
        build = build_folder()
        return [os.path.join(build, "tests", "support", "source_drive"), os.path.join(build, "plugins", "source-pg.so"),
                "--position", self.position, *options, *(f"{k}={v}" for k, v in self.config.items() if v is not None)]

    def start(self, *options, failpoints=""):
        env = {**os.environ, "HOMEPORT_FAILPOINTS": failpoints, "HOMEPORT_FAILPOINTS_ONCE": self.once}
        return subprocess.Popen(self.command("--verbose", *options), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env=env)

    def finish(self, process):
        out, err = process.communicate(timeout=120)
        self.log.feed(out.splitlines())
        self.log.died()
        return process.returncode, err

    def run(self, *options, failpoints="", idle=400):
        return self.finish(self.start("--idle", str(idle), *options, failpoints=failpoints))

    def ok(self, *options, **more):
        code, err = self.run(*options, **more)
        assert code == 0, err
        return err

    def sql(self, text, params=None):
        return self.cluster.sql(self.db, text, params)


@pytest.fixture(params=[15, 18])
def make(servers, databases, request, work):
    cluster, db = databases(request.param, "src")
    make_roles(cluster)

    def made(ddl, **config):
        cluster.sql(db, ddl)
        grant_source(cluster, db)
        cluster.sql(db, "CREATE PUBLICATION pub FOR ALL TABLES")
        return Source(cluster, db, work, **config)
    return made


TABLES = """
    CREATE TABLE a (id int PRIMARY KEY, v int);
    CREATE TABLE b (id int PRIMARY KEY, v int);
    CREATE TABLE k (x int, y int);
    ALTER TABLE k REPLICA IDENTITY FULL;
    INSERT INTO a SELECT i, 0 FROM generate_series(1, 2000) i;
    INSERT INTO b SELECT i, 0 FROM generate_series(1, 2000) i;
    INSERT INTO k SELECT i % 100, i FROM generate_series(1, 2000) i"""


def hexed(value):
    return "null" if value is None else f"{value & 0xffffffff:08x}"


def assert_same(source, *tables):
    for table in tables:
        there = sorted(tuple(hexed(v) for v in row) for row in source.sql(f"SELECT * FROM {table}"))
        here = source.log.rows(f"s.public.{table}")
        assert len(here) == len(there) and here == there, f"{table}: {len(here)} rows in the log, {len(there)} in the server"


def churn(source, n):
    """Changes of every kind, none of which an interrupted snapshot may lose or double."""
    source.sql(f"INSERT INTO a VALUES ({10000 + n}, {n}); DELETE FROM a WHERE id % 20 = {n % 20}; UPDATE a SET v = {n} WHERE id % 7 = 0;"
               f"UPDATE b SET id = id + 100000 WHERE id % 50 = {n % 50} AND id < 100000; DELETE FROM b WHERE id % 31 = {n % 31};"
               f"INSERT INTO k SELECT {n}, i FROM generate_series(1, 20) i; DELETE FROM k WHERE x = {n % 100} AND y % 2 = 0")


@pytest.mark.parametrize("point", ["snap.begin", "snap.slot", "snap.table", "snap.table=kill@2", "snap.table=kill@3", "snap.chunk",
                                   "snap.chunk=kill@2", "snap.chunk=kill@3", "snap.handover", "src.read=kill@2", "src.before_ack"])
def test_killed_snapshot_goes_on_exactly(make, point):
    s = make(TABLES)
    code, _ = s.run("--credit", "32768", failpoints=point if "=" in point else f"{point}=kill")
    assert code == -signal.SIGKILL
    churn(s, 1)
    s.ok("--credit", "32768")
    assert_same(s, "a", "b", "k")
    churn(s, 2)
    s.ok()
    assert_same(s, "a", "b", "k")


def test_snapshot_killed_again_and_again(make):
    s = make(TABLES)
    for n, point in enumerate(["snap.slot", "snap.chunk=kill@4", "snap.begin", "snap.table", "snap.handover"]):
        s.once = os.path.join(os.path.dirname(s.once), f"once{n}")
        os.makedirs(s.once)
        code, err = s.run("--credit", "16384", failpoints=point if "=" in point else f"{point}=kill")
        assert code == -signal.SIGKILL, err
        churn(s, n)
    s.ok("--credit", "16384")
    assert_same(s, "a", "b", "k")
    assert s.cluster.sql(s.db, "SELECT count(*) FROM pg_replication_slots WHERE temporary") == [(0,)]


@pytest.mark.parametrize("point", ["src.read", "src.decoded", "src.decoded=kill@3", "src.before_ack", "src.acked"])
def test_killed_stream_goes_on_exactly(make, point):
    s = make(TABLES)
    s.ok()
    for n in range(3):
        churn(s, n)
    code, err = s.run("--credit", "16384", failpoints=point if "=" in point else f"{point}=kill")
    assert code == -signal.SIGKILL, err
    churn(s, 3)
    s.ok("--credit", "16384")
    assert_same(s, "a", "b", "k")


def test_interrupted_snapshot_then_big_transactions(make):
    """Transactions larger than a batch that ended before the second snapshot, and after it."""
    s = make(TABLES)
    code, _ = s.run(failpoints="snap.table=kill@2")
    assert code == -signal.SIGKILL
    s.sql("UPDATE b SET v = 5; UPDATE k SET y = y + 1; INSERT INTO a SELECT i, 1 FROM generate_series(50000, 70000) i")
    err = s.ok("--credit", "65536", idle=2500)
    assert err.count("streaming from slot") == 2, "once level with the snapshot, open transactions are streamed"
    assert_same(s, "a", "b", "k")
    s.sql("BEGIN; UPDATE a SET v = v + 1; SAVEPOINT s; DELETE FROM b; ROLLBACK TO s; DELETE FROM k WHERE y % 2 = 0; COMMIT")
    s.ok("--credit", "65536")
    assert_same(s, "a", "b", "k")


def test_table_rewritten_while_the_snapshot_runs(make):
    """A rewritten table looks empty to an older snapshot: it is read again under a newer one."""
    s = make(TABLES)
    runner = s.start("--repeat", "--idle", "2500", failpoints="snap.table=pause:1500@2")
    wait_until(lambda: s.sql("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'COPY%' OR state = 'idle in transaction'")[0][0],
               "the snapshot to run", 20)
    s.sql("ALTER TABLE b ALTER v TYPE bigint; ALTER TABLE b ALTER v TYPE int")
    code, err = s.finish(runner)
    assert code == 0 and "was rewritten while its snapshot was taken" in err, err
    assert_same(s, "a", "b", "k")


def test_partitions_and_inheritance(make):
    s = make("CREATE TABLE root (id int PRIMARY KEY, v int) PARTITION BY RANGE (id);"
             "CREATE TABLE leaf1 PARTITION OF root FOR VALUES FROM (0) TO (100);"
             "CREATE TABLE leaf2 (v int, id int NOT NULL PRIMARY KEY); ALTER TABLE root ATTACH PARTITION leaf2 FOR VALUES FROM (100) TO (200);"
             "CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child () INHERITS (parent); ALTER TABLE child ADD PRIMARY KEY (id);"
             "INSERT INTO root SELECT i, i FROM generate_series(90, 110) i; INSERT INTO parent VALUES (1); INSERT INTO child VALUES (2)",
             table__include__list="public\\.(root|parent|child)")
    s.ok()
    s.sql("INSERT INTO root VALUES (1, 1), (150, 150); UPDATE root SET id = 120 WHERE id = 95; INSERT INTO child VALUES (3); INSERT INTO parent VALUES (4)")
    s.ok()
    assert_same(s, "leaf1", "leaf2", "child")
    assert s.log.rows("s.public.parent") == [("00000001",), ("00000004",)]


def test_partitions_go_by_every_name_above_them(make):
    """A partitioned table in the middle is listed: its leaves come, and its lists hold for them."""
    s = make("CREATE SCHEMA parts; CREATE TABLE top (id int, r int, hidden int, PRIMARY KEY (id, r)) PARTITION BY RANGE (id);"
             "CREATE TABLE mid PARTITION OF top FOR VALUES FROM (0) TO (100) PARTITION BY LIST (r);"
             "CREATE TABLE parts.leaf PARTITION OF mid FOR VALUES IN (1); CREATE TABLE other PARTITION OF top FOR VALUES FROM (100) TO (200);"
             "CREATE TABLE parts.unlisted (id int PRIMARY KEY); INSERT INTO top VALUES (1, 1, 9), (150, 1, 9)",
             table__include__list="public\\.mid", column__exclude__list="public\\.mid\\.hidden")
    grant_source(s.cluster, s.db, ["parts"])
    s.ok()
    s.sql("INSERT INTO top VALUES (2, 1, 9), (151, 1, 9); INSERT INTO parts.unlisted VALUES (1)")
    s.ok()
    assert s.log.rows("s.parts.leaf") == [("00000001", "00000001"), ("00000002", "00000001")]
    assert list(s.log.tables) == ["s.parts.leaf"]


def test_limits_of_the_role_do_not_end_a_snapshot(make):
    s = make(TABLES)
    limits = [n for (n,) in s.sql("SELECT name FROM pg_settings WHERE name IN ('idle_in_transaction_session_timeout', "
                                  "'lock_timeout', 'idle_session_timeout', 'transaction_timeout')")]
    for name in limits:
        s.sql(f"ALTER ROLE {SOURCE_ROLE} SET {name} = '300ms'")
    try:
        s.ok(failpoints="snap.table=pause:900@2")
        s.sql("INSERT INTO k VALUES (1, 1)")
        s.ok(idle=900)
    finally:
        for name in limits:
            s.sql(f"ALTER ROLE {SOURCE_ROLE} RESET {name}")
    assert_same(s, "a", "b", "k")


def test_given_up_while_the_slot_is_made(make):
    """The slot waits for an open writer; whoever gave up waiting leaves nothing behind, and the writer's rows come."""
    s = make(TABLES)
    writer = s.cluster.connect(s.db, autocommit=False)
    writer.cursor().execute("INSERT INTO a VALUES (-1, -1)")
    runner = s.start("--idle", "60000")
    wait_until(lambda: s.cluster.slot(s.config["slot.name"]), "the slot to be begun", 20)
    runner.send_signal(signal.SIGTERM)
    s.finish(runner)
    wait_until(lambda: s.cluster.slot(s.config["slot.name"]) is None, "the slot to be given up", 20)
    runner = s.start("--idle", "700")
    wait_until(lambda: s.cluster.slot(s.config["slot.name"]), "the slot to be begun", 20)
    writer.commit()
    writer.close()
    code, err = s.finish(runner)
    assert code == 0, err
    assert_same(s, "a", "b", "k")


def test_offset_beyond_the_servers_end(make):
    s = make("CREATE TABLE a (id int PRIMARY KEY)")
    s.ok()
    with open(s.position, "w", encoding="utf-8") as f:
        f.write('{"lsn":9000000000000000}')
    code, err = s.run()
    assert code == 1 and "class 4 code HP007" in err


def test_snapshot_flags_and_rows(make):
    s = make("CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY); CREATE TABLE c (id int PRIMARY KEY);"
             "INSERT INTO a SELECT generate_series(1, 3); INSERT INTO c VALUES (1)")
    s.ok()
    assert s.log.records == [("r", "s.public.a", 4 | 16), ("r", "s.public.a", 0), ("r", "s.public.a", 32), ("r", "s.public.c", 16 | 32 | 8)]


def test_streamed_transactions_and_sub_transactions(make):
    s = make("CREATE TABLE t (id int PRIMARY KEY, v text)")
    s.ok()
    s.cluster.sql("postgres", "ALTER ROLE homeport_source SET logical_decoding_work_mem = '64kB'")
    try:
        runner = s.start("--credit", "65536", "--idle", "2500")
        one, two = s.cluster.connect(s.db, autocommit=False), s.cluster.connect(s.db, autocommit=False)
        a, b = one.cursor(), two.cursor()
        for i in range(4):
            a.execute("INSERT INTO t SELECT i, 'a' FROM generate_series(%s, %s) i", (i * 2000, i * 2000 + 1999))
            a.execute("SAVEPOINT s; INSERT INTO t SELECT i, 'gone' FROM generate_series(900001, 902000) i; ROLLBACK TO s")
            b.execute("INSERT INTO t SELECT i, 'b' FROM generate_series(%s, %s) i", (100000 + i * 2000, 100000 + i * 2000 + 1999))
        one.commit()
        two.rollback()
        one.close()
        two.close()
        code, err = s.finish(runner)
        assert code == 0, err
        assert "CHUNK" in s.log.kinds and "COMMIT" in s.log.kinds
        assert len(s.log.rows("s.public.t")) == 8000
        s.ok()
        assert len(s.log.rows("s.public.t")) == 8000
    finally:
        s.cluster.sql("postgres", "ALTER ROLE homeport_source RESET logical_decoding_work_mem")


def test_a_transaction_that_the_server_cannot_stream(make):
    """Sub-transactions that altered a table and were rolled back, within a big one: servers fail on streaming what follows."""
    s = make("CREATE TABLE t (id int PRIMARY KEY, v text)")
    s.ok()
    s.sql(f"ALTER ROLE {SOURCE_ROLE} SET logical_decoding_work_mem = '64kB'")
    try:
        writer = s.cluster.connect(s.db, autocommit=False)
        cursor = writer.cursor()
        for n in range(4):
            cursor.execute("SAVEPOINT s; ALTER TABLE t ADD w int; INSERT INTO t SELECT i, 'gone' FROM generate_series(900001, 903000) i;"
                           "ROLLBACK TO s; INSERT INTO t SELECT i, 'kept' FROM generate_series(%s, %s) i", (n * 2000, n * 2000 + 1999))
        cursor.execute("ALTER TABLE t ADD w int; INSERT INTO t SELECT i, 'kept', 5 FROM generate_series(8000, 9999) i")
        writer.commit()
        writer.close()
        s.ok("--repeat", idle=1000)
        s.sql("DELETE FROM t WHERE id % 2 = 0")
        s.ok("--repeat")
    finally:
        s.sql(f"ALTER ROLE {SOURCE_ROLE} RESET logical_decoding_work_mem")
    assert len(s.log.rows("s.public.t")) == 5000


def test_always_and_no_data_and_initial_only(make):
    s = make("CREATE TABLE a (id int PRIMARY KEY, v int); INSERT INTO a VALUES (1, 1)", snapshot__mode="no_data")
    s.ok()
    assert s.log.records == []
    s.sql("INSERT INTO a VALUES (2, 2)")
    s.ok()
    assert [r[0] for r in s.log.records] == ["c"]
    s.config["snapshot.mode"] = "always"
    s.ok()
    assert [r[0] for r in s.log.records] == ["c", "r", "r"]
    s.sql("INSERT INTO a VALUES (3, 3)")
    s.ok()
    assert [r[0] for r in s.log.records] == ["c", "r", "r", "r", "r", "r"], "what the new snapshot holds is not streamed again"


def test_initial_only_leaves_no_slot(make):
    s = make("CREATE TABLE a (id int PRIMARY KEY, v int); INSERT INTO a VALUES (1, 1)", snapshot__mode="initial_only")
    s.ok()
    assert [r[0] for r in s.log.records] == ["r"]
    assert s.cluster.slot(s.config["slot.name"]) is None
    s.ok()
    assert [r[0] for r in s.log.records] == ["r"]


def test_when_needed_begins_anew(make):
    s = make("CREATE TABLE a (id int PRIMARY KEY, v int); INSERT INTO a VALUES (1, 1)", snapshot__mode="when_needed")
    s.ok()
    wait_until(lambda: s.sql("SELECT pg_drop_replication_slot(%s)", (s.config["slot.name"],)), "the slot to be free", 20)
    s.sql("INSERT INTO a VALUES (2, 2)")
    err = s.ok()
    assert "a new snapshot is needed" in err
    assert [r[0] for r in s.log.records] == ["r", "r", "r"]


def test_slot_for_two_phases_is_refused(make):
    s = make("CREATE TABLE a (id int PRIMARY KEY)")
    s.sql("SELECT pg_create_logical_replication_slot(%s, 'pgoutput', false, true)", (s.config["slot.name"],))
    code, err = s.run()
    assert code == 1 and "class 1" in err and "two_phase" in err, err


def test_slot_that_somebody_moved(make):
    s = make("CREATE TABLE a (id int PRIMARY KEY, v int)")
    s.ok()
    s.sql("INSERT INTO a VALUES (1, 1)")
    wait_until(lambda: s.sql("SELECT pg_replication_slot_advance(%s, pg_current_wal_lsn())", (s.config["slot.name"],)),
               "the slot to be free", 20)
    code, err = s.run()
    assert code == 1 and "class 4 code HP005" in err and err.count("0/") >= 2


def test_rows_of_our_own_sinks_stay_out(make):
    s = make("CREATE TABLE a (id int PRIMARY KEY, v int)")
    s.ok()
    s.sql("SELECT pg_replication_origin_create(n) FROM unnest(ARRAY['homeport_test', 'bucardo']) n")
    try:
        for origin, row in (("homeport_test", 1), ("bucardo", 2)):
            s.sql(f"SELECT pg_replication_origin_session_setup('{origin}')")
            s.sql(f"INSERT INTO a VALUES ({row}, 0)")
            s.sql("SELECT pg_replication_origin_session_reset()")
        s.ok()
        assert s.log.rows("s.public.a") == [("00000002", "00000000")]
        slot = s.cluster.slot(s.config["slot.name"])
        assert slot["confirmed_flush_lsn"]
        s.ok()
    finally:
        s.sql("SELECT pg_replication_origin_drop(n) FROM unnest(ARRAY['homeport_test', 'bucardo']) n")


def test_filtered_stream_still_advances(make):
    s = make("CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY)", table__include__list="public\\.a")
    s.ok()
    s.sql("INSERT INTO b SELECT generate_series(1, 1000)")
    end = s.cluster.lsn()
    s.ok(idle=2500)
    assert s.sql("SELECT confirmed_flush_lsn >= %s::pg_lsn FROM pg_replication_slots WHERE slot_name = %s", (end, s.config["slot.name"])) == [(True,)]


def test_reset_drops_the_slot_even_if_it_is_in_use(make):
    s = make("CREATE TABLE a (id int PRIMARY KEY)")
    runner = s.start("--idle", "60000")
    wait_until(lambda: (s.cluster.slot(s.config["slot.name"]) or {}).get("active"), "the slot to be used", 20)
    done = subprocess.run(s.command("--reset"), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert s.cluster.slot(s.config["slot.name"]) is None
    runner.send_signal(signal.SIGTERM)
    s.finish(runner)
    assert subprocess.run(s.command("--reset"), check=False, timeout=60).returncode == 0, "idempotent"


def test_tables_that_are_not_published_are_named(make):
    s = make("CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY)", table__include__list="public\\.[ab]")
    s.sql("DROP PUBLICATION pub; CREATE PUBLICATION pub FOR TABLE a")
    assert 'does not hold 1 of the tables' in (err := s.ok()) and '"public"."b"' in err
    s.sql("DROP PUBLICATION pub; CREATE PUBLICATION pub")
    os.unlink(s.position)
    subprocess.run(s.command("--reset"), check=True, timeout=60)
    assert "nothing is captured" in s.ok()


def test_no_right_to_read_names_the_table(make):
    s = make("CREATE TABLE a (id int PRIMARY KEY)")
    s.sql("CREATE TABLE secret (id int PRIMARY KEY)")
    s.sql(f"REVOKE ALL ON secret FROM {SOURCE_ROLE}")
    code, err = s.run()
    assert code == 1 and "class 1 code 42501" in err and "public.secret" in err


def test_row_level_security_is_not_obeyed_silently(make):
    s = make("CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1); ALTER TABLE a ENABLE ROW LEVEL SECURITY")
    code, err = s.run()
    assert code == 1 and "class 1" in err and "public.a" in err and "row level security" in err


def test_snapshot_overrides_lists_and_columns(make):
    s = make("CREATE TABLE a (id int PRIMARY KEY, v int, hidden int); CREATE TABLE b (id int PRIMARY KEY); CREATE TABLE c (id int PRIMARY KEY);"
             "INSERT INTO a SELECT i, i, i FROM generate_series(1, 10) i; INSERT INTO b VALUES (1); INSERT INTO c VALUES (1)",
             table__exclude__list="public\\.c", snapshot__include__collection__list="public\\.a",
             column__exclude__list="public\\.a\\.(hidden|id)", snapshot__select__statement__overrides="public.a",
             **{"snapshot.select.statement.overrides.public.a": "SELECT * FROM public.a WHERE id > 8"})
    s.ok()
    assert s.log.rows("s.public.a") == [("00000009", "00000009"), ("0000000a", "0000000a")], "key columns stay"
    s.sql("INSERT INTO a VALUES (11, 11, 11); INSERT INTO b VALUES (2); INSERT INTO c VALUES (2)")
    s.ok()
    assert s.log.rows("s.public.a")[-1] == ("0000000b", "0000000b")
    assert s.log.rows("s.public.b") == [("00000002",)] and s.log.rows("s.public.c") == []


def test_a_wrong_snapshot_statement_is_named(make):
    """Nothing that comes right by itself: FAILED, with the key. What people write around a statement is fine."""
    key = "snapshot.select.statement.overrides.public.a"
    s = make("CREATE TABLE a (id int PRIMARY KEY, v int); INSERT INTO a SELECT i, i FROM generate_series(1, 10) i",
             snapshot__select__statement__overrides="public.a")
    for statement in ("SELECT * FROM a", "SELECT * FROM public.a WHERE no_column > 8", "SELECT id FROM public.a", "SELEC"):
        s.config[key] = statement
        code, err = s.run()
        assert code == 1 and "class 1" in err and key in err, err
    s.config[key] = "SELECT * FROM public.a WHERE id > 8; -- the newest ones\n ; "
    code, err = s.run()
    assert code == 1 and key in err, "two statements"
    s.config[key] = "SELECT * FROM public.a WHERE id > 8 -- the newest ones"
    s.ok()
    assert [r[0] for r in s.log.rows("s.public.a")] == ["00000009", "0000000a"]
    os.unlink(s.position)
    s.config[key] = "SELECT * FROM public.a WHERE id > 9 ;\n"
    s.ok()
    assert [r[0] for r in s.log.records] == ["r"] * 3


def test_publication_filters_count_for_the_snapshot_too(make):
    s = make("CREATE TABLE a (id int PRIMARY KEY, v int, w int); INSERT INTO a SELECT i, i, i FROM generate_series(1, 10) i")
    s.sql("DROP PUBLICATION pub; CREATE PUBLICATION pub FOR TABLE a (id, v) WHERE (id > 8)")
    s.ok()
    s.sql("INSERT INTO a VALUES (5000, 1, 1)")
    s.ok()
    assert s.log.rows("s.public.a") == [("00000009", "00000009"), ("0000000a", "0000000a"), ("00001388", "00000001")]


def test_a_key_that_was_renamed_since(make):
    """The catalog is newer than the change: the key is known all the same, also where the server does not mark it."""
    s = make("CREATE TABLE t (id int PRIMARY KEY, v int); ALTER TABLE t REPLICA IDENTITY FULL; INSERT INTO t VALUES (1, 1)")
    s.ok()
    s.sql("UPDATE t SET v = 2; ALTER TABLE t RENAME id TO pk; UPDATE t SET v = 3")
    s.ok()
    assert s.log.tables["s.public.t"] == {("00000001",): [["00000001", "00000003"]]}


def test_message_prefixes(make):
    s = make("CREATE TABLE a (id int PRIMARY KEY)", message__prefix__include__list="wanted.*")
    s.ok()
    s.sql("SELECT pg_logical_emit_message(true, 'wanted1', 'x'), pg_logical_emit_message(false, 'wanted2', 'y'), "
          "pg_logical_emit_message(true, 'other', 'z')")
    s.ok()
    assert [r[:2] for r in s.log.records] == [("m", "s.message"), ("m", "s.message")]
    s.ok()
    assert len(s.log.records) == 2, "a loose message comes once"


def test_a_type_without_binary_form(make):
    """aclitem and its array have no binary form: text then, in the snapshot and in the stream."""
    s = make("CREATE TABLE a (id int PRIMARY KEY, acl aclitem, acls aclitem[]);"
             "INSERT INTO a VALUES (1, 'postgres=r/postgres', '{postgres=r/postgres}')")
    s.ok()
    s.sql("INSERT INTO a VALUES (2, 'postgres=r/postgres', '{postgres=r/postgres}')")
    assert "values come as text" in s.ok("--repeat")
    rows = s.log.rows("s.public.a")
    assert len(rows) == 2 and all("'postgres=r/postgres'" in r and r[-1].startswith("'{postgres=r/postgres") for r in rows)


def test_a_record_that_is_too_large_is_named(make):
    s = make("CREATE TABLE a (id int PRIMARY KEY, v text)")
    s.ok()
    s.sql("ALTER TABLE a ALTER v SET STORAGE EXTERNAL; INSERT INTO a SELECT 1, repeat('x', 300 * 1024 * 1024)")
    code, err = s.run(idle=30000)
    assert code == 1 and "public.a" in err and "max.record.bytes" in err and "class 4" in err


def test_huge_values_do_not_stay_in_memory(make):
    s = make("CREATE TABLE a (id int PRIMARY KEY, v text)")
    s.ok()
    s.sql("ALTER TABLE a ALTER v SET STORAGE EXTERNAL; INSERT INTO a SELECT 1, repeat('x', 64 * 1024 * 1024)")
    runner = s.start("--idle", "3000", "--null")
    out, err = runner.communicate(timeout=60)
    assert runner.returncode == 0, err
    peak = int(re.search(r"rss_kib=(\d+)", out).group(1))
    assert peak < 3 * 64 * 1024 + 32 * 1024


def over_tls(s):
    """Turns TLS on in the server, once, and lets the source insist on it."""
    data = s.cluster.data
    if not os.path.exists(os.path.join(data, "server.key")):
        subprocess.run(["openssl", "req", "-new", "-x509", "-days", "2", "-nodes", "-out", f"{data}/server.crt", "-keyout",
                        f"{data}/server.key", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
                       check=True, capture_output=True)
        owner = os.stat(data)
        for name in ("server.crt", "server.key"):
            os.chmod(os.path.join(data, name), 0o600)
            os.chown(os.path.join(data, name), owner.st_uid, owner.st_gid)
        s.cluster.configure(ssl="on")
        s.cluster.reload()
    s.config.update({"database.sslmode": "verify-full", "database.sslrootcert": f"{data}/server.crt"})
    wait_until(lambda: s.run()[0] == 0, "TLS to be on", 20, 0.5)


def test_tls(make, work):
    s = make("CREATE TABLE a (id int PRIMARY KEY, v text); INSERT INTO a SELECT i, 'x' FROM generate_series(1, 5000) i")
    over_tls(s)
    assert len(s.log.rows("s.public.a")) == 5000
    s.sql("INSERT INTO a SELECT i, repeat('y', 3000) FROM generate_series(10001, 13000) i; DELETE FROM a WHERE id < 100")
    err = s.ok("--credit", "100000")
    assert "over TLS" in err
    assert len(s.log.rows("s.public.a")) == 5000 + 3000 - 99
    s.config["database.sslrootcert"] = os.path.join(work, "none.crt")
    assert s.run()[0] == 1


def test_huge_values_over_tls_do_not_stay_in_memory(make):
    s = make("CREATE TABLE a (id int PRIMARY KEY, v text); ALTER TABLE a ALTER v SET STORAGE EXTERNAL")
    over_tls(s)
    runner = s.start("--idle", "60000", "--null")
    s.sql("INSERT INTO a SELECT 1, repeat('x', 64 * 1024 * 1024)")
    s.cluster.wait_confirmed(s.config["slot.name"], timeout=60)

    def resident_kib():
        with open(f"/proc/{runner.pid}/status", encoding="utf-8") as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))
    wait_until(lambda: resident_kib() < 48 * 1024, lambda: f"the memory to be given back: {resident_kib()} KiB", 30)
    s.sql("INSERT INTO a VALUES (2, 'y')")
    s.cluster.wait_confirmed(s.config["slot.name"])
    runner.send_signal(signal.SIGTERM)
    out, err = runner.communicate(timeout=60)
    assert runner.returncode == 0 and "records=2 " in out, err
    assert int(re.search(r"rss_kib=(\d+)", out).group(1)) < 3 * 64 * 1024 + 32 * 1024


def test_a_line_that_breaks_anywhere(make):
    """One server plain, the other over TLS. Cut after any number of bytes, in mid-message and while a transaction is streamed, and slow: nothing lost or doubled."""
    s = make(TABLES)
    if s.cluster.version == 18:
        over_tls(s)
    s.sql(f"ALTER ROLE {SOURCE_ROLE} SET logical_decoding_work_mem = '64kB'")
    try:
        with Proxy(s.cluster.port) as line:
            s.config["database.port"] = line.port
            printed = open(os.path.join(os.path.dirname(s.position), "printed.txt"), "w+", encoding="utf-8")
            line.cut_after = 20000  # in the snapshot, if there is one
            runner = subprocess.Popen(s.command("--verbose", "--repeat", "--idle", "60000", "--credit", "30000"), stdout=printed,
                                      stderr=subprocess.PIPE, text=True)
            for n, after in enumerate([1, 20000, 60000, 7, 100000]):
                churn(s, n)
                s.sql(f"BEGIN; INSERT INTO k SELECT {n}, i FROM generate_series(1, 2000) i; SAVEPOINT s; DELETE FROM b; ROLLBACK TO s;"
                      "UPDATE a SET v = v + 1; COMMIT")
                wait_until(lambda: line.cut_after is None, "the line to be cut", 30)
                line.cut_after, line.slice = line.passed + after, [65536, 1000][n % 2]
            line.cut_after = None
            line.slice, line.pause = 1000, 0.0005  # a trickle
            churn(s, 20)
            line.stalled = True
            churn(s, 21)
            line.stalled = False
            s.cluster.wait_confirmed(s.config["slot.name"])
            runner.send_signal(signal.SIGTERM)
            err = runner.communicate(timeout=60)[1]
            assert runner.returncode == 0 and line.cuts >= 5, err
            printed.seek(0)
            s.log.feed(printed.read().splitlines())
            printed.close()
    finally:
        s.sql(f"ALTER ROLE {SOURCE_ROLE} RESET logical_decoding_work_mem")
    assert "CHUNK" in s.log.kinds
    assert_same(s, "a", "b", "k")


def test_a_line_that_swallows_everything_is_given_up(make):
    """Neither end of a connection hears of it, as when a proxy stops passing on but acknowledges."""
    s = make("CREATE TABLE a (id int PRIMARY KEY)")
    s.sql(f"ALTER ROLE {SOURCE_ROLE} SET wal_sender_timeout = '1s'")
    try:
        with Proxy(s.cluster.port) as line:
            s.config["database.port"] = line.port
            runner = s.start("--idle", "60000")
            s.cluster.wait_confirmed(s.config["slot.name"])
            s.cluster.wait("postgres", "SELECT count(*) = 1 FROM pg_stat_replication WHERE state = 'streaming'", "it to stream")
            line.stalled = True  # which may be before the answer to its start has passed
            code, err = s.finish(runner)
        assert code == 75 and f"127.0.0.1:{line.port} has not answered for 5 s" in err, err
        s.sql("INSERT INTO a VALUES (1)")
        s.config["database.port"] = s.cluster.port
        s.ok()
        assert len(s.log.rows("s.public.a")) == 1
    finally:
        s.sql(f"ALTER ROLE {SOURCE_ROLE} RESET wal_sender_timeout")


def test_unix_socket(make):
    s = make("CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a SELECT generate_series(1, 1000)")
    s.config.update({"database.hostname": s.cluster.folder, "database.user": "postgres"})
    s.ok()
    s.sql("INSERT INTO a SELECT generate_series(2001, 12000)")
    s.ok()
    assert len(s.log.rows("s.public.a")) == 11000
