"""The rows of the REST interface (reference connect-conformance 1.2), one test or more for each."""
import concurrent.futures
import json
import re
import urllib.parse

import pytest

from homeport import path_of
from rest import IDLE, TICK, error, keep
from waiting import wait_until


def names(host):
    return sorted(host.get("/connectors").json)


def test_REST01_root(host):
    body = host.expect(200, "GET", "/").json
    assert set(body) == {"version", "commit", "kafka_cluster_id"}
    assert re.match(r"\d+\.\d+\.", body["version"]), "AC-01"
    assert body["kafka_cluster_id"]
    again = body["kafka_cluster_id"]
    host.restart()
    assert host.get("/").json["kafka_cluster_id"] == again


def test_REST02_health(host):
    assert host.expect(200, "GET", "/health").json["status"] == "healthy"


def test_REST03_list(host):
    assert host.expect(200, "GET", "/connectors").json == []
    host.create("b", IDLE)
    host.create("a", IDLE)
    assert names(host) == ["a", "b"]
    assert sorted(host.get("/connectors/").json) == ["a", "b"], "a trailing slash is accepted (T16)"


def test_REST04_expand(host):
    host.create("a", IDLE)
    both = host.get("/connectors?expand=status&expand=info").json
    assert both["a"]["status"]["connector"]["state"] == "RUNNING"
    assert both["a"]["info"]["config"]["connector.class"] == "test-idle"
    assert set(host.get("/connectors?expand=status").json["a"]) == {"status"}
    assert set(host.get("/connectors?expand=info").json["a"]) == {"info"}
    assert host.get("/connectors?expand=nothing").json == {"a": {}}
    assert host.get("/connectors?expand=status,info").json == {"a": {}}, "no comma list"


def test_REST05_create(host):
    answer = host.expect(201, "POST", "/connectors", {"name": " a ", "config": IDLE})
    assert answer.json == {"name": "a", "config": {**IDLE, "name": "a"}, "tasks": [], "type": "source"}, "T8"
    assert answer.headers["Location"] == f"http://127.0.0.1:{host.port}/connectors/a"
    assert answer.headers["Content-Type"].startswith("application/json")
    assert host.get("/connectors/a").status == 200, "AC-13"
    host.wait_state("a", "RUNNING")


def test_REST05_exists(host):
    host.create("a", IDLE)
    error(host.post("/connectors", {"name": "a", "config": IDLE}), 409, "Connector a already exists")


def test_REST05_name_mismatch(host):
    error(host.post("/connectors", {"name": "a", "config": {**IDLE, "name": "b"}}), 400,
          "Connector name configuration (b) doesn't match connector name in the URL (a)")


@pytest.mark.parametrize("state,wanted", [("RUNNING", "RUNNING"), ("paused", "PAUSED"), ("Stopped", "STOPPED"), (None, "RUNNING")])
def test_REST05_initial_state(host, state, wanted):
    host.expect(201, "POST", "/connectors", {"name": "a", "config": IDLE, "initial_state": state})
    host.wait_state("a", wanted)
    assert len(host.get("/connectors/a").json["tasks"]) == (0 if wanted == "STOPPED" else 1), "LC-06"


@pytest.mark.parametrize("body", [
    {"name": "a", "config": IDLE, "initial_state": "HALTED"}, {"name": "a", "config": IDLE, "initial_state": "STARTED"},
    {"name": "a", "config": IDLE, "initial_state": 3}, {"name": "a", "config": IDLE, "state": "RUNNING"},
    {"name": "a", "config": {"connector.class": {"x": 1}}}, {"name": "a", "config": {"connector.class": ["x"]}},
    {"name": ["a"], "config": IDLE}, {"name": "a", "config": "x"}, {"name": "a", "config": None}, {"name": "a"}, {}, [], 3, "x"])
def test_REST05_T16_shapes_that_are_500(host, body):
    error(host.post("/connectors", body), 500)
    assert names(host) == []


