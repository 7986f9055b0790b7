"""engines.py: the ways a change can take in a benchmark: native logical replication, Homeport, and a null drain of the slot.

Each engine has the same life: prepare (objects made, caught up, then held back), release, wait for the target, dispose.
"""
import os
import subprocess
import time

from homeport import Host, build_folder
from pipeline import Pair
from waiting import wait_until

LOGIN = "user=bench password=bench"  # all engines come over TCP, as from another region
TICK = os.sysconf("SC_CLK_TCK")
SAMPLE_S = 0.02  # between two looks at CPU times and at the target


def cpu_seconds(pid):
    """User and system seconds of a process so far; 0 if it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK
    except OSError:
        return 0.0


def private_dirty_kib(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as f:
        return sum(int(line.split()[1]) for line in f if line.startswith("Private_Dirty"))


class Meter:
    """CPU seconds of named processes between start() and read(). Processes may come and go: the highest reading counts."""

    def __init__(self, find):
        self.find = find  # gives {role: [pid]}
        self.first, self.last = {}, {}

    def sample(self):
        for role, pids in self.find().items():
            for pid in pids:
                used = cpu_seconds(pid)
                self.first.setdefault((role, pid), used)
                self.last[(role, pid)] = max(used, self.last.get((role, pid), 0.0))

    def read(self, from_zero=()):
        """{role: seconds}. Roles of `from_zero` were started within the measurement: all of their time counts."""
        out = {}
        for key, used in self.last.items():
            role = key[0]
            out[role] = out.get(role, 0.0) + used - (0.0 if role in from_zero else self.first[key])
        return out


def walsenders(cluster):
    return [pid for (pid,) in cluster.sql("postgres", "SELECT pid FROM pg_stat_replication")]


class Native:
    """CREATE SUBSCRIPTION, binary, as PostgreSQL ships it."""
    name = "native"

    def __init__(self, source, target):
        self.source, self.target = source, target

    def prepare(self, tables):
        (sc, sdb), (tc, tdb) = self.source, self.target
        sc.sql(sdb, f"CREATE PUBLICATION bench FOR TABLE {', '.join(tables)}")
        tc.sql(tdb, f"CREATE SUBSCRIPTION bench CONNECTION 'host=127.0.0.1 port={sc.port} {LOGIN} dbname={sdb}' "
                    "PUBLICATION bench WITH (copy_data = false, binary = true, streaming = off)")
        wait_until(lambda: walsenders(sc), "the subscription to start", 30)
        tc.sql(tdb, "ALTER SUBSCRIPTION bench DISABLE")
        wait_until(lambda: not walsenders(sc), "the subscription to stop", 30)

    def release(self):
        self.target[0].sql(self.target[1], "ALTER SUBSCRIPTION bench ENABLE")

    def processes(self):
        apply = self.target[0].sql(self.target[1], "SELECT pid FROM pg_stat_subscription WHERE pid IS NOT NULL")
        return {"walsender": walsenders(self.source[0]), "apply": [pid for (pid,) in apply]}

    ours = ("apply",)

    def dispose(self):
        self.target[0].sql(self.target[1], "DROP SUBSCRIPTION bench")
        self.source[0].sql(self.source[1], "DROP PUBLICATION bench")


class Homeport:
    """Source connector, embedded log, sink connector. Both workers are stopped while the work is made."""
    name = "homeport"
    ours = ("source worker", "sink worker", "supervisor")

    def __init__(self, source, target, folder):
        self.host = Host(folder, name=f"bench{time.monotonic_ns()}").start()
        self.pair = Pair(self.host, source, target, "bench")

    def prepare(self, tables):
        self.pair.prepare(tables=tables)
        self.pair.start(source={"snapshot__mode": "no_data"})
        self.pair.caught_up()
        self.host.stop_connector(self.pair.source_name)

    def release(self):
        self.host.expect(202, "PUT", f"/connectors/{self.pair.source_name}/resume")

    def processes(self):
        sc, (tc, tdb) = self.pair.source[0], self.pair.target
        backends = tc.sql(tdb, "SELECT pid FROM pg_stat_activity WHERE usename = 'homeport_sink'")
        workers = self.host.workers()
        # The sink's worker was there first: the source's was started again.
        return {"walsender": walsenders(sc), "sink backend": [pid for (pid,) in backends], "supervisor": [self.host.pid],
                "sink worker": workers[:1], "source worker": workers[1:]}

    def dispose(self):
        self.host.remove(self.pair.source_name)
        self.host.remove(self.pair.sink_name)
        self.host.stop()
        self.pair.source[0].sql(self.pair.source[1], "SELECT pg_drop_replication_slot('bench_slot')")
        self.pair.source[0].sql(self.pair.source[1], "DROP PUBLICATION bench_pub")


class Drain:
    """tests/support/source_drive: source-pg alone, gathering reads, rows decoded, counted and thrown away. The slot's limit."""
    name = "drain"
    ours = ("drain",)

    def __init__(self, source, folder):
        self.source = source
        self.position = os.path.join(folder, f"drain{time.monotonic_ns()}.position")
        self.process = None

    def drive(self, *options):
        cluster, db = self.source
        return [program("source_drive"), os.path.join(build_folder(), "plugins", "source-pg.so"), *options, "--position", self.position,
                "database.hostname=127.0.0.1", f"database.port={cluster.port}", f"database.dbname={db}",
                "database.user=bench", "database.password=bench", "snapshot.mode=no_data", "slot.name=bench", "publication.name=bench",
                "publication.autocreate.mode=disabled", "topic.prefix=bench"]

    def prepare(self, tables):
        cluster, db = self.source
        cluster.sql(db, f"CREATE PUBLICATION bench FOR TABLE {', '.join(tables)}")
        run(*self.drive("--null", "--idle", "500"))  # makes the slot and the first position

    def drain(self, rows):
        """(seconds, {role: CPU seconds}) of reading the slot's rows and the one of `done`."""
        self.process = subprocess.Popen(self.drive("--null", "--records", str(rows + 1), "--idle", "60000"),
                                        stdout=subprocess.PIPE, text=True)
        meter = Meter(lambda: {"walsender": walsenders(self.source[0])})
        began = time.monotonic()
        while self.process.poll() is None:
            meter.sample()
            time.sleep(SAMPLE_S)
        took = time.monotonic() - began
        figures = dict(word.split("=") for word in self.process.stdout.read().split() if "=" in word)
        if int(figures["records"]) < rows:
            raise AssertionError(f"the drain saw {figures['records']} of {rows} rows")
        cpu = meter.read(from_zero=("walsender",))
        cpu["drain"] = float(figures["cpu_us_per_record"]) * int(figures["records"]) / 1e6
        return took, cpu

    def dispose(self):
        cluster, db = self.source
        wait_until(lambda: not walsenders(cluster), "the drain's walsender to be gone", 30)
        cluster.sql(db, "SELECT pg_drop_replication_slot('bench')")
        cluster.sql(db, "DROP PUBLICATION bench")


def program(name):
    """A built helper program of the tests."""
    for folder, _, files in os.walk(build_folder()):
        if name in files and os.access(os.path.join(folder, name), os.X_OK):
            return os.path.join(folder, name)
    raise FileNotFoundError(f"{name} is not in the build")


def run(*args, **more):
    return subprocess.run(args, check=True, capture_output=True, text=True, **more).stdout
