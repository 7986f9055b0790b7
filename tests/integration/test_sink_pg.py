"""test_sink_pg.py: sink-pg on real servers, one call at a time, through tests/support/sink_drive.c.

What flows through the whole host is tested elsewhere; here are the cases that need a batch of a certain make: key
changes, swaps, fencing, poison, positions. The sink logs in as the least-privilege role of its README.
"""
import json
import os
import subprocess
import time

import pytest

from homeport import build_folder
from pg import PASSWORD
from roles import SINK_ROLE, grant_sink, make_roles
from waiting import wait_until

U = {"u": 1}
A = {"a": 1}


class Drive:
    """One sink instance, with a database that gives values their binary form."""

    def __init__(self, source, target, connector="c1", dialect="sink-pg", user=SINK_ROLE, failpoints="", **config):
        self.cluster, self.db = target
        build = build_folder()
        src_cluster, src_db = source
        entries = {"connection.url": f"postgresql://127.0.0.1:{self.cluster.port}/{self.db}",
                   "connection.username": user, "connection.password": PASSWORD}
        entries.update({k.replace("__", "."): v for k, v in config.items()})
        self.process = subprocess.Popen(
            [os.path.join(build, "tests", "unit", "sink-pg", "sink_drive"), os.path.join(build, "plugins", "sink-pg.so"),
             dialect, connector, f"host={src_cluster.folder} port={src_cluster.port} dbname={src_db} user=postgres"]
            + [f"{k}={v}" for k, v in entries.items()],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "HOMEPORT_FAILPOINTS": failpoints})
        self.created = json.loads(self.process.stdout.readline())
        self.offset = 0
        self.epoch = 1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        assert self.process.wait(30) == 0
        self.process.stdout.close()

    def send(self, do, **more):
        self.process.stdin.write(json.dumps({"do": do, **more}) + "\n")
        self.process.stdin.flush()

    def answer(self):
        line = self.process.stdout.readline()
        assert line, "sink_drive has ended"
        return json.loads(line)

    def call(self, do, **more):
        self.send(do, **more)
        return self.answer()

    def ok(self, do, **more):
        got = self.call(do, **more)
        assert got["status"] >= 0, got
        return got

    def up(self, **more):
        self.ok("start")
        self.epoch = more.get("epoch", 1)
        return self.ok("position", **more)

    def schema(self, name, columns, identity="d", schema="public", **more):
        self.ok("schema", **{"as": name, "name": f"x.{schema}.{name}", "table": [schema, name], "identity": identity,
                             "columns": columns, **more})

    def rec(self, schema, op, after=None, before=None, **more):
        self.ok("record", schema=schema, op=op, after=after, before=before, topic=f"x.public.{schema}", **more)

    def flush(self, **more):
        """put and commit"""
        got = self.call("put", **more)
        if got["status"] < 0:
            return got
        self.offset += 1
        return self.call("commit", offset=self.offset, epoch=self.epoch)

    def write(self, *records, **more):
        for r in records:
            self.rec(*r)
        got = self.flush(**more)
        assert got["status"] == 0, got
        return got

    def metric(self, name, labels=""):
        return self.ok("metric", name=name, labels=labels)["value"]


@pytest.fixture(params=[15, 18])
def bed(databases, request):
    """(source, target, sql): two databases, and a runner of SQL in the target that keeps the sink's rights up."""
    source, target = databases(15, "src"), databases(request.param, "dst")
    make_roles(target[0])
    grant_sink(*target)

    return source, target, lambda text: target[0].sql(target[1], text)


T_ID_V = [["id", "int4", "kn"], ["v", "text", ""]]


def both(bed, text):
    """The same DDL on both sides."""
    bed[0][0].sql(bed[0][1], text)
    bed[2](text)


def test_insert_update_delete_and_position(bed):
    bed[2]("CREATE TABLE t (id int PRIMARY KEY, v text)")
    with Drive(*bed[:2]) as d:
        assert d.up()["offset"] == 999999, "no position yet"
        d.schema("t", T_ID_V)
        d.write(("t", "c", ["1", "a"]), ("t", "c", ["2", "b"]), ("t", "c", ["3", None]))
        assert bed[2]("SELECT * FROM t ORDER BY id") == [(1, "a"), (2, "b"), (3, None)]
        d.write(("t", "u", ["1", "A"]), ("t", "d", None, ["2", A]), ("t", "c", ["4", ""]))
        assert bed[2]("SELECT * FROM t ORDER BY id") == [(1, "A"), (3, None), (4, "")]
        assert bed[2]("SELECT connector, stream, next_offset, epoch FROM homeport.homeport_position") == [("c1", "src/1", 2, 1)]
        d.ok("stop")
    with Drive(*bed[:2]) as d:
        assert d.up(epoch=2)["offset"] == 2
        assert d.ok("get")["offset"] == 2


def test_rollback_undoes_and_replay_is_harmless(bed):
    bed[2]("CREATE TABLE t (id int PRIMARY KEY, v text)")
    with Drive(*bed[:2]) as d:
        d.up()
        d.schema("t", T_ID_V)
        d.rec("t", "c", ["1", "a"])
        d.ok("put")
        d.ok("rollback")
        assert bed[2]("SELECT count(*) FROM t") == [(0,)]
        for _ in range(2):
            d.write(("t", "c", ["1", "a"]), ("t", "u", ["1", "b"]))
        assert bed[2]("SELECT * FROM t") == [(1, "b")]


def test_several_puts_in_one_transaction(bed):
    bed[2]("CREATE TABLE t (id int PRIMARY KEY, v text CHECK (v <> 'bad'))")
    with Drive(*bed[:2]) as d:
        d.up()
        d.schema("t", T_ID_V)
        for i in range(1, 4):
            d.rec("t", "c", [str(i), "x"])
            d.ok("put")
        assert bed[2]("SELECT count(*) FROM t") == [(0,)], "nothing is visible before commit"
        d.rec("t", "c", ["4", "ok"])
        d.rec("t", "c", ["5", "bad"])
        got = d.call("put")
        assert (got["status"], got["class"], got["record"], got["code"]) == (-1, 3, 1, "23514")
        got = d.call("commit", offset=1)
        assert got["status"] == -1 and "rolled back" in got["message"], "what failed is not committed by halves"
        d.ok("rollback")
        assert bed[2]("SELECT count(*) FROM t") == [(0,)]
        for i in range(1, 5):
            d.rec("t", "c", [str(i), "x"])
            d.ok("put")
        d.ok("commit", offset=1)
        assert bed[2]("SELECT count(*) FROM t") == [(4,)]


def test_key_change_and_swap(bed):
    bed[2]("CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE child (id int PRIMARY KEY, t int REFERENCES t "
           "ON UPDATE CASCADE)")
    with Drive(*bed[:2]) as d:
        d.up()
        d.schema("t", T_ID_V)
        d.write(("t", "c", ["1", "one"]), ("t", "c", ["2", "two"]))
        bed[2]("INSERT INTO child VALUES (10, 1)")
        # unchanged column, kept across the key change; the child follows by its foreign key
        d.write(("t", "u", ["7", U], ["1", A]))
        assert bed[2]("SELECT * FROM t ORDER BY id") == [(2, "two"), (7, "one")]
        assert bed[2]("SELECT * FROM child") == [(10, 7)]
        # swap of two keys, as the source had to do it
        d.write(("t", "u", ["-1", "one"], ["7", A]), ("t", "u", ["7", "two"], ["2", A]), ("t", "u", ["2", "one"], ["-1", A]))
        assert bed[2]("SELECT * FROM t ORDER BY id") == [(2, "one"), (7, "two")]
        # the old row is missing: a whole row is inserted, a partial one is counted
        d.write(("t", "u", ["100", "new"], ["99", A]))
        assert bed[2]("SELECT * FROM t WHERE id = 100") == [(100, "new")]
        d.write(("t", "u", ["101", U], ["98", A]))
        assert bed[2]("SELECT count(*) FROM t") == [(3,)]
        assert d.metric("sink_rows_missing") == 1
        assert d.ok("logged", part="were not there")["value"]
        # then update and delete under the new key in the same batch
        d.write(("t", "u", ["200", "z"], ["100", A]), ("t", "u", ["200", "zz"]), ("t", "d", None, ["7", A]))
        assert bed[2]("SELECT * FROM t ORDER BY id") == [(2, "one"), (200, "zz")]