@pytest.mark.parametrize("name,why", [
    ("", "Invalid value  for configuration name: String may not be empty"), ("   ", "may not be empty"), (None, "may not be empty"),
    ("a\x01b", "String may not contain control sequences but had the following ASCII chars: 1\n"),
    ("a\nb\tc", "had the following ASCII chars: 10, 9\n"), ("x" * 401, "400 bytes")])
def test_REST05_bad_names(host, name, why):
    error(host.post("/connectors", {"name": name, "config": IDLE}), 400, why, "contains the following 1 error(s):", "/validate`")


def test_REST05_T16_numbers_are_taken_as_text(host):
    answer = host.expect(201, "POST", "/connectors", {"name": 17, "config": {**IDLE, "tasks.max": 1, "x.flag": True, "x.real": 1.5}})
    assert answer.json["name"] == "17"
    assert answer.json["config"] == {**IDLE, "name": "17", "tasks.max": "1", "x.flag": "true", "x.real": "1.5"}


def test_REST05_V1_invalid(host):
    text = error(host.post("/connectors", {"name": "a", "config": {**IDLE, "tasks.max": "zero", "how": "never"}}), 400,
                 "Connector configuration is invalid and contains the following ", " error(s):\n", "tasks.max", "how",
                 "/connector-plugins/{connectorType}/config/validate")
    assert int(re.search(r"following (\d+) error", text).group(1)) == text.count("\n") - 1
    assert names(host) == []


def test_REST05_V2_null_value(host):
    error(host.post("/connectors", {"name": "a", "config": {**IDLE, "how": None}}), 400,
          "Null value can not be supplied as the configuration value.")


def test_REST05_no_class(host):
    error(host.post("/connectors", {"name": "a", "config": {"topics": "x", "secret": "S3cret"}}), 400, "contains no connector type")
    assert "S3cret" not in host.post("/connectors", {"name": "a", "config": {"topics": "x", "secret": "S3cret"}}).text


def test_REST07_info(host):
    host.create("a", TICK)
    assert host.get("/connectors/a").json == {"name": "a", "config": {**TICK, "name": "a"}, "type": "source",
                                              "tasks": [{"connector": "a", "task": 0}]}
    error(host.get("/connectors/nobody"), 404, "Connector nobody not found")


def test_REST08_config(host):
    host.create("a", {**IDLE, "secret": "S3cret", "strange": "${file:/x:y}"})
    assert host.get("/connectors/a/config").json == {**IDLE, "name": "a", "secret": "S3cret", "strange": "${file:/x:y}"}, "T9"
    error(host.get("/connectors/nobody/config"), 404, "Connector nobody not found")


def test_REST09_put_creates_and_changes(host):
    answer = host.expect(201, "PUT", "/connectors/a/config", IDLE)
    assert answer.headers["Location"].endswith("/connectors/a") and answer.json["type"] == "source"
    host.wait_state("a", "RUNNING")
    answer = host.expect(200, "PUT", "/connectors/a/config", TICK)
    assert answer.json["config"] == {**TICK, "name": "a"} and "Location" not in answer.headers
    host.wait_state("a", "RUNNING")
    wait_until(lambda: host.offsets("a"), "the new configuration to be in force")
    error(host.put("/connectors/a/config", {**IDLE, "name": "b"}), 400, "doesn't match")
    error(host.put("/connectors/a/config", {}), 400, "Connector config {name=a} contains no connector type")


def test_REST09_keeps_the_target_state(host):
    host.create("a", IDLE)
    host.pause("a")
    host.change("a", TICK)
    host.wait_state("a", "PAUSED")
    host.stop_connector("a")
    host.change("a", IDLE)
    assert host.states("a") == ("STOPPED", [])


def test_REST09_LC08_the_same_again_restarts_nothing(host):
    host.create("a", TICK)
    workers = host.workers()
    host.change("a", {**TICK, "name": "a"})
    assert host.workers() == workers
    host.change("a", {**TICK, "x": "y"})
    wait_until(lambda: host.workers() and host.workers() != workers, "another worker")
    host.wait_state("a", "RUNNING")


def test_REST09_of_a_failed_connector_starts_it_again(host):
    host.create("a", {"connector.class": "test-crash", "how": "fatal"}, wait="FAILED")
    host.change("a", IDLE)
    host.wait_state("a", "RUNNING")


