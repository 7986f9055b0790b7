"""chaos.py: kills a host and its workers while a load runs: at named fail points and at random moments.

One round has one pair of databases. All fail points of the round are armed from the start, each at a hit drawn by lot, and
each fires once (HOMEPORT_FAILPOINTS_ONCE leaves a file as proof). Between them the supervisor or a worker is killed
at random moments. A supervisor that died is started again, as an init system would.
"""
import os
import random
import signal
import time

from load import TABLES, Load
from pipeline import sink_config, source_config
from waiting import wait_until

# Fail points on the way of a change, with the hits among which one is drawn.
STREAM = {"src.read": 200, "src.decoded": 200, "log.begin": 60, "log.append": 60, "log.before_commit": 60, "log.synced": 60,
          "src.before_ack": 30, "src.acked": 30, "sink.read": 60, "sink.begin": 60, "sink.rows": 60, "sink.position": 60,
          "sink.commit_sent": 60, "sink.committed": 60}
SNAPSHOT = {"snap.begin": 1, "snap.slot": 1, "snap.chunk": 4, "snap.table": 3, "snap.handover": 1}

# Rounds die often; what is tested here is not the patience of the restart policy.
SETTINGS = {"worker.restart.max": "1000"}


def seed_from_environment():
    return int(os.environ.get("HOMEPORT_SEED") or time.time_ns() % 1_000_000_000)


class Chaos:
    """Keeps `host` going and broken at once. `fired` lists the fail points that struck, `kills` the random blows."""

    def __init__(self, host, rng, points):
        self.host, self.rng = host, rng
        self.once = os.path.join(host.folder, f"once-{rng.randrange(1 << 30)}")
        os.mkdir(self.once)
        self.points = {name: rng.randint(1, most) for name, most in points.items()}
        self.kills = {"supervisor": 0, "worker": 0}
        self.restarts = 0
        host.env["HOMEPORT_FAILPOINTS"] = ";".join(f"{name}=kill@{hit}" for name, hit in self.points.items())
        host.env["HOMEPORT_FAILPOINTS_ONCE"] = self.once

    def fired(self):
        return [name for name in self.points if name in os.listdir(self.once)]

    def missing(self):
        return [name for name in self.points if name not in self.fired()]

    def keep_alive(self):
        """An init system: starts the supervisor again when it is gone."""
        if not self.host.alive():
            self.restarts += 1
            self.host.start()
            return True
        return False

    def check_states(self):
        """Kills are survived; a connector that has FAILED is a finding."""
        try:
            found = self.host.get("/connectors?expand=status").json
        except OSError:
            return
        for name, entry in found.items():
            for task in entry["status"]["tasks"]:
                assert task["state"] != "FAILED", f"{name} has failed: {task.get('trace')}"

    def blow(self):
        """Kills the supervisor or one of the workers, now."""
        workers = self.host.workers()
        if not self.host.alive() or (workers and self.rng.random() < 0.7):
            if workers:
                try:
                    os.kill(self.rng.choice(workers), signal.SIGKILL)
                    self.kills["worker"] += 1
                except ProcessLookupError:
                    pass
            return
        self.host.process.kill()
        self.host.process.wait()
        self.kills["supervisor"] += 1

    def until_all_fired(self, load=None, timeout=60, blows=0, between=(0.05, 0.6)):
        """Until every point has fired and `blows` random kills are done; more load meanwhile if there is one."""
        end = time.monotonic() + timeout
        next_blow = time.monotonic() + self.rng.uniform(*between)
        while self.missing() or sum(self.kills.values()) < blows:
            assert time.monotonic() < end, (
                f"never fired: {[(m, self.points[m]) for m in self.missing()]}; random kills {self.kills}; "
                f"load: {load.rows if load else 0} rows, offsets {[self.host.offsets(c) for c in self.host.get('/connectors').json]}\n"
                f"{self.host.log_tail()}")
            self.keep_alive()
            self.check_states()
            if load is not None and load.errors:
                raise load.errors[0]
            if sum(self.kills.values()) < blows and time.monotonic() > next_blow:
                self.blow()
                next_blow = time.monotonic() + self.rng.uniform(*between)
            time.sleep(self.rng.uniform(0.005, 0.025))

    def calm(self):
        """No more faults; the host is up."""
        self.host.env.pop("HOMEPORT_FAILPOINTS", None)
        self.host.env.pop("HOMEPORT_FAILPOINTS_ONCE", None)
        if not self.keep_alive():
            self.host.kill()
            self.host.start()


def settle(pair, load, timeout=60):
    """After the load: both sides row by row, and the journal. The counts that were compared."""
    pair.wait_equal(*TABLES, timeout=timeout)
    load.check_journal(*pair.target)
    counts = {t: pair.dst(f"SELECT count(*) FROM {t}")[0][0] for t in TABLES}
    assert counts["ledger"] and counts["events"], "nothing was written: this tests nothing"
    return counts


def stream_round(pair, rng, points, blows):
    """Faults while rows stream. Gives (Chaos, Load, counts)."""
    host = pair.host
    pair.start()
    load = Load(*pair.source, writers=2, seed=rng.randrange(1 << 30), pace=0.002)
    load.start()
    try:
        wait_until(lambda: load.rows > 200, "the load to write", 30)
        host.stop()
        chaos = Chaos(host, rng, points)
        host.start()
        chaos.until_all_fired(load, blows=blows)
    finally:
        load.stop()
    chaos.calm()
    return chaos, load, settle(pair, load)


def snapshot_round(pair, rng, blows):
    """Faults from the first moment of a snapshot on, of tables that are being written to."""
    host = pair.host
    load = Load(*pair.source, writers=2, seed=rng.randrange(1 << 30), pace=0.002, id_from=1_000_000)
    host.stop()
    chaos = Chaos(host, rng, SNAPSHOT)
    host.start()
    load.start()
    try:
        wait_until(lambda: load.rows > 200, "the load to write", 30)
        chaos_start(chaos, pair)
        chaos.until_all_fired(load, blows=blows, between=(0.02, 0.3))
    finally:
        load.stop()
    chaos.calm()
    return chaos, load, settle(pair, load)


def chaos_start(chaos, pair):
    """Creates both connectors; the host may die over it, then once more."""
    configs = {pair.source_name: source_config(*pair.source, pair.name), pair.sink_name: sink_config(*pair.target, pair.name)}
    for name, config in configs.items():
        def created(name=name, config=config):
            chaos.keep_alive()
            return chaos.host.put(f"/connectors/{name}/config", config).status in (200, 201)
        wait_until(created, f"{name} to be created", 30)