@pytest.mark.parametrize("ddl", ["CREATE TABLE t (id int PRIMARY KEY, v text)",
                                 "CREATE TABLE t (id int PRIMARY KEY, v text) PARTITION BY RANGE (id); CREATE TABLE t1 PARTITION OF t "
                                 "FOR VALUES FROM (0) TO (5); CREATE TABLE t2 PARTITION OF t FOR VALUES FROM (5) TO (1000)"])
@pytest.mark.parametrize("together", [True, False])
def test_history_again_gives_the_same_rows(bed, together, ddl):
    """As after offsets were reset: what is there already does not stand in the way."""
    bed[2](ddl)
    history = [("c", ["1", "a"]), ("c", ["2", "b"]), ("u", ["7", U], ["1", A]), ("c", ["1", "again"]), ("u", ["1", "more"]),
               ("u", ["8", "B"], ["2", A]), ("d", None, ["7", A]), ("u", ["2", "c"], ["8", A])]
    history += [("c", [str(i), "r"]) for i in range(300, 560)] + [("u", ["600", "moved"], ["301", A]), ("d", None, ["302", A])]
    with Drive(*bed[:2]) as d:
        d.up()
        d.schema("t", T_ID_V)
        want = None
        for _ in range(3):
            for op in history:
                d.rec("t", *op)
                if not together and int((op[1] or op[2])[0]) < 10:
                    assert d.flush()["status"] == 0
            assert d.flush()["status"] == 0
            got = bed[2]("SELECT * FROM t ORDER BY id")
            assert len(got) == 261 and got[:2] == [(1, "more"), (2, "c")] and want in (None, got)
            want = got


def test_unchanged_toast(bed):
    bed[2]("CREATE TABLE t (id int PRIMARY KEY, a int, big text, big2 text)")
    big = "x" * 50000
    with Drive(*bed[:2]) as d:
        d.up()
        d.schema("t", [["id", "int4", "kn"], ["a", "int4", ""], ["big", "text", ""], ["big2", "text", ""]])
        d.write(("t", "c", ["1", "1", big, "q"]))
        d.write(("t", "u", ["1", "2", U, U]))
        assert bed[2]("SELECT a, length(big), big2 FROM t") == [(2, 50000, "q")]
        # partial after whole, and partial after partial, in one batch
        d.write(("t", "c", ["2", "1", big, "r"]), ("t", "u", ["2", "5", U, "s"]), ("t", "u", ["2", "6", U, U]),
                ("t", "u", ["1", "3", "short", U]), ("t", "u", ["1", "4", U, "t"]))
        assert bed[2]("SELECT id, a, length(big), big2 FROM t ORDER BY id") == [(1, 4, 5, "t"), (2, 6, 50000, "s")]
        # identity FULL: the whole old row supplies it
        d.schema("t", [["id", "int4", "kn"], ["a", "int4", ""], ["big", "text", ""], ["big2", "text", ""]], identity="f")
        d.write(("t", "u", ["9", "3", U, U], ["9", "1", "full", "old"]))
        assert bed[2]("SELECT * FROM t WHERE id = 9") == [(9, 3, "full", "old")]


def test_hot_rows_are_written_once(bed):
    bed[2]("CREATE TABLE t (id int PRIMARY KEY, v text)")
    with Drive(*bed[:2]) as d:
        d.up()
        d.schema("t", T_ID_V)
        d.rec("t", "c", ["1", "0"])
        for i in range(50):
            d.rec("t", "u", ["1", str(i)])
        d.rec("t", "c", ["2", "x"])
        d.rec("t", "d", None, ["2", A])
        assert d.flush()["status"] == 0
        assert bed[2]("SELECT * FROM t") == [(1, "49")]
        assert d.metric("sink_rows_written") == 1
        assert d.metric("sink_records_coalesced") == 51
        assert d.metric("sink_rows_missing") == 0, "a row that was made and deleted is not missed"


def test_exact_mode_writes_each_change(bed):
    bed[2]("CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE seen (n bigserial, v text);"
           "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$BEGIN "
           "INSERT INTO seen (v) VALUES (NEW.v); RETURN NEW; END$$;"
           "CREATE TRIGGER note AFTER INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION note()")
    with Drive(*bed[:2], apply__coalesce="false") as d:
        d.up()
        d.schema("t", T_ID_V)
        d.write(*[("t", "c" if i == 0 else "u", ["1", str(i)]) for i in range(5)])
        assert bed[2]("SELECT v FROM seen ORDER BY n") == [(str(i),) for i in range(5)]


def test_copy_and_its_fall_back(bed):
    bed[2]("CREATE TABLE t (id int PRIMARY KEY, v text)")
    with Drive(*bed[:2]) as d:
        d.up()
        d.schema("t", T_ID_V)
        d.write(*[("t", "c", [str(i), "a"]) for i in range(300)])
        assert d.metric("sink_statements", 'form="copy"') == 1
        # a key is there already: the run is written again as upsert
        d.write(*[("t", "c", [str(i), "b"]) for i in range(299, 599)])
        assert bed[2]("SELECT count(*), count(*) FILTER (WHERE v = 'b') FROM t") == [(599, 300)]
        assert d.metric("sink_fallbacks", 'kind="upsert"') == 1
        assert d.metric("sink_statements", 'form="unnest"') == 1
        # and is left alone for some runs, then tried again
        for n in range(9):
            d.write(*[("t", "c", [str(1000 * (n + 1) + i), "c"]) for i in range(200)])
        assert d.metric("sink_statements", 'form="copy"') == 2
        assert d.metric("sink_fallbacks", 'kind="upsert"') == 1
        assert bed[2]("SELECT count(*) FROM t") == [(599 + 1800,)]


def test_copy_falls_back_within_a_transaction(bed):
    bed[2]("CREATE TABLE t (id int PRIMARY KEY, v text)")
    with Drive(*bed[:2]) as d:
        d.up()
        d.schema("t", T_ID_V)
        for n in range(3):
            for i in range(250):
                d.rec("t", "c", [str(200 * n + i), str(n)])
            d.ok("put")
        d.ok("commit", offset=1)
        assert bed[2]("SELECT v, count(*) FROM t GROUP BY v ORDER BY v") == [("0", 200), ("1", 200), ("2", 250)]


def test_secondary_unique_key_moves(bed):
    bed[2]("CREATE TABLE t (id int PRIMARY KEY, mail text UNIQUE)")
    with Drive(*bed[:2]) as d:
        d.up()
        d.schema("t", [["id", "int4", "kn"], ["mail", "text", ""]])
        d.write(("t", "c", ["1", "a"]), ("t", "c", ["2", "b"]))
        # swapped by way of a third value: the last states alone collide
        d.write(("t", "u", ["1", "tmp"]), ("t", "u", ["2", "a"]), ("t", "u", ["1", "b"]))
        assert bed[2]("SELECT * FROM t ORDER BY id") == [(1, "b"), (2, "a")]
        assert d.metric("sink_fallbacks", 'kind="ordered"') == 1
        # freed by a delete and taken again
        d.write(("t", "d", None, ["1", A]), ("t", "c", ["3", "b"]))
        assert bed[2]("SELECT * FROM t ORDER BY id") == [(2, "a"), (3, "b")]
        assert d.metric("sink_fallbacks", 'kind="ordered"') == 1
        # really taken: the record is named, its values are not
        d.rec("t", "c", ["8", "z"])
        d.rec("t", "c", ["9", "a"])
        got = d.flush()
        assert (got["status"], got["class"], got["record"], got["code"]) == (-1, 3, 1, "23505")
        assert "t_mail_key" in got["message"] and "(a)" not in got["message"]


def test_deferrable_unique_key_swaps(bed):
    bed[2]("CREATE TABLE t (id int PRIMARY KEY, n int, UNIQUE (n) DEFERRABLE)")
    with Drive(*bed[:2]) as d:
        d.up()
        d.schema("t", [["id", "int4", "kn"], ["n", "int4", ""]])
        d.write(("t", "c", ["1", "1"]), ("t", "c", ["2", "2"]))
        d.write(("t", "u", ["1", "2"]), ("t", "u", ["2", "1"]))
        assert bed[2]("SELECT * FROM t ORDER BY id") == [(1, 2), (2, 1)]