def test_REST10_patch(host):
    host.create("a", {**IDLE, "x": "1", "y": "2"})
    answer = host.expect(200, "PATCH", "/connectors/a/config", {"x": None, "y": 3, "z": "4"})
    assert answer.json["config"] == {**IDLE, "name": "a", "y": "3", "z": "4"}
    error(host.call("PATCH", "/connectors/a/config", {"connector.class": None}), 400, "contains no connector type")
    error(host.call("PATCH", "/connectors/nobody/config", {"x": "1"}), 404, "Connector nobody not found")


def test_REST10_patches_at_the_same_time_are_all_kept(host):
    """Each is made from what is in force, and none brings a deleted connector back."""
    host.create("a", {**IDLE, "x": "1"})
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda i: host.call("PATCH", "/connectors/a/config", {f"k{i}": str(i)}), range(8)))
    assert {a.status for a in answers} == {200}, answers
    assert host.get("/connectors/a/config").json == {**IDLE, "name": "a", "x": "1", **{f"k{i}": str(i) for i in range(8)}}
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        patch = pool.submit(host.call, "PATCH", "/connectors/a/config", {"x": "2"})
        host.remove("a")
        assert patch.result().status in (200, 404), patch.result()
    assert names(host) == []


def test_REST11_status(host):
    host.create("a", IDLE)
    body = host.get("/connectors/a/status").json
    assert set(body) == {"name", "connector", "tasks", "type"}
    worker = f"127.0.0.1:{host.port}"
    assert body["connector"] == {"state": "RUNNING", "worker_id": worker, "version": "1.0"}
    assert body["tasks"] == [{"id": 0, "state": "RUNNING", "worker_id": worker, "version": "1.0"}]
    error(host.get("/connectors/nobody/status"), 404, "No status found for connector nobody")


def test_REST12_REST13_tasks(host):
    host.create("a", TICK)
    assert host.get("/connectors/a/tasks").json == [
        {"id": {"connector": "a", "task": 0}, "config": {**TICK, "name": "a", "task.class": "test-idle"}}]
    assert host.get("/connectors/a/tasks/0/status").json["state"] == "RUNNING"
    error(host.get("/connectors/a/tasks/1/status"), 404, "No status found for task a-1")
    error(host.get("/connectors/a/tasks/x/status"), 404, "HTTP 404 Not Found")
    error(host.get("/connectors/nobody/tasks/0/status"), 404, "No status found for task nobody-0")
    error(host.get("/connectors/nobody/tasks"), 404)


def test_REST14_restart_of_a_task(host):
    host.create("a", TICK)
    workers = host.workers()
    assert host.expect(204, "POST", "/connectors/a/tasks/0/restart").text == ""
    wait_until(lambda: host.workers() and host.workers() != workers, "another worker")
    host.wait_state("a", "RUNNING")
    error(host.post("/connectors/a/tasks/7/restart"), 404, "Unknown task: a-7")
    error(host.post("/connectors/nobody/tasks/0/restart"), 404, "Unknown connector: nobody")


def test_REST15_restart_of_the_connector_alone(host):
    host.create("a", TICK)
    workers = host.workers()
    for query in ("", "?includeTasks=false", "?includeTasks=no&onlyFailed=maybe"):
        assert host.expect(204, "POST", "/connectors/a/restart" + query).text == ""
    assert host.workers() == workers, "the task goes on"
    host.stop_connector("a")
    host.expect(204, "POST", "/connectors/a/restart")
    assert host.states("a") == ("STOPPED", []), "T16"
    error(host.post("/connectors/nobody/restart"), 404, "Unknown connector: nobody")


def test_REST15_brings_a_dead_connector_back(host):
    host.create("a", {"connector.class": "test-crash", "how": "segv"}, wait=None)
    wait_until(lambda: host.states("a") == ("FAILED", ["FAILED"]), "it to be given up", 60)
    host.expect(204, "POST", "/connectors/a/restart")
    assert host.states("a")[0] != "FAILED"


