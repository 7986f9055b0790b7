"""regions.py: two regions that write to each other, and a third database that both write to, while servers, lines,
workers and the host break.

Triggers in each database judge what the sink writes: a row of the database's own region has come back (a loop), a
counter that goes down has lost its order. Two rows whose counters move together show a torn transaction. Bags hold
equal rows without a key. Targets write their WAL late, so that a crash takes commits back that the sink was told of:
rows and position have to go together, and the log has to keep what is then needed again.
"""
import os
import random
import signal
import threading

import psycopg2

from compare import assert_equal, equal
from homeport import path_of
from pipeline import sink_config, source_config
from proxy import Proxy
from roles import grant_sink, grant_source, make_roles, publish
from waiting import Hopeless, Timeout, wait_until

TABLES = ("items", "halves", "bag", "events", "gone_eu", "gone_us")
LATE_WAL = {"wal_writer_delay": "3s", "wal_writer_flush_after": "100MB"}

SCHEMA = """
CREATE TABLE items (region text, id bigint, n int, body text, PRIMARY KEY (id, region));
ALTER TABLE items ALTER body SET STORAGE EXTERNAL;
CREATE TABLE halves (region text, side int, n int, PRIMARY KEY (region, side));
CREATE TABLE bag (region text, v text, f float8);
ALTER TABLE bag REPLICA IDENTITY FULL;
CREATE TABLE events (region text, id bigint, n int);
CREATE TABLE gone_eu (region text, id bigint PRIMARY KEY);
CREATE TABLE gone_us (region text, id bigint PRIMARY KEY);
CREATE SCHEMA audit;
CREATE TABLE audit.wrong (what text);
CREATE FUNCTION audit.judge() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $f$
DECLARE old_n int; new_n int;
BEGIN
  IF session_user = 'homeport_sink' THEN
    IF coalesce(NEW.region, OLD.region) = '%s' THEN
      INSERT INTO audit.wrong VALUES (format('it came back: %%s of %%s', TG_OP, TG_TABLE_NAME));
    END IF;
    IF TG_OP = 'UPDATE' AND TG_TABLE_NAME IN ('items', 'halves') THEN
      old_n := to_jsonb(OLD)->'n'; new_n := to_jsonb(NEW)->'n';
      IF new_n < old_n THEN
        INSERT INTO audit.wrong VALUES (format('out of order in %%s: %%s after %%s', TG_TABLE_NAME, new_n, old_n));
      END IF;
    END IF;
  END IF;
  RETURN coalesce(NEW, OLD);
END $f$;
""" + "".join(f"CREATE TRIGGER judge BEFORE INSERT OR UPDATE OR DELETE ON {t} FOR EACH ROW EXECUTE FUNCTION audit.judge();\n"
              for t in TABLES)

ONE = "(SELECT id FROM items WHERE region = %(r)s ORDER BY random() LIMIT 1)"
EQUAL = "(SELECT ctid FROM bag WHERE region = %(r)s ORDER BY random() LIMIT 1)"
STEPS = (
    "INSERT INTO items VALUES (%(r)s, %(id)s, 0, repeat('x', (ARRAY[3, 4000])[1 + random()::int]))",
    f"UPDATE items SET n = n + 1 WHERE region = %(r)s AND id = {ONE}",
    f"UPDATE items SET id = %(id)s WHERE region = %(r)s AND id = {ONE}",
    f"DELETE FROM items WHERE region = %(r)s AND id = {ONE}",
    "INSERT INTO bag VALUES (%(r)s, 'same', 'NaN'), (%(r)s, 'same', 'NaN'), (%(r)s, NULL, 1)",
    f"DELETE FROM bag WHERE ctid = {EQUAL}",
    f"UPDATE bag SET f = 2 WHERE ctid = {EQUAL}",
    "INSERT INTO gone_%(t)s VALUES (%(r)s, %(id)s)",
    "SAVEPOINT s; DELETE FROM items WHERE region = %(r)s AND body <> 'many'; ROLLBACK TO SAVEPOINT s",
)
RARE = (
    "TRUNCATE gone_%(t)s",
    "INSERT INTO events SELECT %(r)s, %(id)s, g FROM generate_series(1, 2000) g",
    "INSERT INTO items SELECT %(r)s, -(%(id)s + g), 0, 'many' FROM generate_series(1, 500) g",
    "UPDATE items SET n = n + 1 WHERE region = %(r)s AND body = 'many'",
    "DELETE FROM items WHERE region = %(r)s AND body = 'many' AND id %% 2 = 0",
)