def test_foreign_keys_within_one_transaction(bed):
    bed[2]("CREATE TABLE p (id int PRIMARY KEY, v text); CREATE TABLE c (id int PRIMARY KEY, p int REFERENCES p "
           "ON DELETE CASCADE); CREATE TABLE self (id int PRIMARY KEY, boss int REFERENCES self)")
    with Drive(*bed[:2]) as d:
        d.up()
        d.schema("p", T_ID_V)
        d.schema("c", [["id", "int4", "kn"], ["p", "int4", ""]])
        d.schema("self", [["id", "int4", "kn"], ["boss", "int4", ""]])
        d.write(("p", "c", ["1", "x"]), ("c", "c", ["10", "1"]), ("p", "c", ["2", "y"]), ("c", "c", ["11", "2"]),
                ("self", "c", ["1", None]), ("self", "c", ["2", "1"]), ("self", "c", ["3", "2"]))
        # the child leaves its parent, which goes: no cascade may take the child with it
        d.write(("c", "u", ["10", "2"]), ("p", "d", None, ["1", A]))
        assert bed[2]("SELECT * FROM c ORDER BY id") == [(10, 2), (11, 2)]
        # children first, then the parent, and the parent made anew
        d.write(("c", "d", None, ["10", A]), ("c", "d", None, ["11", A]), ("p", "d", None, ["2", A]))
        assert bed[2]("SELECT count(*) FROM p") == [(0,)]
        d.rec("c", "c", ["77", "4711"])
        got = d.flush()
        assert (got["class"], got["code"], got["record"]) == (3, "23503", 0) and "4711" not in got["message"]


def test_keyless_tables(bed):
    both(bed, "CREATE TABLE t (a int, b text, j json, p point)")
    cols = [["a", "int4", ""], ["b", "text", ""], ["j", "json", ""], ["p", "point", ""]]
    row = ["1", "x", '{"k": 1}', "(1,2)"]
    with Drive(*bed[:2]) as d:
        d.up()
        d.schema("t", cols, identity="f")
        d.write(("t", "c", row), ("t", "c", row), ("t", "c", row), ("t", "c", [None, None, None, None]))
        d.write(("t", "u", ["2"] + row[1:], row))
        assert bed[2]("SELECT a, count(*) FROM t GROUP BY a ORDER BY a") == [(1, 2), (2, 1), (None, 1)]
        d.write(("t", "d", None, row))
        d.write(("t", "d", None, [None, None, None, None]))
        assert bed[2]("SELECT a, count(*) FROM t GROUP BY a ORDER BY a") == [(1, 1), (2, 1)]
        d.write(("t", "d", None, ["99"] + row[1:]))
        assert d.metric("sink_rows_missing") == 1
        d.schema("t", cols, identity="n")
        d.rec("t", "u", row)
        got = d.flush()
        assert got["class"] == 3 and '"public"."t"' in got["message"] and "REPLICA IDENTITY FULL" in got["message"]


@pytest.mark.parametrize("name", ['x"; DROP TABLE canary; --', "Mixed Case", "täble ☃", "semi;colon'quote", "a.b.c", "x" * 63,
                                  "select", "t%s$1"])
def test_odd_names(bed, name):
    ident = '"' + name.replace('"', '""') + '"'
    sch = '"S.' + name[:30].replace('"', '""') + '"'
    bed[2](f"CREATE TABLE canary (id int); CREATE SCHEMA {sch}; CREATE TABLE {sch}.{ident} ({ident} int PRIMARY KEY, v text)")
    grant_sink(bed[1][0], bed[1][1], schemas=())
    bed[2](f"GRANT USAGE ON SCHEMA {sch} TO {SINK_ROLE}; GRANT ALL ON {sch}.{ident} TO {SINK_ROLE}")
    with Drive(*bed[:2]) as d:
        d.up()
        d.schema(name, [[name, "int4", "kn"], ["v", "text", ""]], schema="S." + name[:30])
        d.write((name, "c", ["1", "a"]), (name, "u", ["1", "b"]), (name, "c", ["2", "b"]))
        d.write((name, "u", ["3", "b"], ["1", A]), (name, "d", None, ["2", A]))
        assert bed[2](f"SELECT * FROM {sch}.{ident}") == [(3, "b")]
        assert bed[2]("SELECT count(*) FROM canary") == [(0,)]


def test_arrays_and_types(bed):
    ddl = ("CREATE TYPE mood AS ENUM ('sad', 'ok', 'it''s'); CREATE DOMAIN pos AS int CHECK (VALUE > 0);"
           "CREATE TYPE pair AS (a int, m mood, l mood[]); CREATE TYPE frange AS RANGE (subtype = float8);"
           "CREATE TABLE t (id int PRIMARY KEY, a int[], tt text[], m mood, ms mood[], d pos, ds pos[], p pair, ps pair[],"
           " r frange, n numeric, ts timestamptz, i interval, b bytea, j jsonb, u uuid, f float8, nr int4range, dd date)")
    bed[0][0].sql(bed[0][1], "CREATE TYPE shift1 AS ENUM ('a'); CREATE TYPE shift2 AS (x int);" + ddl)
    bed[2](ddl)
    cols = [["id", "int4", "kn"], ["a", "int4[]", ""], ["tt", "text[]", ""], ["m", "public.mood", ""],
            ["ms", "public.mood[]", ""], ["d", "public.pos", ""], ["ds", "public.pos[]", ""], ["p", "public.pair", ""],
            ["ps", "public.pair[]", ""], ["r", "public.frange", ""], ["n", "numeric", ""], ["ts", "timestamptz", ""],
            ["i", "interval", ""], ["b", "bytea", ""], ["j", "jsonb", ""], ["u", "uuid", ""], ["f", "float8", ""],
            ["nr", "int4range", ""], ["dd", "date", ""]]
    full = ["{{1,2},{3,NULL}}", '{"a b",NULL,"","x,y"}', "it's", "{sad,NULL,ok}", "5", "{1,2}", '(1,ok,"{sad,ok}")',
            '{"(1,ok,{sad})",NULL}', "[1.5,2.5)", "1" * 1000 + ".5", "4000-01-01 00:00:00 BC", "1 mon -3 days 04:05:06.7",
            "\\x00ff", '{"a": [1, null]}', "6ecd8c99-4036-403d-bf84-cf8400f67836", "NaN", "[1,5)", "infinity"]
    empty = ["{}", "{}", "sad", "{}", "1", "{}", "(,,)", "{}", "empty", "NaN", "-infinity", "0", "\\x", "{}",
             "00000000-0000-0000-0000-000000000000", "-Infinity", "empty", "0044-03-15 BC"]
    names = [c[0] for c in cols[1:]]
    with Drive(*bed[:2]) as d:
        d.up()
        d.schema("t", cols)
        d.write(("t", "c", ["1"] + full), ("t", "c", ["2"] + empty), ("t", "c", ["3"] + [None] * 18))
        d.write(("t", "u", ["3"] + full), ("t", "u", ["1"] + empty))
        # enough rows for the staged COPY (twice in one transaction) and for the plain one
        for i in range(4, 104):
            d.rec("t", "u", [str(i)] + full)
        d.ok("put")
        for i in range(104, 204):
            d.rec("t", "u", [str(i)] + full)
        d.ok("put")
        d.ok("commit", offset=50)
        d.write(*[("t", "c", [str(i)] + full) for i in range(300, 520)])
        assert d.metric("sink_statements", 'form="stage"') == 2
        assert d.metric("sink_statements", 'form="copy"') == 1
        texts = ", ".join(f"{n}::text" for n in names)
        src = bed[0][0]
        src.sql(bed[0][1], "INSERT INTO t VALUES (1, %s)" % ", ".join(["%s"] * 18), full)
        src.sql(bed[0][1], "INSERT INTO t VALUES (2, %s)" % ", ".join(["%s"] * 18), empty)
        want_full = src.sql(bed[0][1], f"SELECT {texts} FROM t WHERE id = 1")[0]
        want_empty = src.sql(bed[0][1], f"SELECT {texts} FROM t WHERE id = 2")[0]
        got = dict((r[0], r[1:]) for r in bed[2](f"SELECT id, {texts} FROM t"))
        assert got[1] == want_empty and got[2] == want_empty and got[3] == want_full
        assert len(got) == 423 and all(got[i] == want_full for i in got if i > 3)


