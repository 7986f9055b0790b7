"""Every type of cdc-facts 1.4 that PostgreSQL has built in goes round exactly, by snapshot and by stream."""
import pytest

DDL = """
CREATE TYPE mood AS ENUM ('sad', 'ok', 'so "happy"');
CREATE DOMAIN positive AS numeric(10,2) CHECK (VALUE >= 0);
CREATE DOMAIN name_d AS text;
CREATE TYPE pair_t AS (a int, b text);
"""

# column type -> values, as SQL. Every column also gets NULL.
BIG = "'" + "1234567890" * 50 + "." + "0987654321" * 50 + "'"
TYPES = {
    "bool": ["true", "false"],
    "bit(1)": ["B'0'", "B'1'"],
    "bit(12)": ["B'101010101010'", "B'000000000000'"],
    "varbit": ["B''", "B'1'", "B'1010101010101010101'"],
    "int2": ["-32768", "32767", "0"],
    "int4": ["-2147483648", "2147483647", "0"],
    "int8": ["-9223372036854775808", "9223372036854775807", "0"],
    "oid": ["0", "4294967295"],
    "float4": ["'NaN'", "'Infinity'", "'-Infinity'", "'-0'", "1e-45", "3.4028235e38", "0.1"],
    "float8": ["'NaN'", "'Infinity'", "'-Infinity'", "'-0'", "'4.9406564584124654e-324'", "'1.7976931348623157e308'", "0.1"],
    "numeric": ["'NaN'", "'Infinity'", "'-Infinity'", "0", "0.000", "-1.50", BIG, "'-' || " + BIG, "1e-300", "1e300"],
    "numeric(10,2)": ["'NaN'", "99999999.99", "-99999999.99", "0.00", "0.10"],
    "numeric(5,-2)": ["12300", "'NaN'"],
    "money": ["'-92233720368547758.08'", "'92233720368547758.07'", "'0.01'"],
    "text": ["''", "'a'", "E'line\\nbreak\\ttab\\\\ back'", "'\"quoted\" ''single'''", "'äöü€𐍈'", "repeat('x', 100000)", "'NULL'", "'null'", "'\\N'"],
    "varchar(10)": ["''", "'ten chars!'", "'   '"],
    "char(5)": ["'a'", "''", "'abcde'"],
    "bpchar": ["'a  '"],
    "\"char\"": ["'a'", "''"],
    "name": ["'pg_catalog'", "''"],
    "bytea": ["''", "'\\x00'", "'\\xdeadbeef00ff'", "decode(repeat('00ff', 50000), 'hex')"],
    "date": ["'infinity'", "'-infinity'", "'4713-01-01 BC'", "'5874897-12-31'", "'2000-01-01'", "'0044-03-15 BC'", "'1969-12-31'"],
    "time": ["'00:00:00'", "'24:00:00'", "'23:59:59.999999'"],
    "time(3)": ["'12:34:56.789'"],
    "timetz": ["'00:00:00+15:59'", "'24:00:00-15:59'", "'12:34:56.123456+02:30'"],
    "timestamp": ["'infinity'", "'-infinity'", "'4713-01-01 00:00:00 BC'", "'294276-12-31 23:59:59.999999'", "'0044-03-15 00:00:00 BC'", "'2000-01-01'", "'1999-12-31 23:59:59.999999'"],
    "timestamp(3)": ["'2026-11-23 12:34:56.789'", "'infinity'"],
    "timestamptz": ["'infinity'", "'-infinity'", "'4713-01-01 00:00:00+00 BC'", "'294276-12-31 23:59:59.999999+00'", "'2026-03-29 01:30:00+01'"],
    "interval": ["'1 year 2 mons -3 days +04:05:06.7'", "'-178000000 years'", "'178000000 years'", "'0'", "'1 mon -1 day'", "'-00:00:00.000001'"],
    "uuid": ["'00000000-0000-0000-0000-000000000000'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'"],
    "json": ["'{}'", "'{\"a\":1,  \"a\":2}'", "'null'", "'[1, \"\\u0041\", null]'"],
    "jsonb": ["'{}'", "'{\"a\": [1, 2.50, null, true], \"b\": \"\\\"\"}'", "'null'", "'1e400'"],
    "xml": ["'<a>ä</a>'", "'text'"],
    "inet": ["'0.0.0.0/0'", "'192.168.1.5/24'", "'::1'", "'fe80::1/64'"],
    "cidr": ["'10.0.0.0/8'", "'2001:db8::/32'"],
    "macaddr": ["'08:00:2b:01:02:03'"],
    "macaddr8": ["'08:00:2b:01:02:03:04:05'"],
    "point": ["'(1.5,-2)'", "'(NaN,Infinity)'"],
    "line": ["'{1,2,3}'"],
    "lseg": ["'[(0,0),(1,1)]'"],
    "box": ["'(3,4),(1,2)'"],
    "path": ["'[(0,0),(1,1)]'", "'((0,0),(1,1),(2,0))'"],
    "polygon": ["'((0,0),(1,1),(2,0))'"],
    "circle": ["'<(1,2),3.5>'"],
    "int4range": ["'empty'", "'[1,5)'", "'(,)'", "'[1,)'"],
    "int8range": ["'[-9223372036854775808,9223372036854775807)'"],
    "numrange": ["'[1.50,2.5]'", "'empty'"],
    "tsrange": ["'[2000-01-01,2001-01-01)'", "'(,infinity)'"],
    "tstzrange": ["'[2000-01-01 00:00+00,)'"],
    "daterange": ["'[2000-01-01,2000-02-01)'", "'empty'"],
    "int4multirange": ["'{}'", "'{[1,3),[5,7)}'"],
    "nummultirange": ["'{[1.5,2.5],(3,)}'"],
    "tsvector": ["'a:1A fat:2B,4C cat:5'", "''"],
    "tsquery": ["'fat & (rat | !cat)'", "''"],
    "pg_lsn": ["'0/0'", "'FFFFFFFF/FFFFFFFF'"],
    "mood": ["'sad'", "'so \"happy\"'"],
    "positive": ["0", "12.30"],
    "name_d": ["''", "'d'"],
    "pair_t": ["ROW(1, 'x,\"y\"')", "ROW(NULL, '')"],
    "int4[]": ["'{}'", "'{1,NULL,3}'", "'{{1,2},{3,4}}'", "'[0:2]={1,2,3}'", "'[-1:0][2:3]={{1,2},{3,4}}'"],
    "int8[]": ["'{9223372036854775807}'"],
    "bool[]": ["'{t,f,NULL}'"],
    "float8[]": ["'{NaN,Infinity,-0}'"],
    "numeric[]": ["'{NaN,1.50,NULL,Infinity}'"],
    "text[]": ["'{}'", "'{\"\",NULL,\"NULL\",\"a,b\",\"q\\\"q\",\"{\"}'", "'{{a,b},{c,NULL}}'"],
    "varchar(5)[]": ["'{abc}'"],
    "bytea[]": ["ARRAY['\\x00'::bytea, NULL]"],
    "uuid[]": ["'{00000000-0000-0000-0000-000000000001}'"],
    "timestamptz[]": ["'{infinity,2000-01-01 00:00+00}'"],
    "date[]": ["'{-infinity,\"0044-03-15 BC\"}'"],
    "interval[]": ["'{1 day,NULL}'"],
    "money[]": ["'{1.00,NULL}'"],
    "name[]": ["'{a,b}'"],
    "varbit[]": ["ARRAY[B'101'::varbit, B''::varbit]"],
    "xml[]": ["ARRAY['<a/>'::xml, NULL]"],
    "point[]": ["ARRAY['(1,2)'::point, NULL]"],
    "jsonb[]": ["ARRAY['{\"a\": 1}'::jsonb, NULL]"],
    "inet[]": ["'{10.0.0.1,NULL}'"],
    "int4range[]": ["ARRAY['[1,2)'::int4range]"],
    "mood[]": ["'{sad,NULL}'", "ARRAY['so \"happy\"'::mood]"],
    "positive[]": ["'{1.50}'"],
    "pair_t[]": ["ARRAY[ROW(1,'a')::pair_t, NULL]"],
}


