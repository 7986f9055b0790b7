"""api/rest/openapi.yaml says what the server answers: real answers against its schemas."""
import os

import pytest
import yaml

from homeport import REPO
from rest import IDLE, TICK, keep
from waiting import wait_until

with open(os.path.join(REPO, "api", "rest", "openapi.yaml"), encoding="utf-8") as f:
    SPEC = yaml.safe_load(f)

TYPES = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool, "null": type(None)}


def resolve(node):
    while "$ref" in node:
        found = SPEC
        for part in node["$ref"][2:].split("/"):
            found = found[part]
        node = found
    return node


def is_type(value, name):
    return isinstance(value, TYPES[name]) and not (isinstance(value, bool) and name in ("integer", "number"))


def faults(value, schema, at="$"):
    """What of the value is not as the schema says; every keyword that the file uses."""
    schema = resolve(schema)
    known = {"type", "enum", "required", "properties", "additionalProperties", "items", "oneOf", "allOf", "description", "minItems",
             "minLength", "maxLength"}
    assert set(schema) <= known, f"{at}: this test does not know {set(schema) - known}"
    names = schema.get("type", [])
    if names and not any(is_type(value, t) for t in ([names] if isinstance(names, str) else names)):
        return [f"{at}: {value!r} is no {names}"]
    out = [f"{at}: {value!r} is none of {schema['enum']}"] if "enum" in schema and value not in schema["enum"] else []
    if isinstance(value, dict):
        out += [f"{at}: {key} is missing" for key in schema.get("required", []) if key not in value]
        for key, member in value.items():
            more = schema.get("properties", {}).get(key, schema.get("additionalProperties", {}))
            out += [f"{at}: {key} is not allowed"] if more is False else faults(member, more, f"{at}.{key}")
    if isinstance(value, list):
        for i, item in enumerate(value):
            out += faults(item, schema.get("items", {}), f"{at}[{i}]")
    for part in schema.get("allOf", []):
        out += faults(value, part, at)
    choices = [faults(value, part, at) for part in schema.get("oneOf", [])]
    return out + ([f"{at}: none of oneOf: {choices}"] if choices and all(choices) else [])


def check(host, method, path, row, *more):
    """One exchange; its answer must be one that the row of the file names, and of that form."""
    answer = host.call(method, path, *more)
    responses = SPEC["paths"][row][method.lower()]["responses"]
    assert str(answer.status) in responses or answer.status >= 400, f"{method} {row}: {answer!r} stands nowhere"
    response = resolve(responses.get(str(answer.status), responses["default"]))
    content = response.get("content", {})
    kind = answer.headers.get("Content-Type", "").split(";")[0]
    assert (kind in content) if content else answer.text == "", f"{method} {row}: {kind!r} of {answer!r}"
    if kind == "application/json":
        assert not faults(answer.json, content[kind]["schema"]), answer
    for header in response.get("headers", {}):
        assert header in answer.headers, f"{method} {row}: {header} is missing"
    return answer.status


@pytest.fixture
def busy(host, work):
    host.create("a", TICK)
    host.create("s", keep(work))
    host.create("f", {"connector.class": "test-crash", "how": "fatal"}, wait="FAILED")
    wait_until(lambda: host.offsets("s") and host.get("/connectors/a/topics").json["a"]["topics"], "offsets and topics")
    return host


def test_what_is_read(busy):
    for row, methods in SPEC["paths"].items():
        if "get" not in methods:
            continue
        for name in ("a", "s", "f", "nobody") if "{connector}" in row else ("test-keep", "transform-nobody"):
            path = row.replace("{connector}", name).replace("{plugin}", name).replace("{task}", "0")
            assert check(busy, "GET", path, row) in (200, 404)
    assert check(busy, "GET", "/connectors?expand=status&expand=info", "/connectors") == 200
    assert check(busy, "GET", "/connector-plugins?connectorsOnly=false", "/connector-plugins") == 200


def test_what_is_changed(busy, work):
    validate = "/connector-plugins/{plugin}/config/validate"
    one = "/connectors/{connector}"
    offset = {"offsets": [{"partition": {"kafka_topic": "test.test-idle", "kafka_partition": 0}, "offset": None}]}
    wanted = [
        (200, "PUT", "/connector-plugins/test-keep/config/validate", validate, keep(work)),
        (200, "PUT", "/connector-plugins/test-keep/config/validate", validate, {"connector.class": "test-keep", "x": None}),
        (400, "PUT", "/connector-plugins/test-keep/config/validate", validate, IDLE),
        (201, "POST", "/connectors", "/connectors", {"name": "n", "config": IDLE}),
        (409, "POST", "/connectors", "/connectors", {"name": "n", "config": IDLE}),
        (400, "POST", "/connectors", "/connectors", {"name": "", "config": IDLE}),
        (500, "POST", "/connectors", "/connectors", {"name": "n"}),
        (201, "PUT", "/connectors/m/config", one + "/config", IDLE), (200, "PUT", "/connectors/m/config", one + "/config", TICK),
        (200, "PATCH", "/connectors/m/config", one + "/config", {"x": None}),
        (202, "PUT", "/connectors/m/pause", one + "/pause"), (202, "PUT", "/connectors/m/resume", one + "/resume"),
        (204, "POST", "/connectors/m/restart", one + "/restart"),
        (202, "POST", "/connectors/m/restart?includeTasks=true", one + "/restart"),
        (400, "DELETE", "/connectors/s/offsets", one + "/offsets"), (204, "PUT", "/connectors/s/stop", one + "/stop"),
        (200, "PATCH", "/connectors/s/offsets", one + "/offsets", offset), (200, "DELETE", "/connectors/s/offsets", one + "/offsets"),
        (204, "DELETE", "/connectors/m", one), (404, "DELETE", "/connectors/m", one)]
    for status, *exchange in wanted:
        assert check(busy, *exchange) == status, exchange
    wait_until(lambda: check(busy, "POST", "/connectors/f/tasks/0/restart", one + "/tasks/{task}/restart") == 204, "a task to restart")
