"""transform-residency between two servers: what the policy denies is neither in the log nor in the target, and rows come and go
as their home changes."""
import json
import os

import pytest

from pipeline import source_config
from waiting import wait_until

SOURCE = """
CREATE SCHEMA app;
CREATE TABLE app.users(id text PRIMARY KEY, email text NOT NULL, dna bytea, residency varchar(8), note text, n int);
ALTER TABLE app.users REPLICA IDENTITY FULL;
ALTER TABLE app.users ALTER note SET STORAGE EXTERNAL;
CREATE TABLE app.secret(id int PRIMARY KEY, what text);
CREATE TABLE app.shard(region text, id int, v text, PRIMARY KEY (region, id));
"""
TARGET = """
CREATE SCHEMA app;
CREATE TABLE app.users(id text PRIMARY KEY, email text NOT NULL, residency varchar(8), note text, n int);
CREATE TABLE app.secret(id int PRIMARY KEY, what text);
CREATE TABLE app.shard(region text, id int, v text, PRIMARY KEY (region, id));
"""
POLICY = {
    "policy_version": 1,
    "destinations": ["us", "eu"],
    "classes": {"open": {"us": "allow"}, "contact": {"us": "mask"}, "subject": {"us": "hash"}, "special": {"eu": "allow"}},
    "tables": {
        "app.users": {"columns": {"id": "subject", "email": "contact", "dna": "special", "residency": "open", "note": "open"},
                      "rows": {"us": {"column": "residency", "in": ["us", "any"]}}},
        "app.shard": {"columns": {"region": "open", "id": "open", "v": "open"},
                      "rows": {"us": {"column": "region", "in": ["us"]}}},
    },
}
TABLES = ["app.users", "app.secret", "app.shard"]
KEY = "a key of sixteen characters"


def residency(work, policy=None, **more):
    path = os.path.join(work, "policy.json")
    with open(path, "w", encoding="utf-8") as f:
        json.dump(policy or POLICY, f)
    os.chmod(path, 0o644)
    return {"transforms": "residency", "transforms.residency.type": "transform-residency",
            "transforms.residency.policy.file": path, "transforms.residency.destination": "us",
            "transforms.residency.hash.key": KEY, **more}


def users(p):
    return sorted(p.dst("SELECT email, residency, left(note, 3), length(id) FROM app.users"), key=str)


def log_text(host):
    """Everything that the log holds, in every form that a reader could have it."""
    text = ""
    names = host.spawn("topics", "--data-dir", host.data_dir).stdout.splitlines()[1:]
    for line in names:
        done = host.spawn("tail", line.split()[1], "--keys", "--schemas", "--data-dir", host.data_dir)
        assert done.returncode == 0, done.stderr
        text += done.stdout
    return text, [line.split()[1] for line in names]