def test_composites_are_not_spread(bed):
    both(bed, "CREATE TYPE pair AS (a int, b text)")
    bed[2]("CREATE DOMAIN dpair AS pair; CREATE TABLE t (id int PRIMARY KEY, p pair, q dpair)")
    with Drive(*bed[:2]) as d:
        d.up()
        d.schema("t", [["id", "int4", "kn"], ["p", "public.pair", ""], ["q", "public.pair", ""]])
        d.write(*[("t", "u", [str(i), f"({i},x)", None]) for i in range(60)])
        d.write(*[("t", "u", [str(i), "(,)", f'("{i}","a,b")']) for i in range(3)])
        assert bed[2]("SELECT count(*), sum((p).a) FROM t") == [(60, sum(range(3, 60)))]
        assert bed[2]("SELECT (q).a, (q).b FROM t WHERE id < 3 ORDER BY id") == [(0, "a,b"), (1, "a,b"), (2, "a,b")]


def test_conversions_between_types(bed):
    bed[0][0].sql(bed[0][1], "CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN pos AS int;")
    bed[2]("CREATE TABLE t (id bigint PRIMARY KEY, i bigint, m text, ms text[], d numeric, v varchar(5), f text, x xml)")
    with Drive(*bed[:2]) as d:
        d.up()
        d.schema("t", [["id", "int4", "kn"], ["i", "int2", ""], ["m", "public.mood", ""], ["ms", "public.mood[]", ""],
                       ["d", "public.pos", ""], ["v", "text", ""], ["f", "float8", ""], ["x", "xml", ""]])
        rows = [[str(i), "7", "sad", "{ok,NULL}", "9", "abc", "1.5", {"t": "<a/>"}] for i in range(1, 300)]
        d.write(*[("t", "c", r) for r in rows])
        d.write(("t", "u", ["1", "8", U, U, U, U, U, U]), ("t", "d", None, ["2"] + [A] * 7))
        assert bed[2]("SELECT id, i, m, ms, d, v, f, x::text FROM t WHERE id IN (1, 2, 299) ORDER BY id") == [
            (1, 8, "sad", ["ok", None], 9, "abc", "1.5", "<a/>"), (299, 7, "sad", ["ok", None], 9, "abc", "1.5", "<a/>")]
        d.rec("t", "c", ["1000", "7", "sad", "{ok}", "9", "toolong", "1.5", None])
        got = d.flush()
        assert (got["class"], got["code"]) == (3, "22001") and "toolong" not in got["message"]


def test_rows_of_nothing(bed):
    bed[2]("CREATE TABLE t (own int DEFAULT 7)")
    with Drive(*bed[:2], field__exclude__list="v") as d:
        d.up()
        d.schema("t", [["v", "text", ""]])
        d.write(("t", "c", ["a"]), ("t", "c", ["b"]))
        assert bed[2]("SELECT * FROM t") == [(7,), (7,)]


def test_composite_and_unusual_keys(bed):
    bed[2]("CREATE TABLE t (a int, b text, v text, PRIMARY KEY (b, a)); CREATE TABLE n (k numeric PRIMARY KEY, v text);"
           "CREATE TABLE f (k float8 PRIMARY KEY, v text); CREATE TABLE nokey (id int, v text)")
    with Drive(*bed[:2]) as d:
        d.up()
        d.schema("t", [["a", "int4", "kn"], ["b", "text", "kn"], ["v", "text", ""]])
        d.schema("n", [["k", "numeric", "kn"], ["v", "text", ""]])
        d.schema("f", [["k", "float8", "kn"], ["v", "text", ""]])
        d.schema("nokey", T_ID_V)
        d.write(("t", "c", ["1", "x", "1"]), ("t", "c", ["1", "y", "2"]), ("t", "c", ["2", "x", "3"]),
                ("t", "u", ["1", "y", "22"]), ("t", "d", None, ["1", "x", A]), ("t", "u", ["3", "z", "4"], ["2", "x", A]))
        assert bed[2]("SELECT * FROM t ORDER BY a") == [(1, "y", "22"), (3, "z", "4")]
        # equal numbers in two scales are one key; so are the zeros of floats, which the server alone can tell
        d.write(("n", "c", ["1.0", "a"]), ("n", "d", None, ["1.00", A]), ("n", "c", ["1.000", "b"]), ("n", "u", ["1.0", "c"]))
        assert bed[2]("SELECT k, v FROM n") == [(1, "c")]
        d.write(("f", "c", ["0", "a"]), ("f", "d", None, ["-0", A]), ("f", "c", ["-0", "b"]), ("f", "u", ["0", "c"]))
        assert bed[2]("SELECT k, v FROM f") == [(0, "c")]
        # the target has no index on the key: update what is there, insert the rest
        d.write(("nokey", "c", ["1", "a"]), ("nokey", "c", ["2", "b"]))
        d.write(("nokey", "u", ["1", "A"]), ("nokey", "u", ["3", "c"]), ("nokey", "d", None, ["2", A]))
        assert bed[2]("SELECT * FROM nokey ORDER BY id") == [(1, "A"), (3, "c")]


def test_generated_and_identity_columns(bed):
    bed[2]("CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v int, g int GENERATED ALWAYS AS (v * 2) STORED,"
           " own text DEFAULT 'own')")
    with Drive(*bed[:2]) as d:
        d.up()
        d.schema("t", [["id", "int4", "kni"], ["v", "int4", ""], ["g", "int4", "g"]])
        d.write(*[("t", "c", [str(i), str(i), "0"]) for i in range(1, 300)])
        d.write(("t", "c", ["1000", "5", "10"]), ("t", "u", ["2", "7", "14"]), ("t", "u", ["3", "8", "16"]))
        assert bed[2]("SELECT * FROM t WHERE id IN (1, 2, 1000) ORDER BY id") == [
            (1, 1, 2, "own"), (2, 7, 14, "own"), (1000, 5, 10, "own")]
        # such a key cannot be updated: the row is taken out and put in again, with the target's own columns
        bed[2]("UPDATE t SET own = 'kept' WHERE id = 1000")
        d.write(("t", "u", ["1001", U, "0"], ["1000", A, A]))
        assert bed[2]("SELECT * FROM t WHERE id > 999") == [(1001, 5, 10, "kept")]


def test_fencing(bed):
    bed[2]("CREATE TABLE t (id int PRIMARY KEY, v text)")
    # without an origin, of which one session at a time may be the owner
    with Drive(*bed[:2], origin__required="false") as old:
        old.up(epoch=5)
        old.schema("t", T_ID_V)
        old.write(("t", "c", ["1", "a"]))
        bed[2]("UPDATE homeport.homeport_position SET epoch = 6")
        old.rec("t", "c", ["2", "b"])
        got = old.flush()
        assert (got["status"], got["class"], got["code"]) == (-1, 4, "FENCED") and "epoch is 6" in got["message"]
        old.ok("rollback")
        old.rec("t", "c", ["3", "b"])
        old.ok("put")
        old.rec("t", "c", ["4", "b"])
        old.ok("put")
        assert old.call("commit", offset=9)["class"] == 4
        assert bed[2]("SELECT count(*) FROM t") == [(1,)]
        assert bed[2]("SELECT next_offset FROM homeport.homeport_position") == [(1,)]
    with Drive(*bed[:2]) as older:
        older.ok("start")
        got = older.call("position", epoch=3)
        assert (got["class"], got["code"]) == (4, "FENCED")


def test_two_streams_and_offsets(bed):
    bed[2]("CREATE TABLE t (id int PRIMARY KEY, v text)")
    with Drive(*bed[:2]) as d:
        d.ok("start")
        assert d.ok("position", stream="a/1")["offset"] == 999999
        assert d.ok("position", stream="b/2")["offset"] == 999999
        d.schema("t", T_ID_V)
        d.rec("t", "c", ["1", "a"])
        d.ok("put", stream="a")
        d.ok("commit", stream="a/1", offset=11)
        d.rec("t", "c", ["2", "a"])
        d.ok("put", stream="b")
        d.ok("commit", stream="b/2", offset=22)
        assert d.call("commit", stream="c/3", offset=22)["class"] == 4, "never taken over"
        d.ok("stop")
    with Drive(*bed[:2]) as d:
        assert d.ok("get", stream="a/1")["offset"] == 11
        assert d.ok("get", stream="zz")["offset"] == 999999
        d.ok("set", stream="a/1", offset=7)
        assert d.ok("get", stream="a/1")["offset"] == 7
        d.ok("set", stream="a/1", forget=True)
        d.ok("set", stream="a/1", forget=True)
        assert d.ok("get", stream="a/1")["offset"] == 999999
        assert d.ok("get", stream="b/2")["offset"] == 22