def test_REST16_restart_with_tasks(host):
    host.create("a", TICK)
    workers = host.workers()
    body = host.expect(202, "POST", "/connectors/a/restart?includeTasks=true").json
    assert (body["connector"]["state"], [t["state"] for t in body["tasks"]]) == ("RESTARTING", ["RESTARTING"])
    wait_until(lambda: host.workers() and host.workers() != workers, "another worker")
    host.wait_state("a", "RUNNING")
    workers = host.workers()
    body = host.expect(202, "POST", "/connectors/a/restart?includeTasks=true&onlyFailed=true").json
    assert (body["connector"]["state"], [t["state"] for t in body["tasks"]]) == ("RUNNING", ["RUNNING"]), "nothing to do is 202"
    assert host.workers() == workers
    host.stop_connector("a")
    assert host.expect(202, "POST", "/connectors/a/restart?includeTasks=true").json["tasks"] == []
    error(host.post("/connectors/nobody/restart?includeTasks=true"), 404)


def test_REST16_only_failed(host):
    host.create("a", {"connector.class": "test-crash", "how": "fatal"}, wait="FAILED")
    assert host.states("a") == ("RUNNING", ["FAILED"])
    body = host.expect(202, "POST", "/connectors/a/restart?onlyFailed=true").json
    assert (body["connector"]["state"], body["tasks"][0]["state"]) == ("RUNNING", "FAILED"), "the connector is not FAILED"
    body = host.expect(202, "POST", "/connectors/a/restart?onlyFailed=true&includeTasks=true").json
    assert (body["connector"]["state"], body["tasks"][0]["state"]) == ("RUNNING", "RESTARTING")
    host.wait_state("a", "FAILED")


def test_REST17_REST18_REST19_states(host):
    host.create("a", TICK)
    for _ in range(2):
        assert host.expect(202, "PUT", "/connectors/a/pause").text == ""
        host.wait_state("a", "PAUSED")
    for _ in range(2):
        assert host.expect(202, "PUT", "/connectors/a/resume").text == ""
        host.wait_state("a", "RUNNING")
    for _ in range(2):
        assert host.expect(204, "PUT", "/connectors/a/stop").text == ""
        host.wait_state("a", "STOPPED")
    assert host.get("/connectors/a").json["tasks"] == [] and host.workers() == []
    host.resume("a")
    host.stop_connector("a")
    host.expect(202, "PUT", "/connectors/a/pause")
    host.wait_state("a", "PAUSED")
    for verb in ("pause", "resume", "stop"):
        error(host.put(f"/connectors/nobody/{verb}"), 404, "Unknown connector nobody")


def test_REST17_paused_means_no_records(host):
    host.create("a", TICK)
    wait_until(lambda: host.offsets("a"), "records")
    host.pause("a")
    at = wait_until(lambda: (lambda x: x if x == host.offsets("a") else None)(host.offsets("a")), "the offset to rest")
    host.expect(200, "GET", "/connectors/a/status")
    assert host.offsets("a") == at
    host.resume("a")
    wait_until(lambda: host.offsets("a") != at, "records again")


def test_REST20_delete_keeps_offsets(host):
    host.create("a", TICK)
    wait_until(lambda: host.offsets("a"), "an offset")
    host.stop_connector("a")
    kept = host.offsets("a")
    assert host.expect(204, "DELETE", "/connectors/a").text == ""
    error(host.get("/connectors/a"), 404)
    error(host.get("/connectors/a/status"), 404)
    assert names(host) == []
    host.expect(201, "POST", "/connectors", {"name": "a", "config": TICK, "initial_state": "STOPPED"})
    assert host.offsets("a") == kept
    error(host.delete("/connectors/nobody"), 404, "Connector nobody not found")


def test_REST20_delete_and_create_at_once(host):
    """A second worker never runs beside the first."""
    for _ in range(5):
        host.expect(201, "PUT", "/connectors/a/config", TICK)
        assert host.expect(204, "DELETE", "/connectors/a").text == ""
    host.expect(201, "PUT", "/connectors/a/config", TICK)
    host.wait_state("a", "RUNNING")
    assert len(host.workers()) == 1


