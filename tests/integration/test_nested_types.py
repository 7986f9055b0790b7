"""Types of extensions and of users, and every type inside of others: plain, in a domain, an array, a composite type, arrays of
both, a domain over an array; as columns and as keys, found again by their key and, without one, by their whole row."""
import pytest

from roles import make_roles

EXTENSIONS = "".join(f"CREATE EXTENSION {name};" for name in ("hstore", "ltree", "citext", "cube", "seg", "isn"))
PRELUDE = EXTENSIONS + """
CREATE TYPE mood AS ENUM ('sad', 'ok', 'so "happy"');
CREATE TYPE "Odd ""Name" AS ENUM ('A', 'b''c');
CREATE DOMAIN positive AS numeric(10,2) CHECK (VALUE >= 0);
CREATE DOMAIN deep AS positive;
CREATE TYPE floatrange AS RANGE (subtype = float8);
CREATE TYPE moodrange AS RANGE (subtype = mood);
CREATE TABLE zz (n int);
CREATE FUNCTION ff(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
"""

TYPES = {
    "bool": ["true"], "bit(12)": ["B'101010101010'"], "varbit": ["B''", "B'1010101'"], "int2": ["-32768"],
    "int4": ["-2147483648"], "int8": ["9223372036854775807"], "oid": ["4294967295"], "xid": ["'4294967295'"],
    "xid8": ["'18446744073709551615'"], "cid": ["'7'"], "tid": ["'(4,2)'"], "float4": ["'NaN'", "'-0'", "'-Infinity'"],
    "float8": ["'NaN'", "'-0'", "'Infinity'"],
    "numeric": ["'NaN'", "'Infinity'", "'-Infinity'", "0.000", "(repeat('9', 1000) || '.' || repeat('1', 500))"],
    "numeric(10,2)": ["'NaN'", "99999999.99"], "money": ["'-92233720368547758.08'"], "text": ["''", "E'a\\\\b\"c''d\\n{},('"],
    "varchar(10)": ["''", "'  '"], "char(5)": ["'a'", "''"], '"char"': ["'a'", "''"], "name": ["''", "'x'"],
    "bytea": ["''", "'\\x00'"], "date": ["'infinity'", "'-infinity'", "'4713-01-01 BC'"], "time": ["'24:00:00'"],
    "timetz": ["'24:00:00-15:59'", "'00:00+15:59:59'"], "timestamp": ["'infinity'", "'4713-01-01 00:00:00 BC'"],
    "timestamptz": ["'-infinity'", "'294276-12-31 23:59:59.999999+00'"],
    "interval": ["'-178000000 years'", "'178000000 years'", "'1 mon -1 day +00:00:00.000001'"],
    "uuid": ["'00000000-0000-0000-0000-000000000000'"], "json": ["'{\"a\":1,  \"a\":2}'", "'null'"],
    "jsonb": ["'{\"a\": [1, 2.50]}'", "'null'"], "jsonpath": ["'$.a[*] ? (@ > 1)'", "'strict $'"],
    "xml": ["'<a>ä</a>'", "'text'", "''"], "inet": ["'192.168.1.5/24'", "'::1'"], "cidr": ["'10.0.0.0/8'"],
    "macaddr": ["'08:00:2b:01:02:03'"], "macaddr8": ["'08:00:2b:01:02:03:04:05'"], "point": ["'(NaN,Infinity)'"],
    "line": ["'{1,2,3}'"], "lseg": ["'[(0,0),(1,1)]'"], "box": ["'(3,4),(1,2)'"], "path": ["'[(0,0),(1,1)]'", "'((0,0),(1,1))'"],
    "polygon": ["'((0,0),(1,1),(2,0))'"], "circle": ["'<(1,2),3.5>'"], "int4range": ["'empty'", "'[1,5)'", "'(,)'"],
    "int8range": ["'[1,)'"], "numrange": ["'[1.50,2.5]'"], "tsrange": ["'(,infinity)'"], "tstzrange": ["'[2000-01-01 00:00+00,)'"],
    "daterange": ["'[2000-01-01,2000-02-01)'"], "int4multirange": ["'{}'", "'{[1,3),[5,7)}'"],
    "nummultirange": ["'{[1.5,2.5],(3,)}'"], "tstzmultirange": ["'{[2000-01-01 00:00+00,)}'"], "floatrange": ["'[0.1,Infinity]'"],
    "floatmultirange": ["'{[0.1,0.2],[1,2]}'"], "moodrange": ["'[sad,ok]'", "'empty'"],
    "tsvector": ["'a:1A fat:2B,4C cat:5'", "''"], "tsquery": ["'fat & (rat | !cat)'", "''", "'a:*AB <-> b'"],
    "pg_lsn": ["'FFFFFFFF/FFFFFFFF'"], "txid_snapshot": ["'10:20:10,14,15'"], "pg_snapshot": ["'10:20:10,14,15'"],
    "refcursor": ["'x'"], "mood": ["'sad'", "'so \"happy\"'"], '"Odd ""Name"': ["'A'", "'b''c'"], "positive": ["12.30"],
    "deep": ["0.10"], "hstore": ["'a=>1, \"b c\"=>NULL'", "''"], "ltree": ["'Top.Science'", "''"], "lquery": ["'*{1,2}.foo|bar'"],
    "ltxtquery": ["'a & b@*'"], "citext": ["'AbC'", "''"], "cube": ["'(1,2),(3,4)'", "'(0)'"],
    # without a binary form
    "seg": ["'1.5 .. 2.50'"], "ean13": ["'978-0-393-04002-9'"], "aclitem": ["'=r/postgres'"],
    # names, which travel as names: their OIDs mean something else elsewhere
    "regclass": ["'public.zz'", "'-'"], "regtype": ["'public.mood'"], "regprocedure": ["'public.ff(int)'"],
    "regnamespace": ["'public'"], "regrole": ["'homeport_sink'"], "regconfig": ["'pg_catalog.german'"],
}
# A column of these makes the whole stream come as text.
TEXT_ONLY = {"seg", "ean13", "aclitem", "regclass", "regtype", "regprocedure", "regnamespace", "regrole", "regconfig", "tsquery"}
NOT_COMPARABLE = {"xid", "cid", "json", "jsonpath", "xml", "point", "line", "lseg", "box", "path", "polygon", "circle",
                  "lquery", "ltxtquery", "txid_snapshot", "pg_snapshot", "refcursor", "aclitem"}