@pytest.mark.parametrize("source,target", [(15, 18)])
def test_rows_and_columns(pair, host, work, source, target):
    p = pair(source, target)
    p.prepare(SOURCE, TARGET, seed="INSERT INTO app.users VALUES ('u1', 'one@eu', '\\x01', 'eu', 'n1', 1), "
                                   "('u2', 'two@us', '\\x02', 'us', 'n2', 2), ('u3', 'three@', NULL, NULL, 'n3', 3);"
                                   "INSERT INTO app.secret VALUES (1, 'SECRET-1');"
                                   "INSERT INTO app.shard VALUES ('us', 1, 'a'), ('eu', 1, 'b')", schemas=("app",), tables=TABLES)
    p.start(source=residency(work))
    wait_until(lambda: users(p) == [("****", "us", "n2", 64)] and p.dst("SELECT * FROM app.shard") == [("us", 1, "a")],
               lambda: f"the snapshot: {users(p)} {host.status(p.source_name)}", 30)

    p.src("INSERT INTO app.users VALUES ('u4', 'four@eu', '\\x04', 'eu', repeat('x', 9000), 4), ('u5', 'five@', NULL, 'any', 'n5', 5)")
    p.src("INSERT INTO app.secret VALUES (2, 'SECRET-2')")
    p.src("UPDATE app.users SET residency = 'us' WHERE id = 'u4'")   # comes into sight, with a value that TOAST kept back
    p.src("UPDATE app.users SET residency = 'eu' WHERE id = 'u2'")   # leaves
    p.src("UPDATE app.users SET email = 'hidden@' WHERE id = 'u1'")  # stays out of sight
    p.src("UPDATE app.users SET note = 'm5' WHERE id = 'u5'")
    p.src("DELETE FROM app.users WHERE id = 'u3'")
    # here the key itself moves
    p.src("UPDATE app.shard SET region = 'us', id = 2 WHERE region = 'eu'")
    p.src("UPDATE app.shard SET region = 'eu', id = 9 WHERE region = 'us' AND id = 1")
    wait_until(lambda: users(p) == [("****", "any", "m5", 64), ("****", "us", "xxx", 64)] and
               p.dst("SELECT * FROM app.shard") == [("us", 2, "b")], lambda: f"the changes: {users(p)} {p.dst('SELECT * FROM app.shard')}", 30)
    assert p.dst("SELECT length(note) FROM app.users WHERE residency = 'us'") == [(9000,)]
    assert p.dst("SELECT * FROM app.secret") == []

    text, topics = log_text(host)
    for denied in ("one@eu", "two@us", "three@", "four@", "hidden@", "SECRET", '"dna"', '"n"', "n1", "u1", "u2", "u4"):
        assert denied not in text, denied
    assert topics
    for action, n in (("redact", 3), ("insert", 1), ("evict", 1), ("drop", 5)):
        wait_until(lambda a=action, k=n: (host.metric("homeport_residency_records_total", table="app.users", action=a) or 0) == k,
                   lambda: str([m for m in host.metrics() if "residency" in m[0]]), 10)
    assert not any(value in host.log() for value in ("one@eu", "hidden@", "SECRET", "u2"))


def held_anywhere(folder, words):
    """[(word, file)] of what a file below the folder holds."""
    found = []
    for where, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(where, name), "rb") as f:
                data = f.read()
            found += [(word, name) for word in words if word.encode() in data]
    return found


def test_nothing_denied_reaches_the_disk(pair, host, work):
    """Snapshot, a transaction that is streamed before its end, one that is rolled back in part and as a whole, TOAST,
    messages: no byte of what the policy denies lies in any file of data.dir, free pages included."""
    p = pair()
    p.prepare(SOURCE, TARGET, schemas=("app",), tables=TABLES, seed="""
        INSERT INTO app.users SELECT 'DENIEDID' || g, 'DENIEDMAIL', 'DENIEDDNA', 'us', 'fine', 1 FROM generate_series(1, 5) g;
        INSERT INTO app.users SELECT 'DENIEDID' || g, 'DENIEDMAIL', 'DENIEDDNA', 'eu', 'DENIEDROW', 1 FROM generate_series(6, 9) g;
        INSERT INTO app.secret VALUES (1, 'DENIEDTABLE')""")
    cluster, db = p.source
    cluster.sql(db, f"ALTER ROLE homeport_source IN DATABASE {db} SET logical_decoding_work_mem = '64kB'")
    p.start(source=residency(work))
    rows = """INSERT INTO app.users SELECT 'DENIEDID' || g, 'DENIEDMAIL', 'DENIEDDNA', CASE g % 2 WHEN 0 THEN 'us' ELSE 'eu' END,
        CASE g % 2 WHEN 0 THEN 'fine' ELSE repeat('DENIEDROW', 500) END, 1 FROM generate_series({}, {}) g"""
    with cluster.connect(db, autocommit=False) as conn, conn.cursor() as cur:
        cur.execute(rows.format(100, 1099))
        cur.execute("SAVEPOINT a")
        cur.execute(rows.format(2000, 2999) + "; INSERT INTO app.secret SELECT g, 'DENIEDTABLE' FROM generate_series(10, 999) g")
        cur.execute("ROLLBACK TO a")
        cur.execute("SELECT pg_logical_emit_message(true, 'DENIEDPREFIX', 'DENIEDMESSAGE')")
        conn.commit()
        cur.execute(rows.format(3000, 3999))
        conn.rollback()
    p.src("UPDATE app.users SET n = 2 WHERE id IN ('DENIEDID1', 'DENIEDID101')")  # one of them with its TOAST left alone
    p.src("UPDATE app.users SET residency = 'us', note = 'fine' WHERE id = 'DENIEDID103'")
    p.src("DELETE FROM app.users WHERE id IN ('DENIEDID2', 'DENIEDID6')")
    wait_until(lambda: len(users(p)) == 505, lambda: f"{len(users(p))} rows; {host.status(p.source_name)}", 30)
    p.caught_up()
    wait_until(lambda: p.src(f"SELECT stream_txns > 0 FROM pg_stat_replication_slots WHERE slot_name = '{p.slot}'") == [(True,)],
               "a transaction that was streamed", 10)
    words = ["DENIED" + what for what in ("ID", "MAIL", "DNA", "ROW", "TABLE", "PREFIX", "MESSAGE")]
    assert held_anywhere(host.data_dir, ["fine", "****"]), "it can find what is there"
    assert not held_anywhere(host.data_dir, words)
    assert not [word for word in words if word in host.log()]