def test_REST21_topics(host):
    host.create("a", TICK)
    wait_until(lambda: host.get("/connectors/a/topics").json == {"a": {"topics": ["test.test-idle"]}}, "the topic")
    assert host.expect(200, "GET", "/connectors/nobody/topics").json == {"nobody": {"topics": []}}, "T5"


def test_REST23_offsets_in_any_state(host, work):
    host.create("a", TICK)
    host.create("s", keep(work))
    source = wait_until(lambda: host.offsets("a"), "an offset")
    assert len(source) == 1 and set(source[0]) == {"partition", "offset"}
    wait_until(lambda: host.offsets("s") and host.offsets("s")[0]["offset"]["kafka_offset"] > 0, "the sink to move")
    assert host.offsets("s")[0]["partition"] == {"kafka_topic": "test.test-idle", "kafka_partition": 0}
    for verb in ("pause", "stop"):
        host.expect((202, 204), "PUT", f"/connectors/s/{verb}")
        assert host.offsets("s")
    host.create("new", IDLE)
    assert host.offsets("new") == [], "T16"
    error(host.get("/connectors/nobody/offsets"), 404, "Connector nobody not found")


def sink_offset(n, topic="test.test-idle", partition=0):
    return {"partition": {"kafka_topic": topic, "kafka_partition": partition}, "offset": {"kafka_offset": n}}


@pytest.fixture
def stopped(host, work):
    """A source and a sink that have moved records, both stopped."""
    host.create("a", TICK)
    host.create("s", keep(work))
    wait_until(lambda: host.offsets("s") and host.offsets("s")[0]["offset"]["kafka_offset"] >= 5, "the sink to move")
    host.stop_connector("a")
    wait_until(lambda: host.offsets("s")[0]["offset"]["kafka_offset"] == host.offsets("a")[0]["offset"]["count"],
               "the sink to catch up")
    host.stop_connector("s")
    return host


def test_REST24_alter_a_sink(stopped):
    host = stopped
    for value in (3, "4"):
        body = host.expect(200, "PATCH", "/connectors/s/offsets", {"offsets": [sink_offset(value, partition="0")]}).json
        assert body == {"message": "The offsets for this connector have been altered successfully"}
        assert host.offsets("s") == [sink_offset(int(value))]
    host.resume("s")
    count = host.offsets("a")[0]["offset"]["count"]
    wait_until(lambda: host.offsets("s") == [sink_offset(count)], "the sink to catch up from there")


def test_REST24_null_resets_a_partition(stopped):
    host = stopped
    entry = {"partition": {"kafka_topic": "test.test-idle", "kafka_partition": 0}, "offset": None}
    host.expect(200, "PATCH", "/connectors/s/offsets", {"offsets": [entry]})
    assert host.offsets("s") == []


def test_REST24_sinks_take_what_counts_and_the_last_of_two(stopped):
    host = stopped
    more = {"partition": {**sink_offset(1)["partition"], "z": 1}, "offset": {"kafka_offset": 5, "x": 1}}
    host.expect(200, "PATCH", "/connectors/s/offsets", {"offsets": [sink_offset(2), more]})
    assert host.offsets("s") == [sink_offset(5)]


def test_REST24_a_topic_of_two_sources_has_no_offset_to_set(host, work):
    """One number for two streams would leave records out of one of them."""
    host.create("a", TICK)
    host.create("b", TICK)
    host.create("s", keep(work))
    wait_until(lambda: len(host.offsets("s")) == 2, "both streams to be read")
    host.stop_connector("s")
    before = host.offsets("s")
    error(host.call("PATCH", "/connectors/s/offsets", {"offsets": [sink_offset(1)]}), 500, "more than one connector", "reset")
    assert host.offsets("s") == before
    host.expect(200, "PATCH", "/connectors/s/offsets", {"offsets": [{"partition": sink_offset(1)["partition"], "offset": None}]})
    assert host.offsets("s") == []


