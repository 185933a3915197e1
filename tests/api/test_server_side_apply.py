"""Server-side apply over HTTP: ownership, conflicts, force, removal. The steps and answers are recorded ones."""

import json

import pytest

APPLY = "application/apply-patch+yaml"
MAPS = "/api/v1/namespaces/default/configmaps"


async def apply(server, manager, data, *, name="s", force=False, **metadata):
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}, "data": data}
    path = f"{MAPS}/{name}?fieldManager={manager}&force={str(force).lower()}"
    status, _, answer = await server.call("PATCH", path, json.dumps(body), Content_Type=APPLY)
    return status, answer


def owned(answer):
    return {entry["manager"]: entry["fieldsV1"] for entry in answer["metadata"]["managedFields"]}


async def test_first_apply_makes_the_object(server):
    status, answer = await apply(server, "m1", {"k": "v"})
    assert (status, answer["data"]) == (201, {"k": "v"})
    assert answer["metadata"]["managedFields"] == [
        {
            "manager": "m1",
            "operation": "Apply",
            "apiVersion": "v1",
            "time": "2026-01-02T03:04:05Z",
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:data": {"f:k": {}}},
        }
    ]
    again = await apply(server, "m1", {"k": "v"})
    assert again == (200, answer)


async def test_fields_of_others_are_a_conflict_unless_forced(server):
    await apply(server, "kubectl", {"a": "1", "b": "2"})
    status, answer = await apply(server, "other", {"a": "9", "c": "3"})
    assert (status, answer["reason"]) == (409, "Conflict")
    assert answer["message"] == 'Apply failed with 1 conflict: conflict with "kubectl": .data.a'
    assert answer["details"] == {
        "causes": [{"reason": "FieldManagerConflict", "message": 'conflict with "kubectl"', "field": ".data.a"}]
    }
    status, answer = await apply(server, "other", {"a": "9", "c": "3"}, force=True)
    assert (status, answer["data"]) == (200, {"a": "9", "b": "2", "c": "3"})
    assert owned(answer) == {"kubectl": {"f:data": {"f:b": {}}}, "other": {"f:data": {"f:a": {}, "f:c": {}}}}
    status, answer = await apply(server, "other", {})
    assert (status, answer["data"]) == (200, {"b": "2"})
    assert owned(answer) == {"kubectl": {"f:data": {"f:b": {}}}, "other": {"f:data": {}}}


async def test_plain_writers_own_fields_too(server):
    await server.make("ConfigMap", "s", data={"x": "1", "y": "1"})
    status, answer = await apply(server, "m", {"x": "2", "y": "2"})
    assert status == 409
    assert answer["message"] == (
        'Apply failed with 2 conflicts: conflicts with "tester" using v1:\n- .data.x\n- .data.y'
    )
    status, answer = await apply(server, "m", {"x": "1"})
    assert (status, answer["data"]) == (200, {"x": "1", "y": "1"})
    assert owned(answer) == {"tester": {"f:data": {".": {}, "f:x": {}, "f:y": {}}}, "m": {"f:data": {"f:x": {}}}}


async def test_items_of_lists_are_merged_by_key(server):
    def service(*ports):
        metadata = {"name": "s", "labels": {"a": "b"}}
        return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": list(ports)}}

    path = "/api/v1/namespaces/default/services/s"
    one = {"name": "one", "port": 80, "protocol": "TCP"}
    two = {"name": "two", "port": 81, "protocol": "TCP"}
    await server.call("PATCH", f"{path}?fieldManager=m1", service(one), Content_Type=APPLY)
    status, _, answer = await server.call("PATCH", f"{path}?fieldManager=m2", service(two), Content_Type=APPLY)
    assert status == 200
    assert [port["name"] for port in answer["spec"]["ports"]] == ["one", "two"]
    assert owned(answer)["m2"] == {
        "f:metadata": {"f:labels": {"f:a": {}}},
        "f:spec": {
            "f:ports": {'k:{"port":81,"protocol":"TCP"}': {".": {}, "f:name": {}, "f:port": {}, "f:protocol": {}}}
        },
    }
    status, _, answer = await server.call("PATCH", f"{path}?fieldManager=m1", service(), Content_Type=APPLY)
    assert [port["name"] for port in answer["spec"]["ports"]] == ["two"]
    assert answer["metadata"]["labels"] == {"a": "b"}


@pytest.mark.parametrize(
    ("query", "body", "code", "message"),
    [
        ("", {}, 422, "fieldManager: Required value: is required for apply patch"),
        ("fieldManager=m", {"metadata": {"name": "b"}}, 400, "the name of the object (b) does not match the name"),
        ("fieldManager=m", {"metadata": {"managedFields": [{}]}}, 400, "metadata.managedFields must be nil"),
        ("fieldManager=m&fieldValidation=Strict", {"datta": {}}, 400, 'unknown field "datta"'),
    ],
)
async def test_configurations_that_make_no_sense_are_refused(server, query, body, code, message):
    sent = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "s"}, **body}
    status, _, answer = await server.call("PATCH", f"{MAPS}/s?{query}", json.dumps(sent), Content_Type=APPLY)
    assert status == code
    assert message in answer["message"]


async def test_dry_run_of_an_apply_changes_nothing(server):
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "s"}, "data": {"k": "v"}}
    path = f"{MAPS}/s?fieldManager=m&dryRun=All"
    status, _, answer = await server.call("PATCH", path, body, Content_Type=APPLY)
    assert (status, answer["data"]) == (201, {"k": "v"})
    assert (await server.call("GET", f"{MAPS}/s"))[0] == 404
