"""What can happen to a row: TOAST, key changes, truncate, awkward names, no key, partitions, generated columns."""
import pytest

BOTH = pytest.mark.parametrize("source,target", [(15, 18), (18, 15)])


@BOTH
def test_unchanged_toast_stays(pair, source, target):
    """Seed 6: an update of another column leaves the big one alone, under DEFAULT and under FULL."""
    p = pair(source, target).prepare(
        "CREATE TABLE d (id int PRIMARY KEY, n int, big text, blob bytea, arr text[]);"
        "ALTER TABLE d ALTER big SET STORAGE EXTERNAL, ALTER blob SET STORAGE EXTERNAL, ALTER arr SET STORAGE EXTERNAL;"
        "CREATE TABLE f (LIKE d INCLUDING ALL); ALTER TABLE f REPLICA IDENTITY FULL",
        seed="INSERT INTO d SELECT g, 0, repeat(md5(g::text), 400), decode(repeat('ab', 9000), 'hex'), "
             "ARRAY[repeat('x', 9000), NULL] FROM generate_series(1, 20) g; INSERT INTO f SELECT * FROM d")
    p.start()
    p.wait_equal("d", "f")
    for t in ("d", "f"):
        p.src(f"UPDATE {t} SET n = id")                                  # nothing toasted is sent
        p.src(f"UPDATE {t} SET blob = decode(repeat('cd', 9000), 'hex') WHERE id < 5")
        p.src(f"UPDATE {t} SET big = NULL WHERE id = 7")
        p.src(f"UPDATE {t} SET id = id + 1000, n = -n WHERE id > 15")    # key change across unchanged TOAST
        p.src(f"BEGIN; INSERT INTO {t} VALUES (500, 1, repeat('q', 20000), NULL, NULL); UPDATE {t} SET n = 2 WHERE id = 500; "
              f"UPDATE {t} SET id = 501 WHERE id = 500; UPDATE {t} SET n = 3 WHERE id = 501; COMMIT")
        p.src(f"BEGIN; UPDATE {t} SET n = 9, big = repeat('z', 30000) WHERE id = 3; UPDATE {t} SET n = 10 WHERE id = 3; COMMIT")
    p.wait_equal("d", "f")
    assert p.dst("SELECT count(*) FROM d WHERE big LIKE '%unavailable%'") == [(0,)]


@BOTH
def test_key_changes(pair, source, target):
    """Seed 7: moved, swapped within a transaction, moved onto a deleted one, moved there and back."""
    p = pair(source, target).prepare(
        "CREATE TABLE t (id int PRIMARY KEY, v text);"
        "CREATE TABLE c (a int, b text, v int, PRIMARY KEY (a, b))",
        seed="INSERT INTO t SELECT g, 'v' || g FROM generate_series(1, 100) g;"
             "INSERT INTO c SELECT g, 'b' || g, g FROM generate_series(1, 20) g")
    p.start()
    p.wait_equal("t", "c")
    p.src("UPDATE t SET id = 1001 WHERE id = 1")
    p.src("BEGIN; UPDATE t SET id = -2 WHERE id = 2; UPDATE t SET id = 2 WHERE id = 3; UPDATE t SET id = 3 WHERE id = -2; COMMIT")
    p.src("BEGIN; DELETE FROM t WHERE id = 4; UPDATE t SET id = 4, v = 'new' WHERE id = 5; COMMIT")
    p.src("BEGIN; UPDATE t SET id = 2006 WHERE id = 6; UPDATE t SET id = 6 WHERE id = 2006; COMMIT")
    p.src("BEGIN; UPDATE t SET id = 3000 WHERE id = 7; INSERT INTO t VALUES (7, 'again'); DELETE FROM t WHERE id = 3000; COMMIT")
    p.src("UPDATE t SET id = id + 10000 WHERE id BETWEEN 50 AND 60")
    p.src("UPDATE c SET b = b || 'x' WHERE a < 5; UPDATE c SET a = -a, v = -v WHERE a > 15; DELETE FROM c WHERE a = 10")
    p.wait_equal("t", "c")


def test_same_row_many_times_in_one_transaction(pair):
    p = pair().prepare("CREATE TABLE t (id int PRIMARY KEY, v int)")
    p.start()
    p.src("DO $$ BEGIN FOR i IN 1..3000 LOOP INSERT INTO t VALUES (i % 7, i) ON CONFLICT (id) DO UPDATE SET v = excluded.v; "
          "IF i % 5 = 0 THEN DELETE FROM t WHERE id = i % 3; END IF; END LOOP; END $$")
    p.wait_equal("t")