def test_REST25_reset(stopped):
    host = stopped
    for name in ("s", "a", "s"):
        body = host.expect(200, "DELETE", f"/connectors/{name}/offsets").json
        assert body["message"].endswith("have been reset successfully"), body
        assert host.offsets(name) == []
    host.restart()
    assert host.offsets("s") == []


def test_REST24_T11_not_stopped(host, work):
    host.create("s", keep(work))
    for state in ("RUNNING", "PAUSED"):
        if state == "PAUSED":
            host.pause("s")
        error(host.call("PATCH", "/connectors/s/offsets", {"offsets": [sink_offset(1)]}), 400, "/connectors/s/stop", "STOPPED")
        error(host.delete("/connectors/s/offsets"), 400, "/connectors/s/stop")


@pytest.mark.parametrize("entry", [
    {"offset": {"kafka_offset": 1}}, {"partition": None, "offset": {"kafka_offset": 1}}, {"partition": {}, "offset": None},
    {"partition": {"kafka_topic": "t"}, "offset": None}, {"partition": {"kafka_partition": 0}, "offset": None},
    {"partition": {"kafka_topic": None, "kafka_partition": 0}, "offset": None},
    {"partition": {"kafka_topic": "t", "kafka_partition": None}, "offset": None},
    {"partition": {"kafka_topic": "t", "kafka_partition": "x"}, "offset": None},
    {"partition": {"kafka_topic": "t", "kafka_partition": 0}, "offset": {}},
    {"partition": {"kafka_topic": "t", "kafka_partition": 0}, "offset": {"other": 1}},
    {"partition": {"kafka_topic": "t", "kafka_partition": 0}, "offset": {"kafka_offset": "x"}},
    {"partition": {"kafka_topic": "t", "kafka_partition": 0}, "offset": {"kafka_offset": 1.5}}])
def test_REST24_sink_shapes(host, work, entry):
    host.expect(201, "POST", "/connectors", {"name": "s", "config": keep(work), "initial_state": "STOPPED"})
    error(host.call("PATCH", "/connectors/s/offsets", {"offsets": [entry]}), 400)


def test_REST24_shapes_that_are_500(host, work):
    host.expect(201, "POST", "/connectors", {"name": "s", "config": keep(work), "initial_state": "STOPPED"})
    whole = sink_offset(1)
    for offsets in (3, "x", {}, [3], ["x"], [None], [{**whole, "zz": 1}], [{**whole, "offset": 3}], [{**whole, "partition": 3}]):
        error(host.call("PATCH", "/connectors/s/offsets", {"offsets": offsets}), 500)


def test_REST24_empty_and_unknown(host, work):
    host.expect(201, "POST", "/connectors", {"name": "s", "config": keep(work), "initial_state": "STOPPED"})
    for body in ({"offsets": []}, {"offsets": None}, {}):
        error(host.call("PATCH", "/connectors/s/offsets", body), 400, "Partitions / offsets need to be provided")
    error(host.call("PATCH", "/connectors/s/offsets", {"offset": []}), 500, "Unrecognized field")
    error(host.call("PATCH", "/connectors/nobody/offsets", {"offsets": [sink_offset(1)]}), 404)
    error(host.delete("/connectors/nobody/offsets"), 404)


def test_REST24_unsupported_is_500(host):
    host.expect(201, "POST", "/connectors", {"name": "a", "config": IDLE, "initial_state": "STOPPED"})
    error(host.call("PATCH", "/connectors/a/offsets", {"offsets": [{"partition": {"p": 1}, "offset": {"count": 1}}]}), 500,
          "does not support altering")


def test_REST27_plugins(host):
    plugins = host.get("/connector-plugins").json
    assert all(set(p) == {"class", "type", "version"} for p in plugins)
    types = [p["type"] for p in plugins]
    assert types == sorted(types), "sinks, then sources"
    assert {"test-idle", "test-keep"} <= {p["class"] for p in plugins}
    assert host.get("/connector-plugins/").json == plugins
    assert {"source", "sink"} >= {p["type"] for p in host.get("/connector-plugins?connectorsOnly=true").json}


