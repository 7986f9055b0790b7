"""T1 to T16 of reference connect-conformance where the rows do not cover them, and the general rules G1 to G11."""
import json

import pytest

from rest import IDLE, error

BODY_ROUTES = [("POST", "/connectors"), ("PUT", "/connectors/a/config"), ("PUT", "/connector-plugins/test-idle/config/validate")]


@pytest.mark.parametrize("method,path", BODY_ROUTES)
@pytest.mark.parametrize("raw", [b"", b"null", b"{", b"{\"a\":}", b"nonsense", b"{\"name\":\"\xff\"}", b"[1,2", b"{} {}",
                                 b"{\"a\":1e999999}", b"{\"a\":\"\\u0000\"}", b"{'a':1}", b"\x00", b"[]", b"3", b"\"x\""])
def test_T1_T16_bodies_that_are_500(host, method, path, raw):
    error(host.call(method, path, raw=raw), 500)


@pytest.mark.parametrize("method,path", BODY_ROUTES)
def test_SEC13_limits_are_400(host, method, path):
    error(host.call(method, path, raw=b'{"name":"a","name":"b","config":{}}'), 400, "duplicate")
    error(host.call(method, path, raw=b"[" * 100000), 400, "nested")
    error(host.call(method, path, raw=b"[" + b"1," * 30000 + b"1]"), 400, "members")


def test_SEC13_a_repeated_key_deep_inside(host):
    error(host.call("POST", "/connectors", raw=b'{"name":"a","config":{"connector.class":"test-idle","x":"1","x":"2"}}'), 400)


def test_SEC17_what_is_wrong_with_a_body_does_not_repeat_it(host):
    answer = host.call("PUT", "/connectors/a/config", raw=b'{"secret": S3cret-canary}')
    assert answer.status == 500 and "canary" not in answer.text and "S3" not in answer.text


@pytest.mark.parametrize("size", [(1 << 20) + 1, 5 << 20, 40 << 20])
@pytest.mark.parametrize("expect", [False, True])
def test_bodies_over_1_MiB_are_413(host, size, expect):
    raw = json.dumps({"name": "a", "config": {"x": "y" * size}}).encode()
    headers = {"Expect": "100-continue"} if expect else {}
    try:
        error(host.call("POST", "/connectors", raw=raw, headers=headers), 413, "larger than 1048576 bytes")
    except ConnectionError:
        assert size > 16 << 20 or expect, "only a sender that does not listen loses the answer"
    assert host.get("/").status == 200


def test_a_body_of_just_1_MiB_is_read(host):
    frame = json.dumps({"name": "a", "config": {**IDLE, "x": ""}})
    raw = frame[:-3] + "y" * ((1 << 20) - len(frame)) + frame[-3:]
    assert len(raw) == 1 << 20
    assert host.call("POST", "/connectors", raw=raw).status == 201


@pytest.mark.parametrize("kind,status", [
    ("application/json", 201), ("application/json; charset=utf-8", 201), ("Application/JSON;charset=UTF-8", 201),
    ("text/plain", 415), ("application/x-www-form-urlencoded", 415), ("application/jsonx", 415), ("", 415),
    ("text/plain; application/json", 415), ("multipart/form-data", 415)])
def test_T16_SEC06_content_types(host, kind, status):
    raw = json.dumps({"name": "a", "config": IDLE}).encode()
    answer = host.call("POST", "/connectors", raw=raw, headers={"Content-Type": kind})
    assert answer.status == status, answer
    if status == 415:
        error(answer, 415, "HTTP 415 Unsupported Media Type")


def test_T16_content_type_of_requests_without_a_body(host):
    for method, path in (("PUT", "/connectors/x/pause"), ("GET", "/connectors"), ("DELETE", "/connectors/x")):
        assert host.call(method, path, headers={"Content-Type": "text/plain"}).status == 415
        assert host.call(method, path, headers={"Content-Type": "application/json"}).status in (200, 404)
    assert host.get("/metrics", headers={"Content-Type": "text/plain"}).status == 200


def test_T16_missing_content_type(host):
    import http.client  # pylint: disable=import-outside-toplevel
    conn = http.client.HTTPConnection("127.0.0.1", host.port)
    conn.putrequest("POST", "/connectors", skip_accept_encoding=True)
    conn.putheader("Content-Length", "2")
    conn.endheaders(b"{}")
    assert conn.getresponse().status == 415
    conn.close()


def test_G1_paths_and_verbs(host):
    for path in ("/nothing", "/connectors/a/b", "/connectors/a/tasks-config", "/connector", "/connectors/a/config/x", "/admin/x"):
        error(host.get(path), 404, "HTTP 404 Not Found")
    for method, path in (("PUT", "/connectors"), ("POST", "/"), ("GET", "/connectors/a/pause"), ("DELETE", "/connector-plugins"),
                         ("TRACE", "/"), ("CONNECTX", "/")):
        answer = host.call(method, path)
        error(answer, 405, "HTTP 405 Method Not Allowed")
        assert "OPTIONS" in answer.headers["Allow"], answer.headers
    assert "GET" in host.put("/connectors").headers["Allow"]
    error(host.call("TRACE", "/nothing"), 404, "HTTP 404 Not Found")