@BOTH
def test_truncate(pair, source, target):
    """Seed P23: several tables in one statement, rows before and after in the same transaction."""
    p = pair(source, target).prepare("CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY);"
                                     "CREATE TABLE c (id int PRIMARY KEY REFERENCES a)",
                                     seed="INSERT INTO a SELECT generate_series(1, 100); INSERT INTO b SELECT * FROM a;"
                                          "INSERT INTO c SELECT * FROM a")
    p.start()
    p.wait_equal("a", "b", "c")
    p.src("BEGIN; INSERT INTO b VALUES (1000); TRUNCATE a, b, c; INSERT INTO b VALUES (7); COMMIT")
    p.wait_equal("a", "b", "c")
    assert p.dst("SELECT id FROM b") == [(7,)]
    p.src("INSERT INTO a VALUES (1); INSERT INTO c VALUES (1)")
    p.src("TRUNCATE a CASCADE")
    p.wait_equal("a", "b", "c")


def test_truncate_not_enabled_is_left_out(pair):
    p = pair().prepare("CREATE TABLE a (id int PRIMARY KEY)", seed="INSERT INTO a VALUES (1)")
    p.start(sink={"truncate__enabled": "false"})
    p.wait_equal("a")
    p.src("TRUNCATE a; INSERT INTO a VALUES (2)")
    p.target[0].wait(p.target[1], "SELECT count(*) = 2 FROM a", "the row after the truncate, beside the one before it")


@BOTH
def test_awkward_names_and_composite_keys(pair, source, target):
    """SEC-10: names with capitals, blanks, quotes, dots, unicode; keys in another order than the columns."""
    name = 'Or"der. Items ä;--'
    quoted = '"' + name.replace('"', '""') + '"'
    text = (f'CREATE TABLE {quoted} ("Val ""ue" text, "B" int, "a.b" text, "select" int, PRIMARY KEY ("a.b", "B"));'
            f'CREATE TABLE "UPPER" ("Id" int PRIMARY KEY, "id" int);'
            f'CREATE TABLE {"x" * 63} (id int PRIMARY KEY, {"y" * 63} text)')
    tables = [name, "UPPER", "x" * 63]
    p = pair(source, target).prepare(text, seed=f"INSERT INTO {quoted} VALUES ('snap', 1, 'k', 1)")
    p.start()
    p.src(f"INSERT INTO {quoted} VALUES ('v', 2, 'k.2', 2), (NULL, 3, '', 3); INSERT INTO \"UPPER\" VALUES (1, 2), (2, 1);"
          f"INSERT INTO {'x' * 63} VALUES (1, 'a')")
    p.src(f'UPDATE {quoted} SET "select" = 9 WHERE "B" = 2; UPDATE {quoted} SET "a.b" = \'moved\' WHERE "B" = 3;'
          f'UPDATE "UPPER" SET id = id + 10; DELETE FROM {quoted} WHERE "B" = 1')
    p.wait_equal(*tables)


@pytest.mark.parametrize("identity", ["FULL", "NOTHING", "DEFAULT", "INDEX"])
@BOTH
def test_table_without_primary_key(pair, source, target, identity):
    """Inserts arrive once each whatever the identity; updates and deletes where the identity can name the row."""
    index = ";CREATE UNIQUE INDEX t_u ON t (u); ALTER TABLE t REPLICA IDENTITY USING INDEX t_u" if identity == "INDEX" else \
        f";ALTER TABLE t REPLICA IDENTITY {identity}"
    p = pair(source, target).prepare("CREATE TABLE t (u int NOT NULL, v text, w float8)" + index,
                                     seed="INSERT INTO t VALUES (1, 'a', 'NaN'), (2, 'same', 1), (3, NULL, NULL)")
    p.start()
    p.src("INSERT INTO t SELECT g, 'x', g FROM generate_series(10, 500) g")
    if identity != "INDEX":
        p.src("INSERT INTO t VALUES (2, 'same', 1), (2, 'same', 1)")
    p.wait_equal("t")
    if identity in ("FULL", "INDEX"):
        p.src("UPDATE t SET v = 'changed' WHERE u BETWEEN 20 AND 30; UPDATE t SET v = 'was null' WHERE u = 3;"
              "UPDATE t SET w = 0 WHERE u = 1; DELETE FROM t WHERE u BETWEEN 40 AND 50")
        p.wait_equal("t")
    if identity == "INDEX":
        p.src("UPDATE t SET u = u + 10000 WHERE u > 400")
        p.wait_equal("t")
    if identity == "FULL":
        # One of three equal rows goes: one, and only one, has to go.
        p.src("DELETE FROM t WHERE ctid = (SELECT ctid FROM t WHERE u = 2 LIMIT 1)")
        p.wait_equal("t")
    if identity in ("NOTHING", "DEFAULT"):
        p.src("ALTER TABLE t REPLICA IDENTITY FULL; UPDATE t SET v = 'now' WHERE u = 10")
        p.wait_equal("t")