def test_flushed_follows_the_servers_flush(bed):
    bed[2]("CREATE TABLE t (id int PRIMARY KEY, v text)")
    with Drive(*bed[:2]) as d:
        d.up()
        d.schema("t", T_ID_V)
        assert d.call("flushed")["status"] == 1
        d.write(("t", "c", ["1", "a"]))
        wait_until(lambda: d.ok("flushed")["offset"] == 1, "the commit to be flushed")
    with Drive(*bed[:2], synchronous__commit="on") as d:
        d.up(epoch=2)
        d.schema("t", T_ID_V)
        d.write(("t", "c", ["1", "a"]))
        assert d.ok("flushed")["offset"] == 1


def test_rows_carry_origin_and_commit_time(bed):
    cluster = bed[1][0]
    bed[2]("CREATE TABLE t (id int PRIMARY KEY, v text)")
    slot = f"s_{bed[1][1]}"
    cluster.sql(bed[1][1], "SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", (slot,))
    bed[2]("CREATE PUBLICATION p FOR TABLE t")
    with Drive(*bed[:2], connector="Wéird name / with % all sorts of things that go on and on and on") as d:
        d.up()
        d.schema("t", T_ID_V)
        d.ok("tx", end=0x1234, us=1700000000123456)
        d.write(("t", "c", ["1", "a"]))
        wait_until(lambda: d.call("flushed")["status"] == 0, "the commit to be flushed")  # decoding reads no further
        d.ok("stop")
    names = bed[2]("SELECT roname FROM pg_replication_origin WHERE roname LIKE 'homeport\\_W%'")
    assert any(n.startswith("homeport_W__ird_name___with___all_sorts_of_things") and len(n) < 64 for (n,) in names), names
    got = cluster.sql(bed[1][1], "SELECT data FROM pg_logical_slot_get_binary_changes(%s, NULL, NULL, 'proto_version', '1', "
                      "'publication_names', 'p')", (slot,))
    origin = [bytes(m) for (m,) in got if bytes(m)[:1] == b"O"][-1]
    begin = [bytes(m) for (m,) in got if bytes(m)[:1] == b"B"][-1]
    assert int.from_bytes(origin[1:9], "big") == 0x1234 and origin[9:].startswith(b"homeport_W__ird")
    assert int.from_bytes(begin[9:17], "big") + 946684800000000 == 1700000000123456


def test_origin_in_use_and_not_permitted(bed):
    cluster, db = bed[1]
    bed[2]("CREATE TABLE t (id int PRIMARY KEY, v text)")
    with Drive(*bed[:2]) as first:
        first.up()
        with Drive(*bed[:2]) as second:
            second.ok("start")
            got = second.call("position", epoch=2)
            assert (got["class"], got["code"]) == (2, "55006"), "another session has it: try again later"
            # it is an older one of ours, and ended
            wait_until(lambda: second.call("position", epoch=2)["status"] == 0, "the origin to be free")
            first.schema("t", T_ID_V)
            first.rec("t", "c", ["7", "late"])
            got = first.flush()
            assert got["class"] == 2, "its line is gone"
            first.ok("stop")
            first.ok("start")
            assert first.call("position", epoch=1)["code"] == "FENCED"
            assert bed[2]("SELECT count(*) FROM t") == [(0,)]
    with Drive(*bed[:2]) as third:
        third.up(epoch=3)
    for f in ("pg_replication_origin_oid(text)", "pg_replication_origin_session_setup(text)"):
        cluster.sql(db, f"REVOKE EXECUTE ON FUNCTION {f} FROM {SINK_ROLE}")
    with Drive(*bed[:2]) as d:
        d.ok("start")
        got = d.call("position", epoch=4)
        assert (got["class"], got["code"]) == (1, "42501") and "pg_replication_origin_session_setup" in got["message"]
    with Drive(*bed[:2], origin__required="false") as d:
        d.up(epoch=5)
        d.schema("t", T_ID_V)
        d.write(("t", "c", ["1", "a"]))
        assert d.ok("logged", part="not marked")["value"]
    assert bed[2]("SELECT count(*) FROM t") == [(1,)]


def test_positions_table_without_create(bed):
    cluster, db = bed[1]
    cluster.sql(db, f"CREATE SCHEMA other; GRANT USAGE ON SCHEMA other TO {SINK_ROLE}")
    with Drive(*bed[:2], position__table="other.pos") as d:
        d.ok("start")
        got = d.call("position")
        assert (got["class"], got["code"]) == (1, "42501") and "CREATE TABLE other.pos (connector text" in got["message"]
        ddl = got["message"].split("Have it created: ")[1].split("; and grant")[0]
    cluster.sql(db, ddl + f"; GRANT SELECT, INSERT, UPDATE, DELETE ON other.pos TO {SINK_ROLE}")
    with Drive(*bed[:2], position__table="other.pos") as d:
        d.up()


def test_truncate(bed):
    bed[2](f"CREATE TABLE p (id int PRIMARY KEY, v text); CREATE TABLE c (id int PRIMARY KEY, p int REFERENCES p);"
           f"CREATE TABLE s (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, v text); ALTER TABLE s OWNER TO {SINK_ROLE}")
    with Drive(*bed[:2]) as d:
        d.up()
        d.schema("p", T_ID_V)
        d.schema("c", [["id", "int4", "kn"], ["p", "int4", ""]])
        d.schema("s", T_ID_V)
        d.write(("p", "c", ["1", "x"]), ("c", "c", ["1", "1"]))
        # one statement names both, so the foreign key does not mind; rows before and after keep their places
        d.rec("p", "c", ["2", "gone"])
        d.rec("p", "t", flags=256)
        d.rec("c", "t")
        d.rec("p", "c", ["3", "new"])
        assert d.flush()["status"] == 0
        assert bed[2]("SELECT * FROM p") == [(3, "new")] and bed[2]("SELECT count(*) FROM c") == [(0,)]
        d.write(("c", "c", ["5", "3"]))
        # CASCADE goes no further than the source says
        d.rec("p", "t", flags=64 + 256)
        d.rec("c", "t", flags=64)
        assert d.flush()["status"] == 0
        assert bed[2]("SELECT (SELECT count(*) FROM p), (SELECT count(*) FROM c)") == [(0, 0)]
        bed[2]("CREATE TABLE own (p int REFERENCES p)")
        d.write(("p", "c", ["4", "x"]))
        bed[2]("INSERT INTO own VALUES (4)")
        d.rec("p", "t", flags=64 + 256)
        d.rec("c", "t", flags=64)
        got = d.flush()
        assert (got["class"], got["code"]) == (1, "0A000") and bed[2]("SELECT count(*) FROM own") == [(1,)]
        d.ok("rollback")
        bed[2]("DROP TABLE own")
        bed[2]("INSERT INTO s (v) VALUES ('a'), ('b')")
        d.rec("s", "t", flags=128)
        assert d.flush()["status"] == 0
        bed[2]("INSERT INTO s (v) VALUES ('c')")
        assert bed[2]("SELECT * FROM s") == [(1, "c")], "RESTART IDENTITY"
    with Drive(*bed[:2], truncate__enabled="false", delete__enabled="false") as d:
        d.up(epoch=2)
        d.schema("s", T_ID_V)
        d.rec("s", "t")
        d.rec("s", "d", None, ["1", A])
        assert d.flush()["status"] == 0
        assert bed[2]("SELECT count(*) FROM s") == [(1,)] and d.metric("sink_records_skipped") == 2


