"""What a client is told when something is wrong: recorded, step by step."""

import json
import re

import pytest

from rulekube.api import go_json
from tests.api.recordings import recorded

STEPS = recorded("errors")["steps"]


def masked(value):
    text = json.dumps(value, sort_keys=True)
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "<uid>", text)


@pytest.fixture
async def prepared(server):
    for name in ("g-errors",):
        await server.make("Namespace", name)
    await server.make("ConfigMap", "a", namespace="g-errors", data={"x": "1"})
    return server


@pytest.mark.parametrize("step", STEPS, ids=lambda step: f"step-{step['step']}")
async def test_answer_is_the_recorded_one(prepared, step):
    sent = step["request"]
    if step["step"] == 0:
        await prepared.call("DELETE", f"{sent['path']}/a")
    headers = {name.replace("-", "_"): value for name, value in sent["headers"].items()}
    status, answer_headers, body = await prepared.call(
        sent["method"], sent["path"], sent["body"], sent["token"], **headers
    )
    assert status == step["status"], body
    if step["body"] is not None:
        assert masked(body) == masked(step["body"])
    if step["warning"]:
        assert answer_headers["Warning"] == step["warning"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (b"{not json", "invalid character 'n' looking for beginning of object key string"),
        (b"", "unexpected end of JSON input"),
        (b'{"a": 1', "unexpected end of JSON input"),
        (b'{"a" 1}', "invalid character '1' after object key"),
        (b'{"a": 1 "b"}', "invalid character '\"' after object key:value pair"),
        (b"[1 2]", "invalid character '2' after array element"),
        (b"{} x", "invalid character 'x' after top-level value"),
        (b"nope", "invalid character 'n' looking for beginning of value"),
        (b'{"a": "]"}', ""),
    ],
)
def test_complaints_about_json_are_gos(text, complaint):
    assert go_json.complaint(text) == complaint


def test_doubled_fields_are_named_by_path():
    text = b'{"a": 1, "a": 2, "l": [{"x": 1, "x": 1}], "m": {"k": 1, "k": 2}}'
    assert go_json.doubled_fields(text) == ["a", "l[0].x", "m.k"]
