from __future__ import annotations

import json
from pathlib import Path

import jwt

from deploy.local.description import describe, where_to_look_next
from deploy.local.ports import Ports
from deploy.local.stack import Stack


def test_the_description_has_the_form_of_the_doors_page(tmp_path: Path) -> None:
    described = json.loads(json.dumps(describe(Stack(tmp_path, Ports()))))
    assert described["tracker"] == "http://127.0.0.1:7400"
    assert described["alerts"] == "http://127.0.0.1:7430"
    assert described["kafka"] == "127.0.0.1:7492"
    assert described["postgres"].endswith("@127.0.0.1:7432/inkling")
    assert described["metrics"]["projector"] == ["http://127.0.0.1:7470/metrics"]
    assert described["tokens"].keys() == {"sender", "seller", "manager", "admin"}
    assert described["pids"] == {}
    assert "smtp" not in described


def test_each_worker_of_the_tracker_has_its_metrics(tmp_path: Path) -> None:
    described = describe(Stack(tmp_path, Ports(), settings={"INKLING_TRACKER_WORKERS": "3"}))
    assert described["metrics"]["tracker"] == [
        f"http://127.0.0.1:{port}/metrics" for port in (7450, 7451, 7452)
    ]
    assert described["metrics"]["rewriter"] == ["http://127.0.0.1:7460/metrics"]
    assert all(f":{port}/metrics" in where_to_look_next(described) for port in (7450, 7451, 7452))


def test_the_seller_token_is_the_owners(tmp_path: Path) -> None:
    described = describe(Stack(tmp_path, Ports()))
    claims = jwt.decode(described["tokens"]["seller"], options={"verify_signature": False})
    assert (claims["sub"], claims["tenant"]) == (described["owner"], described["tenant"])
    assert claims["roles"] == ["seller"]


def test_the_person_is_shown_every_door_a_call_and_no_password(tmp_path: Path) -> None:
    stack = Stack(tmp_path, Ports())
    described = describe(stack)
    shown = where_to_look_next(described)
    for port in (7400, 7410, 7420, 7430, 7432, 7450, 7460, 7470, 7480, 7492):
        assert f":{port}" in shown
    assert f"Authorization: Bearer {described['tokens']['seller']}" in shown
    assert stack.credentials.passwords["postgres"] not in shown