def test_evolution(bed):
    cluster, db = bed[1]
    bed[0][0].sql(bed[0][1], "CREATE SCHEMA ty; CREATE TYPE ty.\"Mood x\" AS ENUM ('a', 'it''s'); CREATE DOMAIN ty.pos AS int")
    cols = [["b", "text", "kn"], ["a", "int4", "kn"], ["v", "varchar(7)", ""], ["m", 'ty."Mood x"', "n"], ["ms", 'ty."Mood x"[]', ""],
            ["n", "numeric", ""], ["d", "ty.pos", ""]]
    with Drive(*bed[:2]) as d:
        d.up()
        d.schema("t", cols, schema="New")
        d.rec("t", "c", ["x", "1", "v", "a", "{a}", "1", "5"])
        got = d.flush()
        assert (got["class"], got["code"]) == (1, "42P01") and "schema.evolution=basic" in got["message"]
    cluster.sql(db, f'GRANT CREATE ON DATABASE "{db}" TO {SINK_ROLE}')
    with Drive(*bed[:2], schema__evolution="basic") as d:
        d.up(epoch=2)
        d.schema("t", cols, schema="New")
        d.write(("t", "c", ["x", "1", "v", "it's", "{a,NULL}", "1", "5"]))
        got = bed[2]("SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute WHERE attrelid = "
                     "'\"New\".t'::regclass AND attnum > 0 ORDER BY attnum")
        assert got == [("b", "text", True), ("a", "integer", True), ("v", "character varying(7)", False),
                       ("m", 'ty."Mood x"', True), ("ms", 'ty."Mood x"[]', False), ("n", "numeric", False), ("d", "integer", False)]
        assert bed[2]("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = '\"New\".t'::regclass AND contype = 'p'"
                      ) == [("PRIMARY KEY (b, a)",)]
        # a new schema of the same table between rows of one batch
        d.rec("t", "c", ["y", "1", "v", "a", None, None, None])
        d.schema("t", cols + [["extra", "timestamptz", ""]], schema="New")
        d.rec("t", "u", ["x", "1", "w", "a", None, None, None, "2020-01-01 00:00:00+00"])
        d.rec("t", "d", None, ["y", "1", A, A, A, A, A, A])
        assert d.flush()["status"] == 0
        assert bed[2]("SELECT b, v, extra::text FROM \"New\".t") == [("x", "w", "2020-01-01 00:00:00+00")]
        # rolled back, it is not there, and is made again
        d.rec("t", "c", ["z", "1", "v", "a", None, None, None, None])
        d.ok("put")
        d.rec("t", "c", ["z2", "1", "v", "a", None, None, None, None])
        d.ok("put")
        d.schema("t2", T_ID_V, schema="New")
        d.rec("t2", "c", ["1", "a"])
        d.ok("put")
        d.ok("rollback")
        assert bed[2]("SELECT to_regclass('\"New\".t2')") == [(None,)]
        d.write(("t2", "c", ["1", "a"]))
        assert bed[2]('SELECT * FROM "New".t2') == [(1, "a")]
    with Drive(*bed[:2]) as d:
        d.up(epoch=3)
        d.schema("t2", T_ID_V + [["more", "int4", ""]], schema="New")
        d.rec("t2", "c", ["2", "a", "1"])
        got = d.flush()
        assert (got["class"], got["code"]) == (1, "42703") and '"more"' in got["message"]


def test_target_changed_behind_our_back(bed):
    bed[2]("CREATE TABLE t (id int PRIMARY KEY, v text)")
    with Drive(*bed[:2]) as d:
        d.up()
        d.schema("t", T_ID_V)
        d.write(("t", "c", ["1", "a"]))
        bed[2]("ALTER TABLE t ALTER id TYPE bigint, ALTER v TYPE varchar(100)")
        d.write(("t", "c", ["2", "a"]))
        d.write(*[("t", "c", [str(i), "a"]) for i in range(10, 300)])
        bed[2](f"DROP TABLE t; CREATE TABLE t (extra int DEFAULT 5, v text, id int PRIMARY KEY);"
               f"GRANT ALL ON t TO {SINK_ROLE}")
        d.write(("t", "c", ["3", "a"]), ("t", "c", ["4", "b"]))
        assert bed[2]("SELECT * FROM t ORDER BY id") == [(5, "a", 3), (5, "b", 4)]
        bed[2]("ALTER TABLE t DROP CONSTRAINT t_pkey")
        d.write(("t", "u", ["3", "A"]), ("t", "u", ["6", "c"]))
        assert bed[2]("SELECT id, v FROM t ORDER BY id") == [(3, "A"), (4, "b"), (6, "c")]
        bed[2]("DROP TABLE t")
        d.rec("t", "c", ["5", "a"])
        got = d.flush()
        assert got["class"] == 1 and got["code"] == "42P01"


