"""Homeport's view is Debezium's, key for key (D2): the same tables, statements and configuration were given to Debezium 3.6.1
(debezium/record.py wrote down what it sent), and are given to Homeport here; `homeport tail` must say the same, except where
debezium/cases.py tells why not."""
import json
import os
import struct
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "debezium"))

import cases  # noqa: E402 pylint: disable=wrong-import-position
import play  # noqa: E402 pylint: disable=wrong-import-position
from waiting import wait_until  # noqa: E402 pylint: disable=wrong-import-position

RECORDED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "debezium", "recorded.jsonl")


def by_table(messages):
    """{table, or "message": [messages in order]}; tombstones go with what they follow."""
    out, table = {}, None
    for m in messages:
        if m["value"]:
            table = "message" if m["value"]["op"] == "m" else m["value"]["source"]["table"]
        out.setdefault(table, []).append(m)
    return out


def expected():
    with open(RECORDED, encoding="utf-8") as f:
        return by_table([json.loads(line) for line in f])


def same(a, b):
    """Equal, where floats may be written in more digits than they need, and JSON inside a string in any order."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b))
    if isinstance(a, float) and isinstance(b, float) and a != b:
        try:
            return struct.pack("f", a) == struct.pack("f", b) and abs(a) < 1e38
        except OverflowError:
            return False
    if isinstance(a, str) and isinstance(b, str) and a != b and a[:1] == b[:1] == "{":
        return json.loads(a) == json.loads(b)
    return a == b


def with_differences(table, messages):
    """What is expected of Homeport, given what Debezium said."""
    for m in messages:
        fields = m.get("fields")
        if table in cases.COLUMN_SCHEMAS and fields:
            schema = cases.COLUMN_SCHEMAS[table]
            m["fields"] = [f for f in fields if f["field"] != "v"] + ([schema] if schema else [])
        value = m["value"]
        if not value or not value.get("after"):
            continue
        row = value["after"]
        number = row.get("id", 0) % play.STREAMED
        for op in (value["op"], "*"):
            if (table, op, number) in cases.VALUES:
                row["v"] = cases.VALUES[table, op, number][0]
        if table in cases.COLUMN_SCHEMAS and cases.COLUMN_SCHEMAS[table] is None:
            row.pop("v", None)
        elif table in cases.COLUMN_SCHEMAS:
            row.setdefault("v", None)
    return messages


def tail(host, topic):
    """All of a topic: (key, value) with schemas."""
    done = host.spawn("tail", topic, "--keys", "--schemas", "--data-dir", host.data_dir)
    assert done.returncode == 0, done.stderr
    return [tuple(None if part == "null" else json.loads(part) for part in line.split("\t")) for line in done.stdout.split("\n")[:-1]]  # values hold other line ends


def topics(host):
    done = host.spawn("topics", "--data-dir", host.data_dir)
    assert done.returncode == 0, done.stderr
    names = [line.split()[1] for line in done.stdout.splitlines()[1:]]
    return [n for n in names if n.startswith("p.")]


@pytest.fixture(params=[15, 18])
def played(databases, host, request):
    cluster, db = databases(request.param, "src")
    play.before(cluster, db)
    host.create("view", {**play.config(cluster, db), "slot.name": f"view_{db}", "publication.name": f"view_{db}"})
    wait_until(lambda: cluster.slot(f"view_{db}") and cluster.slot(f"view_{db}")["active"], lambda: host.status("view"), 60)
    play.after(cluster, db)
    wait_until(lambda: "p.message" in topics(host) and any(v and v["payload"]["message"]["prefix"] == "end" for _, v in tail(host, "p.message")),
               lambda: f"the last message: {host.status('view')}\n{host.log_tail()}", 120)
    found = {}
    for topic in topics(host):
        for table, messages in by_table(play.normalise(tail(host, topic))).items():
            found.setdefault(table, []).extend(messages)
    yield db, found
    host.remove("view")
    wait_until(lambda: not cluster.slot(f"view_{db}") or not cluster.slot(f"view_{db}")["active"], "the slot to be let go")
    cluster.sql("postgres", f"SELECT pg_drop_replication_slot('view_{db}')")


def test_same_messages(played):
    db, found = played
    wanted = expected()
    wrong = []
    for table in sorted(wanted.keys() | found.keys()):
        should, have = with_differences(table, wanted.get(table, [])), found.get(table, [])
        for m in should:
            if m["value"]:
                m["value"]["source"]["db"] = db
        if len(should) != len(have):
            wrong.append(f"{table}: {len(have)} messages, {len(should)} expected")
        for i, (a, b) in enumerate(zip(have, should)):
            for part in sorted(a.keys() | b.keys()):
                if not same(a.get(part), b.get(part)):
                    wrong.append(f"{table} {i} {part}:\n  is     {json.dumps(a.get(part))[:1500]}\n  should {json.dumps(b.get(part))[:1500]}")
    assert not wrong, f"{len(wrong)} differences:\n" + "\n".join(wrong[:40])