class Writer:
    """One region's load, in one thread."""

    def __init__(self, cluster, db, region, seed):
        self.cluster, self.db, self.region = cluster, db, region
        self.rng = random.Random(f"{seed}/{region}")
        self.acknowledged, self.next_id, self.error = [], 10_000, None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self):
        self._stop.set()
        self._thread.join()
        if self.error:
            raise self.error

    def count(self):
        if self.error:
            raise Hopeless(f"the writer of {self.region} has ended: {self.error!r}")
        return len(self.acknowledged)

    def _run(self):
        conn = None
        while not self._stop.wait(0.002):
            try:
                if conn is None:
                    conn = self.cluster.connect(self.db, autocommit=False)
                self._transaction(conn)
            except psycopg2.Error as error:
                if error.pgcode is not None and not error.pgcode.startswith(("57P", "08", "40P")):
                    self.error = error
                    return
                conn = None  # the server went away, or a sink was in the way
        if conn:
            conn.close()

    def _transaction(self, conn):
        known = {"r": self.region, "id": self.next_id, "t": psycopg2.extensions.AsIs(self.region)}
        with conn.cursor() as cur:
            cur.execute("INSERT INTO events VALUES (%(r)s, %(id)s, 0)", known)
            cur.execute("UPDATE halves SET n = n + 1 WHERE region = %(r)s AND side = 0", known)
            for _ in range(self.rng.choice((1, 1, 2, 8))):
                known["id"] += 2000
                cur.execute(self.rng.choice(RARE if self.rng.random() < 0.03 else STEPS), known)
            cur.execute("UPDATE halves SET n = n + 1 WHERE region = %(r)s AND side = 1", known)
        first, self.next_id = self.next_id, known["id"] + 2000
        if self.rng.random() < 0.05:
            conn.rollback()
        else:
            conn.commit()
            self.acknowledged.append(first)