def test_retry_classes(bed):
    cluster, db = bed[1]
    bed[2]("CREATE TABLE t (id int PRIMARY KEY, v text)")
    with Drive(*bed[:2], connector="classes") as d:
        d.up()
        d.schema("t", T_ID_V)
        # interrupted while a lock is held by someone else
        blocker = cluster.connect(db, autocommit=False)
        blocker.cursor().execute("LOCK TABLE t")
        d.rec("t", "c", ["1", "a"])
        d.ok("put")
        d.ok("interrupt", after=300)
        started = time.monotonic()
        got = d.call("commit", offset=1)
        assert got["class"] == 2 and "interrupted" in got["message"] and time.monotonic() - started < 20
        blocker.rollback()
        blocker.close()
        assert bed[2]("SELECT count(*) FROM t") == [(0,)]
        d.ok("rollback")
        d.rec("t", "c", ["1", "a"])
        assert d.flush()["class"] == 2, "not connected"
        d.ok("stop")
        wait_until(lambda: d.call("start")["status"] == 0 and d.call("position", epoch=2)["status"] == 0, "the origin to be free")
        # the server ends the session
        cluster.sql(db, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'homeport classes'")
        d.rec("t", "c", ["1", "a"])
        assert d.flush()["class"] == 2
        d.ok("stop")
        wait_until(lambda: d.call("start")["status"] == 0 and d.call("position", epoch=3)["status"] == 0, "the origin to be free")
        d.epoch = 3
        d.write(("t", "c", ["1", "a"]))
        d.ok("stop")
    cluster.sql("postgres", f"ALTER ROLE {SINK_ROLE} SET default_transaction_read_only = on")
    try:
        with Drive(*bed[:2]) as d:
            d.ok("start")
            got = d.call("position", epoch=4)
            assert (got["class"], got["code"]) == (2, "25006")
    finally:
        cluster.sql("postgres", f"ALTER ROLE {SINK_ROLE} RESET default_transaction_read_only")
    with Drive(*bed[:2], connection__password="wrong") as d:
        got = d.call("start")
        assert (got["class"], got["code"]) == (1, "28P01") and "wrong" not in got["message"]
    with Drive(*bed[:2], connection__url=f"jdbc:postgresql://127.0.0.1:{cluster.port}/nosuchdb") as d:
        assert d.call("start")["class"] == 1
    with Drive(*bed[:2], connection__url="jdbc:postgresql://127.0.0.1:1/x") as d:
        assert d.call("start")["class"] == 2
    bed[2](f"REVOKE INSERT ON t FROM {SINK_ROLE}")
    with Drive(*bed[:2]) as d:
        d.up(epoch=9)
        d.schema("t", T_ID_V)
        d.rec("t", "c", ["99", "a"])
        got = d.flush()
        assert (got["class"], got["code"]) == (1, "42501") and "README" in got["message"]


@pytest.mark.parametrize("point", ["sink.begin", "sink.rows", "sink.position", "sink.commit_sent", "sink.committed"])
@pytest.mark.parametrize("size", [10, 300])
def test_killed_anywhere_position_and_rows_agree(bed, point, size):
    bed[2]("CREATE TABLE t (id int PRIMARY KEY, v text)")
    offset = 0
    for attempt in range(3):
        d = Drive(*bed[:2], failpoints=f"{point}=kill@2" if attempt < 2 else "")
        wait_until(lambda: d.call("start")["status"] == 0 and "class" not in d.call("position", epoch=attempt + 1),
                   "the origin to be free")
        d.epoch = attempt + 1
        got = d.ok("position", epoch=attempt + 1)["offset"]
        offset = 0 if got == 999999 else got
        assert bed[2]("SELECT count(*) FROM t") == [(offset * size,)]
        d.schema("t", T_ID_V)
        try:
            while offset < 6:
                for i in range(size):
                    d.rec("t", "c", [str(offset * size + i), "x"])
                offset += 1
                d.offset = offset - 1
                assert d.flush()["status"] == 0
        except (AssertionError, BrokenPipeError):
            assert attempt < 2 and d.process.wait(30) == -9
            d.process.stdout.close()
            continue
        assert attempt == 2
        d.__exit__()
    assert bed[2]("SELECT count(*), sum(length(v)) FROM t") == [(6 * size, 6 * size)]


def test_failed_steps_are_retried_errors(bed):
    bed[2]("CREATE TABLE t (id int PRIMARY KEY, v text)")
    for point in ("sink.begin", "sink.rows", "sink.position"):
        with Drive(*bed[:2], failpoints=f"{point}=error") as d:
            wait_until(lambda: d.call("start")["status"] == 0 and d.call("position")["status"] == 0, "the origin to be free")
            d.schema("t", T_ID_V)
            d.rec("t", "c", ["1", "a"])
            assert d.flush()["class"] == 2
            d.ok("rollback")
            assert bed[2]("SELECT count(*) FROM t") == [(0,)]
            d.ok("stop")


def test_many_sets_of_columns(bed):
    bed[2]("CREATE TABLE t (id int PRIMARY KEY, " + ", ".join(f"c{i} text" for i in range(12)) + ")")
    with Drive(*bed[:2]) as d:
        d.up()
        d.schema("t", [["id", "int4", "kn"]] + [[f"c{i}", "text", ""] for i in range(12)])
        d.write(("t", "c", ["1"] + ["0"] * 12))
        for n in range(0, 2600, 100):
            for m in range(n, n + 100):
                d.rec("t", "u", ["1"] + [str(m) if m >> i & 1 else U for i in range(12)])
                d.rec("t", "u", [str(m + 10)] + [U if m >> i & 1 else "x" for i in range(12)])
            assert d.flush()["status"] == 0
        want = [str(max([m for m in range(2600) if m >> i & 1], default=0)) for i in range(12)]
        assert list(bed[2]("SELECT * FROM t WHERE id = 1")[0][1:]) == want


def test_every_record_by_itself_beyond_the_window(bed):
    bed[2]("CREATE TABLE t (id int PRIMARY KEY, v text CHECK (v <> 'bad'))")
    with Drive(*bed[:2]) as d:
        d.up()
        d.schema("t", T_ID_V)
        for i in range(9000):
            d.rec("t", "u", [str(i), "bad" if i == 8765 else "ok"])
        got = d.flush()
        assert (got["class"], got["record"]) == (3, 8765)
        d.ok("rollback")
        assert bed[2]("SELECT count(*) FROM t") == [(0,)]


def test_insert_mode_update_never_inserts(bed):
    bed[2]("CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'a')")
    with Drive(*bed[:2], insert__mode="update") as d:
        d.up()
        d.schema("t", T_ID_V)
        d.write(("t", "c", ["1", "b"]), ("t", "c", ["2", "b"]), ("t", "u", ["4", "b"], ["3", A]))
        assert bed[2]("SELECT * FROM t") == [(1, "b")] and d.metric("sink_rows_missing") == 2


def test_poison_is_found_among_many(bed):
    bed[2]("CREATE TABLE t (id int PRIMARY KEY, v varchar(3) NOT NULL)")
    with Drive(*bed[:2]) as d:
        d.up()
        d.schema("t", T_ID_V)
        for i in range(400):
            d.rec("t", "c", [str(i), None if i == 277 else "abc"])
        got = d.flush()
        assert (got["class"], got["code"], got["record"]) == (3, "23502", 277)
        d.ok("rollback")
        # the host leaves it out and goes on
        for i in range(400):
            if i != 277:
                d.rec("t", "c", [str(i), "abc"])
        assert d.flush()["status"] == 0
        assert bed[2]("SELECT count(*) FROM t") == [(399,)]


def test_poison_of_a_batch_that_was_held_is_named_by_the_sink(bed):
    bed[2]("CREATE TABLE t (id int PRIMARY KEY, v varchar(3) NOT NULL)")
    with Drive(*bed[:2]) as d:
        d.up()
        d.schema("t", T_ID_V)
        d.rec("t", "c", ["1", "abc"])
        d.rec("t", "c", ["2", None])
        assert d.call("put")["status"] == 0  # small: it waits for what comes next
        d.rec("t", "c", ["3", "abc"])
        got = d.call("put")
        assert (got["class"], got["code"], got["record"]) == (3, "23502", -1) and "topic x.public.t" in got["message"]


def test_trigger_errors_hide_their_text(bed):
    bed[2]("CREATE TABLE t (id int PRIMARY KEY, v text); CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS "
           "$$BEGIN RAISE 'secret %', NEW.v; END$$; CREATE TRIGGER no BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION no()")
    with Drive(*bed[:2]) as d:
        d.up()
        d.schema("t", T_ID_V)
        d.rec("t", "c", ["1", "hush"])
        got = d.flush()
        assert (got["class"], got["record"]) == (3, 0) and "secret" not in got["message"] and "hush" not in got["message"]


def test_plain_records(bed):
    bed[2]("CREATE TABLE lines (value text); CREATE TABLE kv (id int PRIMARY KEY, n int, s text, b bytea, t timestamp, j jsonb,"
           " f float8, o bool, a text[])")
    with Drive(*bed[:2], collection__name__format="${topic}") as d:
        d.up()
        d.ok("plain", topic="lines", value="one")
        d.ok("plain", topic="lines", value="two")
        assert d.flush()["status"] == 0
        assert bed[2]("SELECT value FROM lines ORDER BY 1") == [("one",), ("two",)]
        d.ok("schema", **{"as": "k", "name": "k", "columns": [["id", "=INT32", "n"]]})
        d.ok("schema", **{"as": "v", "name": "v", "columns": [
            ["n", "=INT64", ""], ["s", "=STRING", ""], ["b", "=BYTES", ""], ["t", "=INT64:io.debezium.time.MicroTimestamp", ""],
            ["j", "=ARRAY", ""], ["f", "=FLOAT64", ""], ["o", "=BOOLEAN", ""], ["a", "=ARRAY", ""]]})
        row = [5, "x\"y", "raw", 86400000000, [1, "a\"", None], 1.5, True, ["p,q", None, "r\\\""]]
        d.ok("plain", topic="kv", key=[1], key_schema="k", value=row, schema="v")
        d.ok("plain", topic="kv", key=[2], key_schema="k", value=row, schema="v")
        d.ok("plain", topic="kv", key=[3], key_schema="k", value=[6] + [{"a": 1}] * 7, schema="v")
        d.ok("plain", topic="kv", key=[1], key_schema="k", value=[7] + [{"a": 1}] * 7, schema="v")
        assert d.flush()["status"] == 0
        d.ok("plain", topic="kv", key=[2], key_schema="k", value=None)
        assert d.flush()["status"] == 0
        got = bed[2]("SELECT id, n, s, encode(b, 'escape'), t::text, j::text, f, o, a FROM kv ORDER BY id")
        assert got == [(1, 7, 'x"y', "raw", "1970-01-02 00:00:00", '[1, "a\\"", null]', 1.5, True, ["p,q", None, 'r\\"']),
                       (3, 6, None, None, None, None, None, None, None)]
        d.ok("plain", topic="kv", key=[4], key_schema="k", value=[1 << 40] + row[1:], schema="v")
        got = d.flush()
        assert got["class"] == 3 and got["record"] == 0
        d.ok("rollback")
        # found while rows are already on their way into a COPY: the connection is still good
        bed[2](f"CREATE TABLE many (id int, n int)")
        d.ok("schema", **{"as": "m", "name": "m", "columns": [["id", "=INT32", "n"], ["n", "=INT32", ""]]})
        for i in range(300):
            d.ok("plain", topic="many", value=[i, 1 << 40 if i == 250 else 1], schema="m")
        got = d.flush()
        assert got["class"] == 3 and got["record"] == 250
        d.ok("rollback")
        d.ok("plain", topic="many", value=[1, 1], schema="m")
        assert d.flush()["status"] == 0


def test_java_dialect(bed):
    jdbc = "io.debezium.connector.jdbc.JdbcSinkConnector"
    bed[2]("CREATE TABLE x_public_t (id int, v text); CREATE TABLE x_public_u (id int PRIMARY KEY, v text)")
    with Drive(*bed[:2], dialect=jdbc, connection__url=f"jdbc:postgresql://127.0.0.1:{bed[1][0].port}/{bed[1][1]}") as d:
        d.up()
        d.schema("t", T_ID_V)
        d.rec("t", "c", ["1", "a"])
        d.rec("t", "u", ["1", "b"])
        d.rec("t", "d", None, ["1", A])
        assert d.flush()["status"] == 0
        assert bed[2]("SELECT * FROM x_public_t") == [(1, "a"), (1, "b")], "insert mode, no deletes"
        d.ok("stop")
    with Drive(*bed[:2], dialect=jdbc, insert__mode="upsert", primary__key__mode="record_key", delete__enabled="true",
               primary__key__fields="id") as d:
        d.up(epoch=2)
        d.schema("U", [["ID", "int4", "kn"], ["V", "text", ""]])
        got = d.call("record", schema="U", op="c", after=["1", "a"], topic="x.public.U")
        assert got["status"] == 0
        got = d.flush()
        assert got["class"] == 1 and "primary.key.fields" in got["message"], "field names are exact"
    with Drive(*bed[:2], dialect=jdbc, insert__mode="upsert", primary__key__mode="record_key", delete__enabled="true") as d:
        d.up(epoch=3)
        d.schema("U", [["ID", "int4", "kn"], ["V", "text", ""]])
        d.ok("record", schema="U", op="c", after=["1", "a"], topic="x.public.U")
        d.ok("record", schema="U", op="u", after=["1", "b"], topic="x.public.U")
        assert d.flush()["status"] == 0
        assert bed[2]("SELECT * FROM x_public_u") == [(1, "b")], "folded to lower case, as without quotes"


def test_partitioned_target(bed):
    bed[2]("CREATE TABLE t (id int, v text, PRIMARY KEY (id)) PARTITION BY RANGE (id);"
           "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (100); CREATE TABLE t2 PARTITION OF t FOR VALUES FROM (100) TO (1000);"
           "CREATE TABLE kl (id int, v text) PARTITION BY LIST (id); CREATE TABLE kl1 PARTITION OF kl FOR VALUES IN (1);"
           "CREATE TABLE kl2 PARTITION OF kl FOR VALUES IN (2)")
    with Drive(*bed[:2]) as d:
        d.up()
        d.schema("t", T_ID_V)
        d.schema("kl", [["id", "int4", ""], ["v", "text", ""]], identity="f")
        d.write(*[("t", "c", [str(i), "a"]) for i in range(300)])
        d.write(("t", "u", ["5", "b"]), ("t", "u", ["205", "b"]), ("t", "d", None, ["6", A]), ("t", "u", ["500", "m"], ["7", A]))
        assert bed[2]("SELECT tableoid::regclass::text, id, v FROM t WHERE v <> 'a' OR id IN (6, 7) ORDER BY id") == [
            ("t1", 5, "b"), ("t2", 205, "b"), ("t2", 500, "m")]
        d.write(("kl", "c", ["1", "a"]), ("kl", "c", ["2", "a"]), ("kl", "c", ["2", "a"]))
        d.write(("kl", "u", ["1", "z"], ["2", "a"]), ("kl", "d", None, ["2", "a"]))
        assert bed[2]("SELECT * FROM kl ORDER BY v") == [(1, "a"), (1, "z")]


def test_huge_value_and_memory_given_back(bed):
    bed[2]("CREATE TABLE t (id int PRIMARY KEY, v text)")
    with Drive(*bed[:2]) as d:
        d.up()
        d.schema("t", T_ID_V)
        d.rec("t", "c", ["1", "small"])
        d.rec("t", "u", ["2", {"x": 40 << 20}])
        d.rec("t", "c", ["3", "small"])
        assert d.flush()["status"] == 0
        d.write(("t", "u", ["1", "after"]))
        assert bed[2]("SELECT id, length(v) FROM t ORDER BY id") == [(1, 5), (2, 40 << 20), (3, 5)]
        with open(f"/proc/{d.process.pid}/status", encoding="ascii") as f:
            rss = next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))
        with open(f"/proc/{d.process.pid}/maps", encoding="utf-8") as f:
            sanitized = "libasan" in f.read()  # which holds freed memory back
        assert sanitized or rss < 64 << 10, f"{rss} KiB resident"


