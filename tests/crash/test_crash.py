"""kill -9 anywhere loses nothing and doubles nothing (E1-E3; F01-F09 of reliability-security)."""
import contextlib
import os
import random

import pytest

import chaos
from chaos import SETTINGS, SNAPSHOT, STREAM, Chaos, settle, snapshot_round, stream_round
from homeport import Host
from load import TABLES, Load, create_tables
from pipeline import Pair
from regions import FAULTS, LATE_WAL, Regions
from waiting import wait_until

SEED = chaos.seed_from_environment()
CYCLES = {"points": 0, "random": 0, "rows": 0}


@pytest.fixture
def host(work):
    made = Host(work, settings=SETTINGS)
    made.start()
    yield made
    if made.alive():
        made.stop()


def prepared(pair, source, target, name):
    p = pair(source, target, name)
    create_tables(*p.source)
    create_tables(*p.target)
    return p.prepare()


def report(what, chaos_, load, counts):
    fired = chaos_.fired()
    CYCLES["points"] += len(fired)
    CYCLES["random"] += sum(chaos_.kills.values())
    CYCLES["rows"] += load.rows
    print(f"\n{what}: seed {SEED}, fail points {len(fired)} of {len(chaos_.points)} "
          f"({', '.join(f'{k}@{v}' for k, v in chaos_.points.items())}), random kills {chaos_.kills}, "
          f"{load.transactions} transactions acknowledged, {load.rolled_back} rolled back, rows compared {counts}: 0 lost, 0 doubled")


@pytest.mark.parametrize("turn,source,target", [pytest.param(0, 15, 18, marks=pytest.mark.quick), (1, 18, 15), (2, 15, 15)])
def test_stream(pair, turn, source, target):
    rng = random.Random(f"{SEED}/stream/{turn}")
    p = prepared(pair, source, target, f"stream{turn}")
    report(f"stream {source} -> {target}", *stream_round(p, rng, STREAM, blows=8))


@pytest.mark.parametrize("turn,source,target", [(0, 15, 18), (1, 18, 15), (2, 18, 18)])
def test_snapshot(pair, turn, source, target):
    """Rows deleted between two attempts stay deleted, and a table without a key has each row once."""
    rng = random.Random(f"{SEED}/snapshot/{turn}")
    p = prepared(pair, source, target, f"snap{turn}")
    p.src("INSERT INTO items SELECT g, -1, 0, 'old', repeat('o', 200) FROM generate_series(1, 30000) g;"
          "INSERT INTO events SELECT -1, g, 0, 'old' FROM generate_series(1, 30000) g")
    report(f"snapshot {source} -> {target}", *snapshot_round(p, rng, blows=4))


def test_big_transactions(pair):
    """Streamed in progress: chunks of a transaction that is not committed survive no kill, and it comes whole or not at all."""
    rng = random.Random(f"{SEED}/big")
    p = prepared(pair, 15, 18, "big")
    p.source[0].sql("postgres", "ALTER ROLE homeport_source SET logical_decoding_work_mem = '64kB'")
    try:
        p.start()
        p.host.stop()
        mixed = Chaos(p.host, rng, {k: STREAM[k] for k in ("src.read", "log.append", "log.before_commit", "log.synced", "sink.rows",
                                                           "sink.commit_sent")})
        p.host.start()
        with Load(*p.source, writers=1, seed=rng.randrange(1 << 30), pace=0.01) as load:
            for n in range(6):
                big = p.source[0].connect(p.source[1], autocommit=False)
                with big.cursor() as cur:
                    for part in range(5):
                        cur.execute("INSERT INTO events SELECT 1000 + %s, g, %s, repeat('b', 40) FROM generate_series(1, 4000) g", (n, part))
                        mixed.keep_alive()
                        mixed.blow()
                (big.rollback if n == 3 else big.commit)()
                big.close()
            mixed.until_all_fired(load)
        mixed.calm()
        report("big transactions", mixed, load, settle(p, load))
    finally:
        p.source[0].sql("postgres", "ALTER ROLE homeport_source RESET logical_decoding_work_mem")


