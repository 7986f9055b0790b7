"""ALTER TABLE in mid-stream, and tables and columns that the sink makes."""
import pytest

from waiting import wait_until

BOTH = pytest.mark.parametrize("source,target", [(15, 18), (18, 15)])


@BOTH
def test_alter_table_between_and_inside_transactions(pair, source, target):
    """Seed 16: add, drop, rename, retype; the target follows with the additions and its own DDL."""
    p = pair(source, target).prepare("CREATE TABLE t (id int PRIMARY KEY, a int, b text)", create_tables=True)
    # schema.evolution=basic adds columns: the role has to own the table.
    p.target[0].sql(p.target[1], "ALTER TABLE t OWNER TO homeport_sink")
    p.start(sink={"schema__evolution": "basic"})
    p.src("INSERT INTO t VALUES (1, 1, 'one')")
    p.src("ALTER TABLE t ADD c int; INSERT INTO t VALUES (2, 2, 'two', 22)")
    p.src("BEGIN; INSERT INTO t VALUES (3, 3, 'three', 33); ALTER TABLE t ADD d timestamptz; "
          "INSERT INTO t VALUES (4, 4, 'four', 44, '2026-01-01'); UPDATE t SET d = 'infinity' WHERE id = 1; "
          "ALTER TABLE t ADD \"Ee E\" numeric; UPDATE t SET \"Ee E\" = 'NaN'; COMMIT")
    p.wait_equal("t")
    # A column with a default that the table gets later fills its old rows in the source without a change event;
    # the new rows carry it.
    p.src("ALTER TABLE t DROP COLUMN b; INSERT INTO t (id, a) VALUES (5, 5)")
    p.target[0].wait(p.target[1], "SELECT count(*) = 1 FROM t WHERE id = 5", "the row after DROP COLUMN")
    p.dst("ALTER TABLE t DROP COLUMN b")
    p.wait_equal("t")
    p.src("ALTER TABLE t ALTER a TYPE bigint")
    p.dst("ALTER TABLE t ALTER a TYPE bigint")
    p.src("INSERT INTO t (id, a) VALUES (6, 9223372036854775807)")
    p.wait_equal("t")


def test_a_column_the_target_lacks_is_an_error_that_names_it(pair):
    """schema.evolution=none: nothing is silently left out (E7)."""
    p = pair().prepare("CREATE TABLE t (id int PRIMARY KEY)")
    p.start()
    p.src("INSERT INTO t VALUES (1)")
    p.wait_equal("t")
    p.src("ALTER TABLE t ADD missing_one int; INSERT INTO t VALUES (2, 2)")
    p.host.wait_state(p.sink_name, "FAILED")
    assert "missing_one" in p.host.trace(p.sink_name)
    p.dst("ALTER TABLE t ADD missing_one int")
    p.host.restart_connector(p.sink_name)
    p.wait_equal("t")


def test_a_column_that_the_target_got_first_needs_no_restart(pair):
    """schema.evolution=none, with both sides altered by hand, target first, while the sink has the table in use."""
    p = pair().prepare("CREATE TABLE t (id int PRIMARY KEY)")
    p.start()
    p.src("INSERT INTO t VALUES (1)")
    p.wait_equal("t")
    p.dst("ALTER TABLE t ADD early int")
    p.src("ALTER TABLE t ADD early int; INSERT INTO t VALUES (2, 2)")
    p.wait_equal("t")


def test_a_table_the_target_lacks_is_an_error_that_names_it(pair):
    p = pair().prepare("CREATE TABLE absent_one (id int PRIMARY KEY)", target_ddl="")
    p.start()
    p.src("INSERT INTO absent_one VALUES (1)")
    p.host.wait_state(p.sink_name, "FAILED")
    assert "absent_one" in p.host.trace(p.sink_name)
    p.dst("CREATE TABLE absent_one (id int PRIMARY KEY)")
    p.dst("GRANT SELECT, INSERT, UPDATE, DELETE ON absent_one TO homeport_sink")
    p.host.restart_connector(p.sink_name)
    p.wait_equal("absent_one")


@BOTH
def test_tables_are_created(pair, source, target):
    """schema.evolution=basic from nothing: keys, nullability and types as in the source."""
    p = pair(source, target).prepare(
        'CREATE TABLE t (id int, "Part" text, v numeric(10,2) NOT NULL, big varchar(20), at timestamptz(3), PRIMARY KEY ("Part", id));'
        "CREATE TABLE k (n int, s text)", target_ddl="", create_tables=True,
        seed="INSERT INTO t VALUES (1, 'a', 1.50, 'x', '2026-01-01'); INSERT INTO k VALUES (1, 'a'), (1, 'a')")
    p.start(sink={"schema__evolution": "basic"})
    wait_until(lambda: p.dst("SELECT to_regclass('public.t') IS NOT NULL AND to_regclass('public.k') IS NOT NULL") == [(True,)],
               "the tables to be made", 30)
    p.wait_equal("t", "k")
    p.src("UPDATE t SET v = 2.25; INSERT INTO t VALUES (1, 'b', 0, NULL, NULL)")
    p.wait_equal("t", "k")
    key = p.dst("SELECT string_agg(attname, ',' ORDER BY array_position(i.indkey::int2[], attnum)) FROM pg_index i "
                "JOIN pg_attribute a ON attrelid = indrelid AND attnum = ANY(indkey) WHERE indrelid = 't'::regclass AND indisprimary")
    assert sorted(key[0][0].split(",")) == ["Part", "id"]
    types = p.dst("SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = 'v'")
    assert types == [("numeric(10,2)",)]


def test_a_new_table_is_followed(pair):
    """Seed 14 in the small: a table that joins the publication later is streamed from then on."""
    p = pair().prepare("CREATE TABLE t (id int PRIMARY KEY)")
    p.start()
    p.src("INSERT INTO t VALUES (1)")
    p.wait_equal("t")
    p.dst("CREATE TABLE later (id int PRIMARY KEY)")
    p.src("CREATE TABLE later (id int PRIMARY KEY)")
    p.src("INSERT INTO later SELECT generate_series(1, 10)")
    p.wait_equal("later")


def test_rename_of_a_table(pair):
    p = pair().prepare("CREATE TABLE old_name (id int PRIMARY KEY)")
    p.start()
    p.src("INSERT INTO old_name VALUES (1)")
    p.wait_equal("old_name")
    p.dst("CREATE TABLE new_name (id int PRIMARY KEY)")
    p.src("ALTER TABLE old_name RENAME TO new_name; INSERT INTO new_name VALUES (2)")
    p.target[0].wait(p.target[1], "SELECT count(*) = 1 FROM new_name WHERE id = 2", "the row under the new name")


def test_enum_value_added_in_mid_stream(pair):
    p = pair().prepare("CREATE TYPE e AS ENUM ('a'); CREATE TABLE t (id int PRIMARY KEY, v e)")
    p.start()
    p.src("INSERT INTO t VALUES (1, 'a')")
    p.wait_equal("t")
    p.dst("ALTER TYPE e ADD VALUE 'b'")
    p.src("ALTER TYPE e ADD VALUE 'b'")
    p.src("INSERT INTO t VALUES (2, 'b')")
    p.wait_equal("t")
