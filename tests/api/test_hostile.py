"""Requests that mean harm, or that nobody means: they are answered by a Status, and the server goes on."""

import pytest

from rulekube.api.bodies import expanded


@pytest.mark.parametrize("options", [{"gracePeriodSeconds": "abc"}, {"preconditions": "x"}, {"dryRun": 7}])
async def test_delete_options_of_a_wrong_type_are_refused(server, options):
    await server.make("ConfigMap", "a")
    status, _, body = await server.call("DELETE", "/api/v1/namespaces/default/configmaps/a", options)
    assert (status, body["reason"]) == (400, "BadRequest")
    assert (await server.call("GET", "/api/v1/namespaces/default/configmaps/a"))[0] == 200


@pytest.mark.parametrize("grace", [9223372036854775807, 3_000_000_000_000])
async def test_pod_with_an_endless_grace_period_can_be_deleted_by_force(server, grace):
    spec = {"terminationGracePeriodSeconds": grace, "nodeName": "n1", "containers": [{"name": "c", "image": "i"}]}
    await server.make("Pod", "p", spec=spec)
    path = "/api/v1/namespaces/default/pods/p"
    status, _, body = await server.call("DELETE", path)
    assert (status, body["metadata"]["deletionTimestamp"]) == (200, "9999-12-31T23:59:59Z")
    assert (await server.call("DELETE", path, {"gracePeriodSeconds": 0}))[0] == 200
    assert (await server.call("GET", path))[0] == 404


async def test_yaml_whose_aliases_stand_for_too_much_is_refused(server):
    lines = ["a0: &a0 {k: v}"] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: big}\ndata: {}\n" + "\n".join(lines) + "\n"
    status, _, body = await server.call(
        "POST", "/api/v1/namespaces/default/configmaps", text.encode(), Content_Type="application/yaml"
    )
    assert status == 400
    assert "the document's aliases stand for too much" in body["message"]


def test_expanded_counts_a_shared_part_as_often_as_it_is_meant():
    shared = [1, 2, 3]
    assert expanded({"a": shared, "b": [shared, shared]}, {}) == 1 + 4 + 1 + 4 + 4


async def test_exception_that_nobody_expected_is_an_internal_error_and_no_more(server, monkeypatch, caplog):
    def broken(*_arguments):
        raise RuntimeError("secret detail")

    monkeypatch.setattr("rulekube.api.reads.Reads.get", broken)
    monkeypatch.setattr(type(server.store), "get", broken)
    status, _, body = await server.call("GET", "/api/v1/namespaces/default/configmaps/a")
    assert (status, body["reason"]) == (500, "InternalError")
    assert "secret detail" not in body["message"]
    assert "secret detail" in caplog.text
