"""load.py: a numbered workload with a journal.

Writers run transactions of mixed work on three tables and number each of them. A transaction that the server
acknowledged is in the journal; the ledger table, which travels with the rest, has each number once. A table without a
key gets rows that are only ever inserted: an upsert would hide a row that arrives twice, a heap does not.
"""
import random
import threading

import psycopg2

from waiting import Hopeless

TABLES = ("ledger", "items", "events")

SCHEMA = """
CREATE TABLE ledger (writer int, seq bigint, rows int NOT NULL, PRIMARY KEY (writer, seq));
CREATE TABLE items (id bigint PRIMARY KEY, writer int NOT NULL, seq bigint NOT NULL, note text, big text);
ALTER TABLE items ALTER big SET STORAGE EXTERNAL;
CREATE TABLE events (writer int NOT NULL, seq bigint NOT NULL, n int NOT NULL, body text);
"""


def create_tables(cluster, db):
    cluster.sql(db, SCHEMA)


class Load:
    """`with Load(cluster, db, writers=2) as load: ...`; load.journal is {writer: [acknowledged seq]}."""

    def __init__(self, cluster, db, writers=2, seed=1, id_from=0, id_step=1, events=True, pace=0.0):
        self.cluster, self.db = cluster, db
        self.writers, self.seed = writers, seed
        self.id_from, self.id_step = id_from, id_step
        self.events = events
        self.pace = pace
        self.journal = {w: [] for w in range(writers)}
        self._rows = 0
        self.rolled_back = 0
        self.errors = []
        self._stop = threading.Event()
        self._pause = threading.Event()
        self._threads = []

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        self._threads = [threading.Thread(target=self._write, args=(w,), daemon=True) for w in range(self.writers)]
        for t in self._threads:
            t.start()

    def stop(self):
        self._stop.set()
        for t in self._threads:
            t.join()
        if self.errors:
            raise self.errors[0]

    @property
    def rows(self):
        """Rows written in acknowledged transactions; whoever waits for more hears of a writer that broke."""
        if self.errors:
            raise Hopeless(f"a writer of the load has ended: {self.errors[0]!r}")
        return self._rows

    @property
    def transactions(self):
        return sum(map(len, self.journal.values()))

    def _write(self, writer):
        rng = random.Random(f"{self.seed}/{writer}")
        live, seq = [], 0
        next_id = self.id_from + writer * self.id_step
        conn = None
        try:
            while not self._stop.is_set():
                try:
                    if conn is None:
                        conn = self.cluster.connect(self.db, autocommit=False)
                    next_id = self._transaction(conn, rng, writer, seq, live, next_id)
                except psycopg2.Error as error:
                    if error.pgcode is not None and not error.pgcode.startswith(("57P", "08")):
                        raise
                    # The server went away: whether the last commit counts, only its table can tell.
                    # Ids of the broken transaction are never used again.
                    conn, live = None, []
                    next_id += 1000 * self.writers * self.id_step
                    if self._stop.wait(0.05):
                        return
                seq += 1
                if self.pace and self._stop.wait(self.pace):
                    return
        except Exception as error:  # pylint: disable=broad-except
            self.errors.append(error)
        finally:
            if conn is not None:
                conn.close()

    def _transaction(self, conn, rng, writer, seq, live, next_id):
        """One transaction; the ids that are alive are followed in `live` only once it is committed."""
        now, rows = list(live), 0
        with conn.cursor() as cur:
            cur.execute("INSERT INTO ledger VALUES (%s, %s, 0)", (writer, seq))
            for n in range(rng.choice((1, 1, 2, 3, 5, 20))):
                step = rng.random()
                if step < 0.5 or not now:
                    big = chr(97 + next_id % 26) * rng.choice((10, 10, 3000))
                    cur.execute("INSERT INTO items VALUES (%s, %s, %s, %s, %s)", (next_id, writer, seq, f"n{n}", big))
                    now.append(next_id)
                    next_id += self.writers * self.id_step
                elif step < 0.8:
                    cur.execute("UPDATE items SET seq = %s, note = %s WHERE id = %s", (seq, f"u{seq}.{n}", rng.choice(now)))
                elif step < 0.85:
                    old = now.pop(rng.randrange(len(now)))
                    cur.execute("UPDATE items SET id = %s WHERE id = %s", (next_id, old))
                    now.append(next_id)
                    next_id += self.writers * self.id_step
                else:
                    cur.execute("DELETE FROM items WHERE id = %s", (now.pop(rng.randrange(len(now))),))
                rows += 1
                if self.events and rng.random() < 0.5:
                    cur.execute("INSERT INTO events VALUES (%s, %s, %s, %s)", (writer, seq, n, f"e{seq}"))
                    rows += 1
                if rng.random() < 0.1:
                    cur.execute("SAVEPOINT s; INSERT INTO ledger VALUES (-1, %s, 0); ROLLBACK TO SAVEPOINT s", (seq,))
            cur.execute("UPDATE ledger SET rows = %s WHERE writer = %s AND seq = %s", (rows, writer, seq))
            if rng.random() < 0.05:
                conn.rollback()
                self.rolled_back += 1
                return next_id
            conn.commit()
        self.journal[writer].append(seq)
        self._rows += rows
        live[:] = now
        return next_id

    def check_journal(self, cluster, db):
        """Every acknowledged transaction is in the ledger of (cluster, db), and none that was not asked for."""
        for writer, acknowledged in self.journal.items():
            there = {s for (s,) in cluster.sql(db, "SELECT seq FROM ledger WHERE writer = %s", (writer,))}
            lost = set(acknowledged) - there
            assert not lost, f"writer {writer}: {len(lost)} acknowledged transactions lost, first {min(lost)}"
        assert not cluster.value(db, "SELECT count(*) FROM ledger WHERE writer = -1"), "rolled back rows arrived"