def test_REST28_keys(host):
    keys = host.get("/connector-plugins/test-keep/config").json
    assert keys[0]["name"] == "position.file", "the plugin's own first"
    found = {k["name"]: k for k in keys}
    assert len(found) == len(keys), "each key once"
    assert {"name", "connector.class", "tasks.max", "topics", "topics.regex", "transforms", "errors.tolerance"} <= set(found)
    for k in keys:
        assert k["type"] in "BOOLEAN STRING INT SHORT LONG DOUBLE LIST CLASS PASSWORD".split(), "AC-10"
        assert k["importance"] in "HIGH MEDIUM LOW".split() and k["width"] in "NONE SHORT MEDIUM LONG".split()
        assert isinstance(k["dependents"], list) and isinstance(k["order"], int), "AC-09"
        assert k["order_in_group"] == k["order"], "T6"
    error(host.get("/connector-plugins/nobody/config"), 404, "Unknown plugin nobody.")


def validate(host, config, plugin="test-keep"):
    return host.expect(200, "PUT", f"/connector-plugins/{plugin}/config/validate", config).json


def errors_of(infos):
    return {c["value"]["name"]: c["value"]["errors"] for c in infos["configs"] if c["value"]["errors"]}


def test_REST29_validate(host, work):
    infos = validate(host, {"name": "s", **keep(work)})
    assert (infos["name"], infos["error_count"]) == ("test-keep", 0) and errors_of(infos) == {}
    infos = validate(host, {"connector.class": "test-keep", "topics": "getPlugins"})
    found = errors_of(infos)
    assert 'Missing required configuration "name" which has no default value.' in found["name"], "T16"
    assert "position.file" in found
    assert infos["error_count"] == sum(map(len, found.values()))
    for c in infos["configs"]:
        assert isinstance(c["value"]["errors"], list) and isinstance(c["value"]["recommended_values"], list), "AC-09"
        assert isinstance(c["value"]["visible"], bool)
    assert host.get("/connectors").json == [], "nothing is created"


def test_REST29_errors(host, work):
    found = errors_of(validate(host, {"name": "s", **keep(work), "tasks.max": "zero"}))
    assert found["tasks.max"] == ["Invalid value zero for configuration tasks.max: Not a number of type INT",
                                  "Invalid value null for configuration tasks.max: Value must be non-null"], "T16"
    assert "Null value can not be supplied as the configuration value." in \
        errors_of(validate(host, {"name": "s", **keep(work), "topics": None}))["topics"], "V2"
    error(host.put("/connector-plugins/test-idle/config/validate", keep(work)), 400,
          "Included connector type test-keep does not match request type test-idle")
    error(host.put("/connector-plugins/test-keep/config/validate", {"name": "x"}), 400, "contains no connector type")


def test_REST29_secrets_are_not_echoed(host):
    config = {"name": "a", "connector.class": "test-idle", "secret": "S3cret-canary", "how": "never"}
    assert "S3cret-canary" not in host.put("/connector-plugins/test-idle/config/validate", config).text, "SEC-02"
    assert "S3cret-canary" not in host.post("/connectors", {"name": "a", "config": config}).text
    assert "S3cret-canary" not in host.log(), "SEC-01"


@pytest.mark.parametrize("name", ["a/b c", "%2F", "é€😀", "a+b&c=d?e#f", "..", "a%b", "name with  two", "'\"<>", "x" * 255,
                                  "naïve/тест", "-", "."])
def test_AC11_odd_names(host, name):
    host.create(name, IDLE)
    path = path_of("connectors", name)
    assert host.get(path).json["name"] == name
    assert names(host) == [name]
    answer = host.get(path + "/status").json
    assert answer["name"] == name
    host.pause(name)
    host.restart()
    assert host.get(path).json["name"] == name
    location = host.expect(201, "POST", "/connectors", {"name": name + "2", "config": IDLE}).headers["Location"]
    assert urllib.parse.unquote(location).endswith("/connectors/" + name + "2")
    assert json.loads(host.get(urllib.parse.urlsplit(location).path).text)["name"] == name + "2", "T16: percent-encoded"
    host.remove(name)
    host.expect(404, "GET", path)
