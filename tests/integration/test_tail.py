"""`homeport topics` and `homeport tail`, beside a running host and on a folder that is at rest."""
import json
import os
import signal
import subprocess

import pytest

from waiting import wait_until


def run(host, *args):
    return host.spawn(*args, "--data-dir", host.data_dir)


def rows(text):
    return [json.loads(line)["after"]["id"] for line in text.splitlines() if line != "null" and json.loads(line)["after"]]


@pytest.fixture
def filled(pair, host):
    p = pair(name="shop")
    p.prepare("CREATE TABLE orders(id int PRIMARY KEY, v text); CREATE TABLE other(id int PRIMARY KEY)",
              seed="INSERT INTO orders VALUES (1, 'a'), (2, 'b')")
    p.start_source()
    wait_until(lambda: rows(run(host, "tail", "shop.public.orders").stdout) == [1, 2], lambda: host.log_tail(), 30)
    return p


def test_topics(filled, host):
    filled.src("INSERT INTO other VALUES (7)")
    lines = []

    def listed():
        lines[:] = [line.split() for line in run(host, "topics").stdout.splitlines()]
        return [line[:4] for line in sorted(lines[1:])] == [["shop-source", "shop.public.orders", "0", "2"],
                                                           ["shop-source", "shop.public.other", "0", "1"]]
    wait_until(listed, lambda: f"both topics: {lines}")
    assert lines[0][:4] == ["STREAM", "TOPIC", "BEGIN", "END"]
    assert all(int(line[4]) > 0 for line in lines[1:])


def test_tail_from_and_max(filled, host):
    filled.src("INSERT INTO other VALUES (7)")
    filled.src("INSERT INTO orders VALUES (3, 'c')")
    filled.src("DELETE FROM orders WHERE id = 1")
    topic = "shop.public.orders"
    wait_until(lambda: run(host, "tail", topic).stdout.endswith("null\n"), "the tombstone")
    assert rows(run(host, "tail", topic).stdout) == [1, 2, 3]
    assert rows(run(host, "tail", topic, "--from", "beginning").stdout) == [1, 2, 3]
    assert rows(run(host, "tail", topic, "--from", "1").stdout) == [2, 3]
    assert rows(run(host, "tail", topic, "--from", "1", "--max", "1").stdout) == [2]
    assert run(host, "tail", topic, "--from", "end").stdout == ""
    keyed = run(host, "tail", topic, "--keys").stdout.splitlines()
    assert [line.split("\t")[0] for line in keyed] == ['{"id":1}', '{"id":2}', '{"id":3}', '{"id":1}', '{"id":1}']
    assert keyed[-1] == '{"id":1}\tnull'
    with_schema = json.loads(run(host, "tail", topic, "--max", "1", "--schemas").stdout)
    assert with_schema["schema"]["name"] == "shop.public.orders.Envelope" and with_schema["payload"]["after"] == {"id": 1, "v": "a"}


def test_tail_follows_and_ends_by_signal(filled, host):
    follower = subprocess.Popen([host.binary, "tail", "shop.public.orders", "-f", "--data-dir", host.data_dir],
                                stdout=subprocess.PIPE, text=True)
    try:
        assert [rows(follower.stdout.readline()) for _ in range(2)] == [[1], [2]]
        for i in range(3, 20):
            filled.src("INSERT INTO orders VALUES (%s)", (i,))
            assert rows(follower.stdout.readline()) == [i]
        follower.send_signal(signal.SIGINT)
        assert follower.wait(10) == 0
        assert follower.stdout.read() == ""
    finally:
        follower.kill()


def test_tail_into_a_closed_pipe(filled, host):
    filled.src("INSERT INTO orders SELECT i, repeat('x', 1000) FROM generate_series(3, 2000) i")
    wait_until(lambda: len(rows(run(host, "tail", "shop.public.orders").stdout)) == 2000, "the rows")
    done = subprocess.run(f"{host.binary} tail shop.public.orders --data-dir {host.data_dir} | head -n 1", shell=True,
                          capture_output=True, text=True, check=False)
    assert rows(done.stdout) == [1] and done.stderr == ""


def test_wrong_names(filled, host):
    done = run(host, "tail", "shop.public.order")
    assert done.returncode == 1 and "near to it: shop.public.orders" in done.stderr
    done = run(host, "tail", "orders")
    assert done.returncode == 1 and "shop.public.orders" in done.stderr
    done = run(host, "tail", "shop.public.orders", "--from", "3")
    assert done.returncode == 1 and "offsets 0 to 2" in done.stderr
    done = run(host, "tail", "shop.public.orders", "--from", "now")
    assert done.returncode == 1 and "beginning, end or an offset" in done.stderr
    assert run(host, "tail").returncode == 2
    assert run(host, "tail", "a", "b").returncode == 2
    assert run(host, "tail", "a", "--max", "0").returncode == 2
    assert run(host, "topics", "more").returncode == 2
    done = host.spawn("topics", "--data-dir", "/nowhere")
    assert done.returncode == 1 and "/nowhere" in done.stderr


def test_a_folder_at_rest(filled, host):
    assert host.stop() == 0
    assert rows(run(host, "tail", "shop.public.orders").stdout) == [1, 2]
    assert "shop.public.orders" in run(host, "topics").stdout


def test_a_stream_outlives_its_connector_until_it_is_deleted(filled, host):
    """D11. The slot stays as well; a connector made anew under the name takes a snapshot from there."""
    done = run(host, "topics", "--delete", "shop-source")
    assert done.returncode == 1 and "shop-source" in done.stderr, "it is being written"
    host.expect(204, "DELETE", "/connectors/shop-source")
    wait_until(lambda: not host.workers(), "the worker to be gone")
    assert "shop.public.orders" in run(host, "topics").stdout
    assert run(host, "topics", "--delete", "shop-source").returncode == 0
    assert len(run(host, "topics").stdout.splitlines()) == 1
    assert not os.path.exists(os.path.join(host.data_dir, "streams", "shop-source"))
    done = run(host, "topics", "--delete", "shop-source")
    assert done.returncode == 1 and "there is no stream shop-source" in done.stderr
    filled.src("INSERT INTO orders VALUES (3, 'c')")
    filled.start_source()
    wait_until(lambda: rows(run(host, "tail", "shop.public.orders").stdout) == [1, 2, 3], host.log_tail, 30)