@pytest.mark.parametrize("mode", ["initial", "no_data"])
def test_refuses_a_condition_that_the_replica_identity_does_not_send(pair, host, work, mode):
    """At the start, before there is a slot and with no row to be seen; then the table is altered under a running connector."""
    p = pair()
    p.prepare(SOURCE + "ALTER TABLE app.users REPLICA IDENTITY DEFAULT;", TARGET, schemas=("app",), tables=TABLES)
    host.create(p.source_name, {**source_config(*p.source, p.name, snapshot__mode=mode), **residency(work)}, wait=None)

    def refused():
        host.wait_state(p.source_name, "FAILED")
        trace = host.trace(p.source_name)
        assert "app.users" in trace and "REPLICA IDENTITY FULL" in trace
        assert "transform residency" in trace and '"residency"' in trace
    refused()
    assert p.src(f"SELECT count(*) FROM pg_replication_slots WHERE slot_name = '{p.slot}'") == [(0,)]
    assert log_text(host)[0] == ""
    p.src("ALTER TABLE app.users REPLICA IDENTITY FULL")
    host.restart_connector(p.source_name)
    host.wait_state(p.source_name, "RUNNING")
    p.src("INSERT INTO app.users VALUES ('u1', 'e', NULL, 'us', 'n', 1)")
    wait_until(lambda: "****" in log_text(host)[0], lambda: f"the row in the log {host.status(p.source_name)}", 20)
    p.src("ALTER TABLE app.users REPLICA IDENTITY DEFAULT")
    p.src("INSERT INTO app.users VALUES ('u2', 'e', NULL, 'us', 'n', 1)")
    refused()
    assert log_text(host)[0].count("****") == 1


def test_a_bad_policy_is_a_validation_error(pair, host, work):
    p = pair()
    p.prepare(SOURCE, TARGET, schemas=("app",), tables=TABLES)
    bad = {**POLICY, "tables": {"app.users": {"columns": {"id": "nonsense"}}}}
    answer = host.post("/connectors", {"name": p.source_name, "config": {**source_config(*p.source, p.name), **residency(work, bad)}})
    assert answer.status == 400, answer
    assert "tables.app.users.columns.id" in answer.text
    answer = host.post("/connectors", {"name": p.source_name, "config": {
        **source_config(*p.source, p.name), **residency(work, **{"transforms.residency.destination": "mars"})}})
    assert answer.status == 400 and "mars" in answer.text, answer