PARTITIONS = ("CREATE TABLE m (id int, region text, v int, PRIMARY KEY (id, region)) PARTITION BY LIST (region);"
              "CREATE TABLE m_eu PARTITION OF m FOR VALUES IN ('eu'); CREATE TABLE m_us PARTITION OF m FOR VALUES IN ('us')")


@pytest.mark.parametrize("via_root", ["true", "false"])
@BOTH
def test_partitioned_tables(pair, source, target, via_root):
    """P13. Via the root rows go to the target's root, otherwise to its leaves of the same names."""
    p = pair(source, target).prepare(PARTITIONS, seed="INSERT INTO m SELECT g, CASE WHEN g % 2 = 0 THEN 'eu' ELSE 'us' END, g "
                                                      "FROM generate_series(1, 50) g", tables=["m"],
                                     publish_via_partition_root=via_root)
    p.start(source={"publish__via__partition__root": via_root})
    p.wait_equal("m", "m_eu", "m_us")
    p.src("INSERT INTO m VALUES (100, 'eu', 1), (101, 'us', 2); UPDATE m SET v = -v WHERE id < 10; DELETE FROM m WHERE id = 20")
    p.src("UPDATE m SET region = 'us' WHERE id = 2")  # moves between partitions
    p.wait_equal("m", "m_eu", "m_us")
    p.src("TRUNCATE m_us")
    if via_root == "false":
        p.wait_equal("m", "m_eu", "m_us")


def test_root_into_a_plain_table(pair):
    """publish.via.partition.root: the target need not be partitioned."""
    p = pair().prepare(PARTITIONS, target_ddl="CREATE TABLE m (id int, region text, v int, PRIMARY KEY (id, region))",
                       seed="INSERT INTO m VALUES (1, 'eu', 1)", tables=["m"], publish_via_partition_root="true")
    p.start(source={"publish__via__partition__root": "true"})
    p.src("INSERT INTO m VALUES (2, 'us', 1); UPDATE m SET v = 5")
    p.wait_equal("m")


@BOTH
def test_generated_and_identity_columns(pair, source, target):
    p = pair(source, target).prepare(
        "CREATE TABLE g (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a int, twice int GENERATED ALWAYS AS (a * 2) STORED);"
        "CREATE TABLE s (id bigserial PRIMARY KEY, n int GENERATED BY DEFAULT AS IDENTITY, d timestamptz DEFAULT now(), v text)",
        seed="INSERT INTO g (a) SELECT generate_series(1, 10); INSERT INTO s (v) VALUES ('seed')")
    p.start()
    p.src("INSERT INTO g (a) SELECT generate_series(11, 2000); INSERT INTO s (v) SELECT 'x' FROM generate_series(1, 100)")
    p.src("UPDATE g SET a = a + 1 WHERE id < 50; DELETE FROM g WHERE id = 60; UPDATE s SET v = 'y', n = n + 1000 WHERE id < 5")
    p.wait_equal("g", "s")


def test_foreign_keys_and_unique_columns(pair):
    """Parents before children as the source committed them, and unique values that change hands in a transaction."""
    p = pair().prepare("CREATE TABLE parent (id int PRIMARY KEY, code text UNIQUE);"
                       "CREATE TABLE child (id int PRIMARY KEY, parent int NOT NULL REFERENCES parent)")
    p.start()
    for i in range(0, 300, 3):
        p.src(f"BEGIN; INSERT INTO parent VALUES ({i}, 'c{i}'); INSERT INTO child VALUES ({i}, {i}), ({i + 1}, {i}); COMMIT")
    p.src("BEGIN; UPDATE parent SET code = 'tmp' WHERE id = 0; UPDATE parent SET code = 'c0' WHERE id = 3; "
          "UPDATE parent SET code = 'c3' WHERE id = 0; COMMIT")
    p.src("BEGIN; DELETE FROM child WHERE parent = 6; DELETE FROM parent WHERE id = 6; INSERT INTO parent VALUES (7, 'c6'); COMMIT")
    p.wait_equal("parent", "child")


def test_wide_table_and_empty_one(pair):
    wide = ", ".join(f"c{i} int" for i in range(1500))
    p = pair().prepare(f"CREATE TABLE wide (id int PRIMARY KEY, {wide}); CREATE TABLE only_key (id int PRIMARY KEY);"
                       "CREATE TABLE no_columns ()")
    p.start()
    p.src("INSERT INTO wide (id, c0, c1499) VALUES (1, 1, 2); INSERT INTO only_key VALUES (1), (2)")
    p.src("UPDATE wide SET c700 = 7; UPDATE only_key SET id = 3 WHERE id = 1")
    p.wait_equal("wide", "only_key")