def table_of(index):
    return f"t{index:02d}"


def ddl():
    return DDL + "".join(f"CREATE TABLE {table_of(i)} (id int PRIMARY KEY, v {t});" for i, t in enumerate(TYPES))


def fill(base):
    text = []
    for i, (name, values) in enumerate(TYPES.items()):
        for n, value in enumerate([*values, "NULL"]):
            text.append(f"INSERT INTO {table_of(i)} VALUES ({base + n}, ({value})::{name});")
    return "".join(text)


TABLES = [table_of(i) for i in range(len(TYPES))]


QUICK = pytest.param(15, 18, marks=pytest.mark.quick)


@pytest.mark.parametrize("source,target", [QUICK, (15, 15), (18, 15), (18, 18)])
def test_round_trip(pair, source, target):
    """Seed 17: snapshot, insert, update of each value to each other, delete."""
    p = pair(source, target).prepare(ddl(), seed=fill(0))
    p.start()
    p.wait_equal(*TABLES)
    p.src(fill(100))
    p.wait_equal(*TABLES)
    # Every row takes its neighbour's value, so that each value also travels in an update.
    p.src("".join(f"UPDATE {t} a SET v = b.v FROM {t} b WHERE b.id = a.id - 1 AND a.id >= 100;" for t in TABLES))
    p.wait_equal(*TABLES)
    p.src("".join(f"DELETE FROM {t} WHERE id % 2 = 0;" for t in TABLES))
    p.wait_equal(*TABLES)