class Regions:
    """eu (with a snapshot) and us (without) to each other, and both by one sink to hub, where nobody else's commits make
    the server write its WAL."""

    def __init__(self, host, clusters, rng):
        self.host, self.rng = host, rng
        eu, us, hub = clusters
        self.places = {"eu": (eu, "eu"), "us": (us, "us"), "hub": (hub, "hub")}
        self.lines = {c: (Proxy(c.port), Proxy(c.port)) for c in clusters}  # of the sources, of the sinks
        self.writers = {}
        for name, (cluster, db) in self.places.items():
            cluster.create_db(db)
            cluster.sql(db, SCHEMA % name)
            make_roles(cluster)
            grant_sink(cluster, db)
            if name != "hub":
                grant_source(cluster, db)
                publish(cluster, db, f"{name}_pub", TABLES)
                cluster.sql("postgres", f"ALTER ROLE homeport_source IN DATABASE {db} SET logical_decoding_work_mem = '64kB'")
        eu.sql("eu", "INSERT INTO halves VALUES ('eu', 0, 0), ('eu', 1, 0); INSERT INTO items SELECT 'eu', g, 0, 'old' FROM generate_series(1, 1000) g;"
                     "INSERT INTO bag SELECT 'eu', 'same', 'NaN' FROM generate_series(1, 100)")
        self.configs = {"eu-source": self._source("eu", "initial"), "us-source": self._source("us", "no_data"),
                        "us-sink": self._sink("us", "eu"), "eu-sink": self._sink("eu", "us"), "hub-sink": self._sink("hub", "(eu|us)")}

    def __enter__(self):
        for lines in self.lines.values():
            for line in lines:
                line.__enter__()
        return self

    def __exit__(self, *_):
        for lines in self.lines.values():
            for line in lines:
                line.__exit__()

    def _source(self, name, mode):
        cluster, db = self.places[name]
        return {**source_config(cluster, db, name, snapshot__mode=mode), "database.port": str(self.lines[cluster][0].port)}

    def _sink(self, name, prefix):
        cluster, db = self.places[name]
        return {**sink_config(cluster, db, name), "topics.regex": f"{prefix}\\..*",
                "connection.url": f"postgresql://127.0.0.1:{self.lines[cluster][1].port}/{db}"}

    def sql(self, name, text, params=None):
        cluster, db = self.places[name]
        return cluster.sql(db, text, params)

    # ---- up, broken, and at rest ----

    def start(self):
        """us writes once the snapshot of eu is complete: before, what came from us would be read with it."""
        self.writers["eu"] = Writer(*self.places["eu"], "eu", self.rng.random())
        for name, config in self.configs.items():
            self.host.create(name, config)
        wait_until(lambda: self.host.offsets("eu-source")[0]["offset"].get("snapshot_completed"), "the snapshot to be complete", 60)
        self.sql("us", "INSERT INTO halves VALUES ('us', 0, 0), ('us', 1, 0)")
        self.writers["us"] = Writer(*self.places["us"], "us", self.rng.random())

    def strike(self, fault):
        """One fault, and then a few transactions in each region."""
        fault(self, self.rng.choice(list(self.lines)), self.rng.choice(list(self.configs)))
        for writer in self.writers.values():
            seen = writer.count()
            wait_until(lambda w=writer, n=seen: w.count() > n + 10, f"{writer.region} to write after {fault.__name__}", 30)
        self.check_halves()

    def check_halves(self):
        """Nobody ever sees one half of a transaction."""
        for name in self.places:
            for region in {"eu", "us"} - {name}:
                found = [n for (n,) in self.sql(name, "SELECT n FROM halves WHERE region = %s", (region,))]
                assert len(set(found)) < 2, f"a torn transaction of {region} in {name}: {found}"

    def settle(self, timeout=60):
        """Without help: all RUNNING, all equal, all acknowledged rows everywhere, nothing that the judges found."""
        for writer in self.writers.values():
            writer.stop()

        def same():
            states = {c: self.host.states(c) for c in self.configs}
            for c in self.configs:
                if "FAILED" in states[c][1]:
                    raise Hopeless(f"{c} has failed: {self.host.trace(c)}")
            assert all(s == ("RUNNING", ["RUNNING"]) for s in states.values()), states
            self.check_halves()
            return all(equal(self.places["eu"], self.places[n], t) for n in ("us", "hub") for t in TABLES)
        try:
            wait_until(same, "the regions to be equal", timeout, interval=0.1)
        except Timeout:
            for name in ("us", "hub"):
                assert_equal(self.places["eu"], self.places[name], TABLES)
            raise
        for name in self.places:
            wrong = self.sql(name, "SELECT what, count(*) FROM audit.wrong GROUP BY 1")
            assert not wrong, f"{name}: {wrong}"
            for region, writer in self.writers.items():
                there = {i for (i,) in self.sql(name, "SELECT id FROM events WHERE region = %s AND n = 0", (region,))}
                lost = set(writer.acknowledged) - there
                assert not lost, f"{len(lost)} acknowledged transactions of {region} are not in {name}"


# ---- faults: a cluster and a connector are drawn, each takes what it needs; servers are up again when it returns ----

def server_crash(_, cluster, __):
    cluster.restart("immediate")


def server_killed(_, cluster, __):
    cluster.process.kill()
    cluster.process.wait()
    wait_until(lambda: cluster.restart("immediate"), "the killed server's children to be gone", 30, interval=0.2)


def sessions_ended(_, cluster, __):
    cluster.sql("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename LIKE 'homeport%'")


def line_cut(regions, cluster, _):
    regions.rng.choice(regions.lines[cluster]).cut()


def line_cut_in_a_message(regions, cluster, _):
    line = regions.rng.choice(regions.lines[cluster])
    line.cut_after = line.passed + regions.rng.randrange(1, 3000)


def worker_killed(regions, _, connector):
    pid = regions.host.worker_of(connector)
    if pid:
        os.kill(pid, signal.SIGKILL)


def host_killed(regions, _, __):
    regions.host.kill()
    regions.host.start()


def paused(regions, _, connector):
    for verb in regions.rng.choice((("pause", "resume"), ("stop", "resume"), ("pause", "stop", "resume"))):
        regions.host.expect((202, 204), "PUT", path_of("connectors", connector, verb))


def restarted(regions, _, connector):
    regions.host.restart_connector(connector)


def made_anew(regions, _, __):
    """A source: its offsets stay. What a sink that does not exist still needs, retention does not know."""
    source = regions.rng.choice(("eu-source", "us-source"))
    regions.host.remove(source)
    regions.host.create(source, regions.configs[source], wait=None)


FAULTS = (server_crash, server_killed, sessions_ended, line_cut, line_cut_in_a_message, worker_killed, host_killed, paused,
          restarted, made_anew)