@pytest.mark.parametrize("target", ["PRIMARY KEY", "PRIMARY KEY DEFERRABLE"])
def test_keys_that_collide_for_a_moment(pair, target):
    """A source whose key is deferrable moves and swaps keys in one UPDATE: no row may take the place of another."""
    ddl = ("CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE c (a int, b text, big text, PRIMARY KEY (a, b));"
           "ALTER TABLE c ALTER big SET STORAGE EXTERNAL")
    seed = ("INSERT INTO t SELECT g, 'v' || g FROM generate_series(1, 20) g;"
            "INSERT INTO c SELECT g, 'k' || g, repeat('b' || g, 2000) FROM generate_series(1, 20) g;")
    p = pair(15, 18)
    full = "ALTER TABLE t REPLICA IDENTITY FULL; ALTER TABLE c REPLICA IDENTITY FULL"
    deferrable = ddl.replace("PRIMARY KEY", "PRIMARY KEY DEFERRABLE").replace("DEFERRABLE (a, b)", "(a, b) DEFERRABLE")
    p.prepare(f"{deferrable}; {full}", deferrable if "DEFERRABLE" in target else ddl, seed)
    p.start()
    p.wait_equal("t", "c")
    for text in ("UPDATE t SET id = 3 - id WHERE id < 3",
                 "UPDATE t SET id = id + 1",
                 "UPDATE c SET a = a + 1, b = 'k' || (a + 1)",
                 "UPDATE c SET a = 23 - a, b = 'k' || (23 - a)",
                 # circles, chains and single rows that move on, in one transaction
                 "BEGIN; UPDATE t SET id = 101 WHERE id = 2; UPDATE t SET id = 102 WHERE id = 101; UPDATE t SET id = id - 1 WHERE id < 50;"
                 "UPDATE t SET id = CASE id WHEN 5 THEN 6 WHEN 6 THEN 7 ELSE 5 END, v = v || 'r' WHERE id IN (5, 6, 7);"
                 "UPDATE t SET id = 200 WHERE id = 6; UPDATE t SET id = id + 1 WHERE id > 6; DELETE FROM t WHERE id = 8;"
                 "INSERT INTO t VALUES (8, 'new'); UPDATE t SET id = id + 1; UPDATE t SET v = v || 'u' WHERE id % 2 = 0; COMMIT"):
        p.src(text)
        p.wait_equal("t", "c")


def test_keys_that_are_swapped_where_rows_refer_to_them(pair):
    """No order of single updates does it, and taking a row out would take its children along: an error, not a loss."""
    p = pair().prepare("CREATE TABLE t (id int PRIMARY KEY DEFERRABLE, v text); ALTER TABLE t REPLICA IDENTITY FULL",
                       "CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE c (t int REFERENCES t ON UPDATE CASCADE ON DELETE CASCADE)",
                       "INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')", tables=["t"])
    p.start()
    p.wait_equal("t")
    p.dst("INSERT INTO c VALUES (1), (2)")
    p.src("UPDATE t SET id = id + 1")  # without a circle there is an order
    p.wait_equal("t")
    p.src("UPDATE t SET id = 5 - id WHERE id < 4")
    p.host.wait_state(p.sink_name, "FAILED")
    assert "t_pkey" in p.host.trace(p.sink_name) and "stream offset 6" in p.host.trace(p.sink_name)
    assert p.dst("SELECT * FROM t ORDER BY id") == [(2, "a"), (3, "b"), (4, "c")]


def test_keys_that_collide_across_batches(pair):
    """The change that makes room comes too late to be put first: an error, not a loss, and there is a way out."""
    ddl = "CREATE TABLE t (id int PRIMARY KEY DEFERRABLE, v text)"
    p = pair(15, 18).prepare(f"{ddl}; ALTER TABLE t REPLICA IDENTITY FULL; ALTER TABLE t ALTER v SET STORAGE EXTERNAL",
                             ddl.replace(" DEFERRABLE", ""),
                             "INSERT INTO t SELECT g, repeat('x', 20000) || g FROM generate_series(1, 600) g")
    p.start()
    p.wait_equal("t")
    p.src("UPDATE t SET id = id + 1")
    p.host.wait_state(p.sink_name, "FAILED")
    assert "DEFERRABLE" in p.host.trace(p.sink_name)
    assert p.dst("SELECT min(id), max(id), count(*) FROM t") == [(1, 600, 600)]
    p.dst("ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (id) DEFERRABLE")
    p.host.restart_connector(p.sink_name)
    p.wait_equal("t")