@pytest.mark.parametrize("source,target", [(15, 18), (18, 15)])
def test_missing_tables_are_created_with_the_types(pair, source, target):
    """schema.evolution=basic: only user-made types have to be there."""
    p = pair(source, target).prepare(ddl(), target_ddl=DDL, seed=fill(0), create_tables=True)
    p.start(sink={"schema__evolution": "basic"})
    for table in TABLES:
        p.target[0].wait(p.target[1], f"SELECT to_regclass('public.{table}') IS NOT NULL", f"{table} to be made", 60)
    p.wait_equal(*TABLES)


KEYS = {"text": ["''", "'a'", "'ä''\"'"], "uuid": ["'00000000-0000-0000-0000-000000000000'", "gen_random_uuid()"],
        "numeric": ["1.50", "'NaN'", "-0.001"], "timestamptz": ["'infinity'", "'2000-01-01 00:00:00.000001+00'"],
        "date": ["'0044-03-15 BC'", "'2000-01-01'"], "bytea": ["''", "'\\x00ff'"], "bool": ["true", "false"],
        "mood": ["'sad'", "'ok'"], "int4range": ["'[1,2)'", "'empty'"], "inet": ["'10.0.0.1'"], "positive": ["1.20", "2"],
        "char(5)": ["'a'", "'b'"], "float8": ["'NaN'", "0.1", "'Infinity'"], "int4[]": ["'{1,2}'", "'{}'"],
        "interval": ["'1 day'", "'1 mon'"], "jsonb": ["'{\"a\": 1}'", "'1'"], "varbit": ["B'1'", "B'01'"]}


@pytest.mark.parametrize("source,target", [(15, 18), (18, 15)])
def test_keys_of_every_kind(pair, source, target):
    """A row is found again by its key, whatever its type: update, key change, delete."""
    tables = [f"k{i:02d}" for i in range(len(KEYS))]
    text = DDL + "".join(f"CREATE TABLE {t} (k {name} PRIMARY KEY, n int);" for t, name in zip(tables, KEYS))
    rows = "".join(f"INSERT INTO {t} VALUES (({v})::{name}, {n});"
                   for t, (name, values) in zip(tables, KEYS.items()) for n, v in enumerate(values))
    p = pair(source, target).prepare(text)
    p.start()
    p.src(rows)
    p.wait_equal(*tables)
    p.src("".join(f"UPDATE {t} SET n = n + 10;" for t in tables))
    p.wait_equal(*tables)
    p.src("".join(f"DELETE FROM {t} WHERE n = 10;" for t in tables))
    p.wait_equal(*tables)
