#!/usr/bin/env python3
"""record.py: puts cases.py to a worker, `record.py http://127.0.0.1:8083 > recorded.jsonl` against a real Kafka Connect in distributed
mode with connect-file on its plugin path; test_recorded.py puts the same to Homeport."""
import http.client
import json
import os
import sys
import time
import urllib.parse

from cases import CASES

REAL = {"SRC": "org.apache.kafka.connect.file.FileStreamSourceConnector", "SINK": "org.apache.kafka.connect.file.FileStreamSinkConnector",
        "XTRA": '"file":"/dev/null"'}


def shape(value, key=None):
    """What clients rely on: members and types, not values; a configuration's and a plugin key's own members are theirs."""
    if isinstance(value, dict):
        if key in ("config", "partition", "offset"):
            return "object"
        return {k: shape(v, k) for k, v in sorted(value.items())}
    if isinstance(value, list):
        return "array"
    return "null" if value is None else type(value).__name__


def facts(path, status, headers, text):
    """One answer as it is compared."""
    try:
        body = shape(json.loads(text), "config" if status < 300 and path.endswith("/config") else None) if text else None
    except ValueError:
        body = "text"
    return {"status": status, "body": body, "location": "Location" in headers}


def put(address, names, case):
    """One request; (status, headers, text)."""
    method, path, body, headers = case
    for word, name in names.items():
        path, body = path.replace(word, name), body.replace(word, name) if body is not None else None
    sent = {"Accept": "application/json", **({"Content-Type": "application/json"} if body is not None else {}), **headers}
    conn = http.client.HTTPConnection(*address, timeout=120)
    try:
        conn.request(method, path, body.encode() if body is not None else None, sent)
        answer = conn.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode()
    finally:
        conn.close()


def reached(address, name, state):
    """Are the connector and its task in that state?"""
    status, _, text = put(address, {}, ("GET", f"/connectors/{name}/status", None, {}))
    body = json.loads(text)
    tasks = [t["state"] for t in body["tasks"]] if status == 200 else None
    return status == 200 and body["connector"]["state"] == state and tasks == ([] if state == "STOPPED" else [state])


def main():
    where = urllib.parse.urlsplit(sys.argv[1])
    address = (where.hostname, where.port)
    for case in CASES:
        if case[0] == "WAIT":
            until = time.monotonic() + 60
            while not reached(address, case[1], case[2]) and time.monotonic() < until:
                time.sleep(0.1)
            continue
        answer = put(address, REAL, case)
        while answer[0] == 409 and "rebalance" in answer[2]:
            time.sleep(0.5)
            answer = put(address, REAL, case)
        print(json.dumps({"case": case[:3], **facts(case[1], *answer)}))


if __name__ == "__main__":
    os.chdir(os.path.dirname(os.path.abspath(__file__)))
    main()