def test_T16_HEAD_and_OPTIONS(host):
    host.create("a", IDLE)
    for path in ("/", "/connectors", "/connectors/a", "/connectors/a/status", "/metrics"):
        head, get = host.call("HEAD", path), host.get(path)
        assert (head.status, head.text) == (200, "") and head.headers["Content-Type"] == get.headers["Content-Type"]
    assert host.call("HEAD", "/connectors/nobody").status == 404
    answer = host.call("OPTIONS", "/connectors")
    assert answer.status == 200 and set(answer.headers["Allow"].split(",")) == {"GET", "HEAD", "POST", "OPTIONS"}
    assert host.call("OPTIONS", "/nothing").status == 404


@pytest.mark.parametrize("path", ["/connectors/%", "/connectors/%zz", "/connectors/%00", "/connectors/%ff", "/connectors/%0a",
                                  "/" + "a" * 9000])
def test_broken_paths(host, path):
    answer = host.get(path)
    assert answer.status in (400, 414, 431), answer


def test_T15_unknown_class(host):
    config = {"name": "a", "connector.class": "x.Y", "secret": "S3cret"}
    available = "Failed to find any class that implements Connector and which name matches x.Y, available connectors are: "
    for answer in (host.post("/connectors", {"name": "a", "config": config}), host.put("/connectors/a/config", config)):
        error(answer, 400, "org.apache.kafka.connect.errors.ConnectException: " + available, "test-idle")
    error(host.put("/connector-plugins/x.Y/config/validate", config), 500,
          "org.apache.kafka.connect.runtime.rest.errors.BadRequestException: ", available)
    error(host.put("/connectors/a/config", {"connector.class": ""}), 400)


def test_T3_codes_of_verbs(host):
    host.create("a", IDLE)
    codes = [host.put("/connectors/a/pause").status, host.put("/connectors/a/resume").status, host.put("/connectors/a/stop").status,
             host.post("/connectors/a/restart").status, host.post("/connectors/a/restart?includeTasks=true").status]
    assert codes == [202, 202, 204, 204, 202]


def test_T13_reads_never_fail_while_things_move(host):
    host.create("a", IDLE)
    for _ in range(20):
        host.put("/connectors/a/stop")
        assert {host.get(p).status for p in ("/connectors/a", "/connectors/a/config", "/connectors/a/tasks", "/connectors/a/status")} == {200}
        host.put("/connectors/a/resume")
        assert {host.get(p).status for p in ("/connectors/a", "/connectors/a/config", "/connectors/a/tasks", "/connectors/a/status")} == {200}


def test_G8_booleans(host):
    host.create("a", {"connector.class": "test-idle"})
    assert host.post("/connectors/a/restart?includeTasks=TRUE").status == 202
    assert host.post("/connectors/a/restart?includeTasks=1").status == 204


def test_SEC06_browsers(host):
    for origin in ("http://evil.example", "null", f"http://127.0.0.1:{host.port + 1}"):
        error(host.put("/connectors/a/pause", headers={"Origin": origin}), 403)
    assert host.put("/connectors/a/pause", headers={"Origin": f"http://127.0.0.1:{host.port}"}).status == 404
    error(host.get("/connectors", headers={"Host": "evil.example"}), 403, "rest.advertised.host.name")
    for name in (f"localhost:{host.port}", "127.0.0.1", "[::1]:80", "a.localhost"):
        assert host.get("/", headers={"Host": name}).status == 200


def test_SEC06_advertised_name(make_host):
    host = make_host(**{"rest_advertised_host_name": "connect.example", "rest_advertised_port": "443"}).start()
    assert host.get("/", headers={"Host": "connect.example"}).status == 200
    host.create("a", IDLE)
    assert host.status("a")["connector"]["worker_id"] == "connect.example:443", "LC-02"


def test_SEC16_log_lines(host):
    """Names and values with control characters never make a second line."""
    host.call("POST", "/connectors", raw=b'{"name":"a\\nERROR forged","config":{"connector.class":"x\\nY \\u001b[31m"}}')
    host.create("a b", {**IDLE, "x\ny": "z"})
    host.remove("a b")
    assert not [line for line in host.log().splitlines() if line and not line.startswith("20")], host.log()
    assert "\x1b" not in host.log()


def test_errors_that_are_no_utf8_are_told_all_the_same(host):
    """A server's message in another encoding, a text cut within a character: the state is shown, and the status is right."""
    host.create("a", {"connector.class": "test-crash", "how": "fatal-latin1"}, wait="FAILED")
    assert "f\ufffdr Benutzer" in host.trace("a")
    for n in range(296, 302):
        config = {"name": "b", **IDLE, "tasks.max": "x" * n + "é" * 10, "k" * n + "é" * 10: "1"}
        infos = host.expect(200, "PUT", "/connector-plugins/test-idle/config/validate", config).json
        assert infos["error_count"] == 2, infos
        error(host.put("/connectors/b/config", config), 400, "tasks.max")