def chosen(text):
    """(number, type), of all or of those that a binary stream carries."""
    return [(i, t) for i, t in enumerate(TYPES) if text or t not in TEXT_ONLY]


def columns_ddl(types):
    return PRELUDE + "".join(
        f"CREATE DOMAIN d{i} AS {t}; CREATE TYPE c{i} AS (a {t}, \"B b\" d{i}, n int); CREATE DOMAIN da{i} AS {t}[];"
        f"CREATE TABLE t{i:02d} (id int PRIMARY KEY, v {t}, d d{i}, a {t}[], c c{i}, ca c{i}[], da d{i}[], ad da{i});"
        for i, t in types)


def fill(types, base):
    text = []
    for i, t in types:
        for n, value in enumerate([*TYPES[t], "NULL"]):
            e = f"(({value})::{t})"
            text.append(f"INSERT INTO t{i:02d} VALUES ({base + n}, {e}, {e}, ARRAY[{e},NULL,{e}]::{t}[], ROW({e},{e},NULL),"
                        f" ARRAY[ROW({e},NULL,1)::c{i}, NULL], ARRAY[{e}]::d{i}[], ARRAY[[{e},{e}],[NULL,{e}]]::{t}[]);")
            text.append(f"INSERT INTO t{i:02d} (id, a) SELECT {base + 50 + n}, ('[-1:0]=' || (ARRAY[{e},NULL]::{t}[])::text)::{t}[];")
    return "".join(text)


@pytest.mark.parametrize("source,target,mode,text", [(15, 18, "upsert", False), (18, 15, "upsert", True), (15, 15, "insert", True),
                                                     (18, 18, "insert", False)])
def test_types_in_types(pair, source, target, mode, text):
    types = chosen(text)
    tables = [f"t{i:02d}" for i, _ in types]
    p = pair(source, target)
    make_roles(p.source[0])
    p.prepare(columns_ddl(types), seed=fill(types, 0))
    p.start(sink={"insert__mode": mode})
    p.wait_equal(*tables, timeout=60)
    p.src(fill(types, 100))
    p.wait_equal(*tables, timeout=60)
    if mode == "upsert":
        sets = ",".join(f"{c} = b.{c}" for c in ("v", "d", "a", "c", "ca", "da", "ad"))
        p.src("".join(f"UPDATE {t} a SET {sets} FROM {t} b WHERE b.id = a.id - 1 AND a.id >= 100;" for t in tables))
        p.wait_equal(*tables, timeout=60)
        p.src("".join(f"UPDATE {t} SET id = id + 1000;" for t in tables))
        p.wait_equal(*tables, timeout=60)
    p.src("".join(f"DELETE FROM {t} WHERE id % 2 = 0;" for t in tables))
    p.wait_equal(*tables, timeout=60)