def test_settings_of_the_role_do_not_count(bed):
    """Timeouts above all: a wait for a lock, or a large transaction, lasts as long as it does."""
    cluster = bed[1][0]
    make_roles(cluster)
    odd = {"lock_timeout": "50ms", "statement_timeout": "50ms", "idle_in_transaction_session_timeout": "50ms",
           "idle_session_timeout": "50ms", "client_encoding": "LATIN1", "xmloption": "document", "DateStyle": "German"}
    if cluster.version >= 17:
        odd["transaction_timeout"] = "50ms"
    bed[2]("CREATE TABLE t (id int PRIMARY KEY, v text, x xml); CREATE TABLE seen (name text, value text);"
           "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$BEGIN "
           "INSERT INTO seen SELECT n, current_setting(n, true) FROM unnest(ARRAY['tcp_keepalives_idle', "
           "'client_connection_check_interval']) n; RETURN NEW; END$$;"
           "CREATE TRIGGER note AFTER INSERT ON t FOR EACH STATEMENT EXECUTE FUNCTION note()")
    for name, value in odd.items():
        cluster.sql("postgres", f"ALTER ROLE {SINK_ROLE} SET {name} = '{value}'")
    try:
        with Drive(*bed[:2]) as d:
            d.up()
            d.schema("t", [["id", "int4", "kn"], ["v", "text", ""], ["x", "xml", ""]])
            blocker = cluster.connect(bed[1][1], autocommit=False)
            blocker.cursor().execute("LOCK TABLE t")
            d.rec("t", "c", ["1", "ä€", "no document"])
            d.ok("put")
            d.send("commit", offset=1, epoch=1)
            cluster.wait(bed[1][1], "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND "
                                    f"usename = '{SINK_ROLE}' AND now() - query_start > interval '200 ms'")
            blocker.rollback()
            blocker.close()
            assert d.answer()["status"] == 0
            assert bed[2]("SELECT * FROM t") == [(1, "ä€", "no document")]
            assert dict(bed[2]("SELECT name, value FROM seen")) == {"tcp_keepalives_idle": "30",
                                                                   "client_connection_check_interval": "10s"}
    finally:
        cluster.sql("postgres", f"ALTER ROLE {SINK_ROLE} RESET ALL")
    with Drive(*bed[:2], use__time__zone="Mars/Base") as d:
        got = d.call("start")
        assert got["class"] == 1 and "use.time.zone" in got["message"] and "Mars/Base" in got["message"]


def test_a_column_of_its_own_that_must_not_be_null(bed):
    """Rows that are there can be changed; new ones cannot be made."""
    bed[2]("CREATE TABLE t (own int NOT NULL, id int PRIMARY KEY, v text, n int NOT NULL DEFAULT 5);"
           "INSERT INTO t SELECT 7, g, 'old' FROM generate_series(1, 300) g")
    with Drive(*bed[:2]) as d:
        d.up()
        d.schema("t", T_ID_V)
        d.write(("t", "u", ["1", "new"]), ("t", "u", ["2", "new"]), ("t", "u", ["301", "moved"], ["3", A]))
        d.write(*[("t", "r", [str(i), "read"]) for i in range(10, 250)])
        assert bed[2]("SELECT v, own, n, count(*) FROM t GROUP BY 1, 2, 3 ORDER BY 1") == [
            ("moved", 7, 5, 1), ("new", 7, 5, 2), ("old", 7, 5, 57), ("read", 7, 5, 240)]
        d.rec("t", "c", ["1000", "x"])
        got = d.flush()
        assert (got["class"], got["code"], got["record"]) == (3, "23502", 0) and '"own"' in got["message"]


def test_a_table_that_cannot_be_truncated_is_named(bed):
    bed[2]("CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE c (t int REFERENCES t)")
    with Drive(*bed[:2]) as d:
        d.up()
        d.schema("t", T_ID_V)
        d.rec("t", "t")
        got = d.flush()
        assert (got["class"], got["code"]) == (1, "0A000") and '"public"."t"' in got["message"]


@pytest.mark.parametrize("kind,value", [("int4", 'a"hid"den"x'), ("tsquery", "hidden &"), ("tsvector", "'hidden"),
                                        ("jsonpath", "$.hidden["), ("uuid", "hid\nden"), ("xml", "<hidden>")])
def test_refused_values_are_not_told(bed, kind, value):
    bed[2](f"CREATE TABLE t (id int PRIMARY KEY, v {kind})")
    with Drive(*bed[:2]) as d:
        d.up()
        d.schema("t", T_ID_V)
        d.rec("t", "c", ["1", None])
        d.rec("t", "c", ["2", value])
        got = d.flush()
        assert (got["class"], got["record"]) == (3, 1) and "hid" not in got["message"] and "den" not in got["message"]


def test_key_fields_whose_changes_are_not_sent(bed):
    bed[2]("CREATE TABLE t (id int, v text PRIMARY KEY)")
    for identity, warned in (("f", False), ("d", True)):
        with Drive(*bed[:2], primary__key__fields="v") as d:
            d.up()
            d.schema("t", T_ID_V, identity=identity)
            d.write(("t", "c", ["1", f"a{identity}"]))
            assert d.ok("logged", part="the key column v is not of the source's key")["value"] == warned
            d.ok("stop")
