#!/usr/bin/env python3
"""record.py: runs cases.py against Debezium itself and writes what it made of them: recorded.jsonl, which
test_view_debezium.py compares Homeport with, and tests/unit/view/values.tsv, for the unit test of single values. Needs Java, Maven
and some 150 MB of downloads, kept in the user's cache folder; run it again when cases.py changes."""
import json
import os
import struct
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(TESTS, "support")]

import cases  # noqa: E402 pylint: disable=wrong-import-position
import play  # noqa: E402 pylint: disable=wrong-import-position
import pg  # noqa: E402 pylint: disable=wrong-import-position
from debezium import Debezium  # noqa: E402 pylint: disable=wrong-import-position

FACTS = """
WITH RECURSIVE d AS (SELECT t.oid AS top, t.oid, t.typtype, t.typbasetype, t.typtypmod FROM pg_type t WHERE t.oid = %s
 UNION ALL SELECT d.top, b.oid, b.typtype, b.typbasetype, CASE WHEN d.typtypmod >= 0 THEN d.typtypmod ELSE b.typtypmod END
  FROM d JOIN pg_type b ON d.typtype = 'd' AND b.oid = d.typbasetype)
SELECT CASE WHEN t.typcategory = 'A' AND t.typelem <> 0 THEN t.typelem WHEN t.typtype = 'd' THEN d.oid ELSE 0 END,
 CASE WHEN t.typtype = 'd' THEN d.typtypmod ELSE -1 END,
 CASE WHEN t.typcategory = 'A' AND t.typelem <> 0 AND t.typtype = 'b' THEN 'A' ELSE t.typtype::text END,
 t.typsend <> 0 AND (t.typcategory <> 'A' OR t.typelem = 0
  OR EXISTS (SELECT 1 FROM pg_type e WHERE e.oid = t.typelem AND e.typsend <> 0)),
 format_type(t.oid, NULL),
 COALESCE((SELECT string_agg(e.enumlabel, '|' ORDER BY e.enumsortorder) FROM pg_enum e
  WHERE e.enumtypid = CASE WHEN t.typcategory = 'A' AND t.typelem <> 0 THEN t.typelem ELSE t.oid END), '')
FROM d JOIN pg_type t ON t.oid = d.top WHERE d.typtype <> 'd'"""

FIRST_USER_OID = 16384


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def binary_values(cur, name):
    """The values of a table in binary send form, by id; NULLs left out."""
    with tempfile.TemporaryFile() as f:
        cur.copy_expert(f'COPY (SELECT id, v FROM "t_{name}" WHERE id < 1000) TO STDOUT BINARY', f)
        f.seek(0)
        data = f.read()
    at, out = 19, {}
    while struct.unpack_from(">h", data, at)[0] > 0:
        at += 2
        row = []
        for _ in range(2):
            size = struct.unpack_from(">i", data, at)[0]
            at += 4
            row.append(None if size < 0 else data[at:at + size])
            at += max(size, 0)
        if row[1] is not None:
            out[struct.unpack(">i", row[0])[0]] = row[1]
    return out


def text_values(cur, name):
    cur.execute(f'SELECT id, format(\'%s\', v) FROM "t_{name}" WHERE id < 1000 AND v IS NOT NULL')
    return {i: v.encode() for i, v in cur.fetchall()}


def write_values(cluster, db, messages, path):
    """One line per type and per value of it: see pg_form_test.c."""
    truth, schemas = {}, {}
    for message in messages:
        value = message["value"]
        table = value and value["source"]["table"]
        if table and table.startswith("t_") and value["op"] == "c" and "v" in value["after"]:
            truth[table, value["after"]["id"] - play.STREAMED] = value["after"]["v"]
        if table and message.get("fields"):
            schemas[table] = next((f for f in message["fields"] if f["field"] == "v"), None)
    truth.update({(table, n): v for (table, _, n), (v, _) in cases.VALUES.items()})
    schemas.update(cases.COLUMN_SCHEMAS)
    lines = []
    with cluster.connect(db) as conn, conn.cursor() as cur:
        for name in cases.TYPES:
            table = f"t_{name}"
            cur.execute("SELECT atttypid, atttypmod FROM pg_attribute WHERE attrelid = %s::regclass AND attname = 'v'", (table,))
            oid, typmod = cur.fetchone()
            cur.execute(FACTS, (oid,))
            base, domain_typmod, kind, binary, type_name, labels = cur.fetchone()
            schema = schemas[table]
            lines.append(["T", name, oid if oid < FIRST_USER_OID else 90000, domain_typmod if kind == "d" and typmod < 0 else typmod,
                          kind, base if base < FIRST_USER_OID else 90001, type_name, labels, 0, compact(schema) if schema else "-"])
            if not schema:
                continue
            for form, values in (("B", binary_values(cur, name) if binary else {}), ("X", text_values(cur, name))):
                lines += [[form, values[n].hex(), compact(truth[table, n])] for n in sorted(values) if (table, n) in truth]
    with open(path, "w", encoding="utf-8") as f:
        f.writelines("\t".join(str(x) for x in line) + "\n" for line in lines)


def record(folder):
    with pg.Cluster(15, folder, "dbz") as cluster:
        db = "app"
        cluster.create_db(db)
        play.before(cluster, db)
        config = {**play.config(cluster, db), "event.converting.failure.handling.mode": "warn"}
        with Debezium(folder, config) as debezium:
            play.after(cluster, db)
            found = debezium.messages(lambda payload: payload["op"] == "m" and payload["message"]["prefix"] == "end")
        messages = play.normalise(found)
        with open(os.path.join(HERE, "recorded.jsonl"), "w", encoding="utf-8") as f:
            f.writelines(compact(m) + "\n" for m in messages)
        write_values(cluster, db, messages, os.path.join(TESTS, "unit", "view", "values.tsv"))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as top:
        os.chmod(top, 0o755)
        record(top)