def keys_ddl(types):
    ddl, tables = PRELUDE, []
    for i, t in types:
        ddl += f"CREATE DOMAIN d{i} AS {t}; CREATE TYPE c{i} AS (a {t}, b d{i});"
        for n, column in enumerate((t, f"d{i}", f"{t}[]", f"c{i}")):
            name = f"{i:02d}_{n}"
            ddl += f"CREATE TABLE f{name} (k {column}, n int); ALTER TABLE f{name} REPLICA IDENTITY FULL;"
            tables.append(f"f{name}")
            if t not in NOT_COMPARABLE:
                ddl += f"CREATE TABLE k{name} (x int, k {column}, n int, PRIMARY KEY (k, x));"
                tables.append(f"k{name}")
    return ddl, tables


def fill_keys(types, base):
    text = []
    for i, t in types:
        for n, value in enumerate(TYPES[t]):
            e = f"(({value})::{t})"
            for form, v in enumerate((e, e, f"ARRAY[{e}]::{t}[]", f"ROW({e},{e})::c{i}")):
                text.append(f"INSERT INTO f{i:02d}_{form} VALUES ({v}, {base + n});")
                if t not in NOT_COMPARABLE:
                    text.append(f"INSERT INTO k{i:02d}_{form} VALUES ({base}, {v}, {n});")
    return "".join(text)


@pytest.mark.parametrize("source,target,text", [(15, 18, False), (18, 15, True)])
def test_types_as_keys(pair, source, target, text):
    """Updates, changed keys and deletes find the row, with a key and without."""
    types = chosen(text)
    ddl, tables = keys_ddl(types)
    keyed = [t for t in tables if t[0] == "k"]
    p = pair(source, target)
    make_roles(p.source[0])
    p.prepare(ddl, seed=fill_keys(types, 0))
    p.start()
    p.wait_equal(*tables, timeout=60)
    p.src(fill_keys(types, 10))
    p.src("".join(f"UPDATE {t} SET n = n + 100;" for t in tables))
    p.wait_equal(*tables, timeout=60)
    p.src("".join(f"UPDATE {t} SET x = x + 1000;" for t in keyed))
    p.wait_equal(*tables, timeout=60)
    p.src("".join(f"DELETE FROM {t} WHERE n % 2 = 0;" for t in tables))
    p.wait_equal(*tables, timeout=60)


def test_one_megabyte_of_bytea_as_a_column_and_in_a_key_of_text(pair):
    p = pair(15, 18).prepare("CREATE TABLE t (id text PRIMARY KEY, v bytea, d text); ALTER TABLE t ALTER v SET STORAGE EXTERNAL")
    p.start()
    p.src("INSERT INTO t VALUES (repeat('k', 2000), decode(repeat('00ff', 524288), 'hex'), 'x'), ('', '', NULL)")
    p.wait_equal("t")
    p.src("UPDATE t SET d = 'unchanged bytea'")
    p.wait_equal("t")
    p.src("UPDATE t SET id = id || 'moved'")
    p.wait_equal("t")
    p.src("DELETE FROM t WHERE d IS NOT NULL")
    p.wait_equal("t")


def test_a_column_of_names_comes_in_mid_stream(pair):
    """From then on all values come as text; what was under way in that transaction comes once."""
    p = pair(15, 18).prepare("CREATE TABLE zz (n int); CREATE TABLE t (id int PRIMARY KEY, f float8, b bytea)",
                             target_ddl="CREATE TABLE other (n int); CREATE TABLE zz (n int);"
                                        "CREATE TABLE t (id int PRIMARY KEY, f float8, b bytea, r regclass)")
    p.start()
    p.src("INSERT INTO t VALUES (1, 0.1, '\\x00'); INSERT INTO zz VALUES (1)")
    p.wait_equal("zz")
    p.src("BEGIN; INSERT INTO t VALUES (2, 1e-300, NULL); INSERT INTO zz VALUES (2); ALTER TABLE t ADD r regclass;"
          "INSERT INTO t VALUES (3, 'NaN', '\\xff', 'zz'), (4, -0.0, '', 't'); INSERT INTO zz VALUES (3); COMMIT")
    p.wait_equal("t", "zz")
    assert "as text from now on" in p.host.log_tail(1000)