def test_config_answered_is_config_kept(host):
    """F09: kill -9 at the write of a config and at any moment around it: what was answered 2xx is there."""
    rng = random.Random(f"{SEED}/conf")
    kept, fired = {}, 0
    for turn in range(8):
        host.kill()
        point = Chaos(host, rng, {"conf.write": 4})
        host.start()
        for n in range(6):
            name, value = f"c{turn % 3}-{n}", str(rng.randint(1, 1000))
            try:
                answer = host.put(f"/connectors/{name}/config", {
                    "connector.class": "sink-pg", "topics": "none", "connection.url": "postgresql://127.0.0.1:1/x", "batch.size": value,
                    "connection.username": "u", "connection.password": "p"})
            except OSError:
                kept.setdefault(name, {None}).add(value)  # old (None: not there) or new, never half
                host.process.wait(10)
                break
            assert answer.status in (200, 201), answer
            kept[name] = {value}
        else:
            os.kill(host.pid, 9)
            host.process.wait()
        fired += len(point.fired())
        host.env.clear()
        if not host.alive():
            host.start()
        for name, values in kept.items():
            answer = host.get(f"/connectors/{name}/config")
            there = answer.json["batch.size"] if answer.status == 200 else None
            assert answer.status in (200, 404) and there in values, (name, values, answer)
            kept[name] = {there}
    CYCLES["points"] += fired
    CYCLES["random"] += 8 - fired
    assert fired, "conf.write never fired"
    print(f"\nconfigs: seed {SEED}, {fired} kills at conf.write, {8 - fired} after an answer: all that was answered was there")


def test_reset_of_offsets(pair):
    """off.reset, of a sink and of a source: old or new; asked for again it is done, and what is read again is equal."""
    rng = random.Random(f"{SEED}/reset")
    p = prepared(pair, 15, 15, "reset")
    p.src("INSERT INTO items SELECT g, -1, 0, 'old', NULL FROM generate_series(1, 100) g; INSERT INTO events VALUES (-1, 0, 0, 'e');"
          "INSERT INTO ledger VALUES (-2, 0, 0)")
    p.start()
    p.wait_equal(*TABLES)
    for name in (p.sink_name, p.source_name):
        p.host.stop_connector(name)
        p.host.stop()
        point = Chaos(p.host, rng, {"off.reset": 1})
        p.host.start()
        p.host.wait_state(name, "STOPPED")

        def reset(name=name, point=point):
            point.keep_alive()
            return p.host.delete(f"/connectors/{name}/offsets").status == 200
        wait_until(reset, "the reset", 30)
        assert point.fired() == ["off.reset"]
        p.dst("TRUNCATE items, events, ledger")
        p.host.resume(name)
        p.wait_equal(*TABLES)
        CYCLES["points"] += 1


def test_retention_under_kills(pair):
    """log.trim: what a sink still needs is never trimmed, killed in the middle or not."""
    rng = random.Random(f"{SEED}/trim")
    p = prepared(pair, 15, 15, "trim")
    p.host.stop()
    p.host.settings.update({"log.retention.bytes": "65536"})
    p.host.start()
    report("retention", *stream_round(p, rng, {"log.trim": 3}, blows=4))


def test_regions(servers, work):
    """Both directions at once and a fan-in, with every kind of fault twice in an order drawn by lot."""
    rng = random.Random(f"{SEED}/regions")
    host = Host(work, settings={**SETTINGS, "log.retention.bytes": "65536"})
    faults = rng.sample(FAULTS * 2, 2 * len(FAULTS))
    with contextlib.ExitStack() as up:
        clusters = [up.enter_context(servers.fresh(v, name, **LATE_WAL)) for v, name in ((15, "eu"), (18, "us"), (15, "hub"))]
        regions = up.enter_context(Regions(up.enter_context(host), clusters, rng))
        regions.start()
        for fault in faults:
            regions.strike(fault)
        regions.settle()
        print(f"\nregions: seed {SEED}, {', '.join(f.__name__ for f in faults)}; "
              f"{[w.count() for w in regions.writers.values()]} transactions acknowledged: 0 lost, 0 doubled, none came back")


@pytest.mark.skipif(not os.environ.get("HOMEPORT_SABOTAGE_BUILD"), reason="needs the sabotage build (./check crash makes it)")
def test_the_test_can_fail(work, databases):
    """A planted bug, acknowledging before the log is durable, turns the round red."""
    rng = random.Random(f"{SEED}/sabotage")
    host = Host(work, settings=SETTINGS, build=os.environ["HOMEPORT_SABOTAGE_BUILD"])
    host.start()
    p = Pair(host, databases(15, "src"), databases(15, "dst"), "sabotage")
    create_tables(*p.source)
    create_tables(*p.target)
    p.prepare()
    try:
        with pytest.raises(AssertionError, match="confirmed up to|lost") as red:
            stream_round(p, rng, {"log.begin": 5, "log.append": 5, "log.before_commit": 5}, blows=2)
        print(f"\nsabotage: the round turned red, as it must: {str(red.value).splitlines()[0]}")
    finally:
        if host.alive():
            host.process.kill()
            host.process.wait()


def test_enough_cycles():
    """The last test of the file: a run with few faults proves little."""
    print(f"\ncrash cycles: seed {SEED}, {CYCLES['points']} at fail points, {CYCLES['random']} at random moments, "
          f"{CYCLES['rows']} rows written under fault")
    assert CYCLES["points"] + CYCLES["random"] >= 60
    assert CYCLES["points"] >= len(STREAM) + len(SNAPSHOT) + 3
