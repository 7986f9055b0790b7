"""The same requests that a real Kafka Connect 4.3.1 was asked (connect/record.py wrote down its answers): status, error_code, the members of
the body and whether there is a Location must be the same, except where connect/cases.py tells why not."""
import json
import os
import sys

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "connect")
sys.path.insert(0, HERE)

from cases import CASES, DIFFERS  # noqa: E402 pylint: disable=wrong-import-position
from record import facts, put, reached  # noqa: E402 pylint: disable=wrong-import-position
from waiting import wait_until  # noqa: E402 pylint: disable=wrong-import-position


def wanted_of(case, recorded):
    """What is to be answered: as recorded, or as DIFFERS says."""
    for (method, path, part), (status, _) in DIFFERS.items():
        if (method, path) == tuple(case[:2]) and case[2] == part:
            return {**recorded, "status": status, "body": {"error_code": "int", "message": "str"}, "location": False}
    return recorded


def members(body, path):
    """Plugins have keys of their own, and Homeport's key descriptions one member more (T6)."""
    return body if not path.startswith("/connector-plugins/") or not isinstance(body, dict) else sorted(body)


def test_as_a_real_worker(host, work):
    with open(os.path.join(HERE, "recorded.jsonl"), encoding="utf-8") as f:
        recorded = [json.loads(line) for line in f]
    address = ("127.0.0.1", host.port)
    names = {"SRC": "test-idle", "SINK": "test-keep", "XTRA": f'"position.file":"{work}/position"'}
    wrong = []
    answers = iter(recorded)
    for case in CASES:
        if case[0] == "WAIT":
            wait_until(lambda c=case: reached(address, c[1], c[2]), f"{case[1]} to be {case[2]}", 30)
            continue
        real = next(answers)
        assert real.pop("case") == list(case[:3]), "recorded.jsonl is of other cases: run record.py again"
        status, headers, text = put(address, names, case)
        got, want = facts(case[1], status, headers, text), wanted_of(case, real)
        got["body"], want["body"] = members(got["body"], case[1]), members(want["body"], case[1])
        if got != want:
            wrong.append(f"{case[:3]}: {got}\n   a real worker: {want}\n   {text[:300]}")
        if status >= 400 and case[0] != "HEAD":
            assert json.loads(text)["error_code"] == status, (case, text)
    assert not wrong, "\n".join(wrong)
