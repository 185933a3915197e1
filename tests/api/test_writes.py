"""Patches, subresources, validation of fields, and RuleKube's own endpoints, over HTTP."""

import json

import pytest

from rulekube.api.subresources import LogOptions
from rulekube.errors import ApiError, RuleError

PODS = "/api/v1/namespaces/default/pods"
RCS = "/api/v1/namespaces/default/replicationcontrollers"
STRATEGIC = "application/strategic-merge-patch+json"
MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
POD_SPEC = {"containers": [{"name": "c", "image": "i"}]}


async def controller(server, replicas=2):
    template = {"metadata": {"labels": {"app": "x"}}, "spec": POD_SPEC}
    return await server.make(
        "ReplicationController", "rc", spec={"replicas": replicas, "selector": {"app": "x"}, "template": template}
    )


async def test_strategic_patch_merges_containers_by_name(server):
    await server.make("Pod", "p", spec=POD_SPEC)
    patch = {"spec": {"containers": [{"name": "c", "image": "j"}]}, "metadata": {"labels": {"a": "b"}}}
    status, _, patched = await server.call("PATCH", f"{PODS}/p", patch, Content_Type=STRATEGIC)
    assert status == 200
    [container] = patched["spec"]["containers"]
    assert (container["name"], container["image"]) == ("c", "j")
    assert patched["metadata"]["labels"] == {"a": "b"}


async def test_merge_patch_and_json_patch(server):
    path = "/api/v1/namespaces/default/configmaps/a"
    await server.make("ConfigMap", "a", data={"x": "1", "y": "2"})
    _, _, patched = await server.call("PATCH", path, {"data": {"x": None, "z": "3"}}, Content_Type=MERGE)
    assert patched["data"] == {"y": "2", "z": "3"}
    operations = [{"op": "replace", "path": "/data/y", "value": "4"}, {"op": "remove", "path": "/data/z"}]
    _, _, patched = await server.call("PATCH", path, operations, Content_Type=JSON_PATCH)
    assert patched["data"] == {"y": "4"}


async def test_patch_that_changes_nothing_makes_no_revision(server):
    made = await server.make("ConfigMap", "a", data={"x": "1"})
    path, before = "/api/v1/namespaces/default/configmaps/a", server.store.revision
    status, _, patched = await server.call("PATCH", path, {"data": {"x": "1"}}, Content_Type=MERGE)
    assert (status, patched, server.store.revision) == (200, made, before)


async def test_patch_cannot_rename(server):
    await server.make("ConfigMap", "a")
    path = "/api/v1/namespaces/default/configmaps/a"
    status, _, answer = await server.call("PATCH", path, {"metadata": {"name": "b"}}, Content_Type=MERGE)
    assert (status, answer["message"]) == (400, "the name of the object (b) does not match the name on the URL (a)")


async def test_patch_whose_result_does_not_fit_is_invalid(server):
    await controller(server)
    status, _, answer = await server.call("PATCH", f"{RCS}/rc", {"spec": {"replicas": "x"}}, Content_Type=MERGE)
    assert (status, answer["reason"]) == (422, "Invalid")
    assert answer["details"]["causes"][0]["field"] == "patch"
    assert answer["message"].endswith(
        "json: cannot unmarshal string into Go struct field ReplicationControllerSpec.spec.replicas of type int32"
    )


async def test_scale_shows_and_sets_the_replicas(server):
    made = await controller(server)
    _, _, scale = await server.call("GET", f"{RCS}/rc/scale")
    assert (scale["kind"], scale["apiVersion"], scale["spec"]) == ("Scale", "autoscaling/v1", {"replicas": 2})
    assert scale["status"] == {"replicas": 0, "selector": "app=x"}
    assert scale["metadata"]["uid"] == made["metadata"]["uid"]
    status, _, scale = await server.call("PATCH", f"{RCS}/rc/scale", {"spec": {"replicas": 5}}, Content_Type=MERGE)
    assert (status, scale["spec"]) == (200, {"replicas": 5})
    _, _, scale = await server.call("PUT", f"{RCS}/rc/scale", {**scale, "spec": {"replicas": 3}})
    assert scale["spec"] == {"replicas": 3}
    _, _, scaled = await server.call("GET", f"{RCS}/rc")
    assert scaled["spec"]["replicas"] == 3
    entry = next(entry for entry in scaled["metadata"]["managedFields"] if entry.get("subresource") == "scale")
    assert entry == {
        "manager": "tester",
        "operation": "Update",
        "apiVersion": "v1",
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:spec": {"f:replicas": {}}},
        "subresource": "scale",
    }


async def test_scale_insists_on_its_revision_and_on_sense(server):
    made = await controller(server)
    stale = {"metadata": {"name": "rc", "resourceVersion": "1"}, "spec": {"replicas": 5}}
    status, _, _ = await server.call("PUT", f"{RCS}/rc/scale", stale)
    assert status == 409
    status, _, answer = await server.call("PATCH", f"{RCS}/rc/scale", {"spec": {"replicas": -1}}, Content_Type=MERGE)
    assert (status, answer["details"]["causes"][0]["field"]) == (422, "spec.replicas")
    assert (await server.call("GET", f"{RCS}/rc"))[2] == made


async def test_status_is_written_apart(server):
    await controller(server)
    body = {"spec": {"replicas": 9}, "status": {"replicas": 1}}
    _, _, patched = await server.call("PATCH", f"{RCS}/rc/status", body, Content_Type=MERGE)
    assert (patched["spec"]["replicas"], patched["status"]) == (2, {"replicas": 1})


async def test_pod_is_bound_once(server):
    await server.make("Pod", "p", spec=POD_SPEC)
    binding = {
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": {"name": "p"},
        "target": {"kind": "Node", "name": "n1"},
    }
    status, _, answer = await server.call("POST", f"{PODS}/p/binding", binding)
    assert (status, answer["status"]) == (201, "Success")
    assert (await server.call("GET", f"{PODS}/p"))[2]["spec"]["nodeName"] == "n1"
    assert (await server.call("POST", f"{PODS}/p/binding", binding))[0] == 409


@pytest.mark.parametrize(
    ("validation", "status", "warning"),
    [
        ("Strict", 400, None),
        ("Warn", 201, '299 - "unknown field \\"spec.containers[0].bogus\\""'),
        ("", 201, '299 - "unknown field \\"spec.containers[0].bogus\\""'),
        ("Ignore", 201, None),
    ],
)
async def test_unknown_fields_are_refused_warned_of_or_dropped(server, validation, status, warning):
    spec = {"containers": [{"name": "c", "image": "i", "bogus": 1}]}
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec}
    got, headers, answer = await server.call("POST", f"{PODS}?fieldValidation={validation}", body)
    assert (got, headers.get("Warning")) == (status, warning)
    if got == 201:
        assert "bogus" not in answer["spec"]["containers"][0]
    else:
        assert answer["message"].endswith('strict decoding error: unknown field "spec.containers[0].bogus"')


async def test_reading_endpoints_warns_of_their_deprecation(server):
    _, headers, _ = await server.call("GET", "/api/v1/namespaces/default/endpoints")
    assert headers["Warning"] == ('299 - "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"')


class Logs:
    """A log source that tells what it was asked."""

    async def logs(self, pod, container, options):
        if options.previous:
            raise ApiError("BadRequest", "previous terminated container not found")
        yield f"{pod['metadata']['name']}/{container} {options.tail} {options.follow}\n".encode()
        yield b"second\n"


@pytest.mark.parametrize("server", [{"log_source": Logs()}], indirect=True)
async def test_logs_come_from_the_log_source(server):
    two = {"containers": [{"name": "c", "image": "i"}, {"name": "d", "image": "i"}]}
    await server.make("Pod", "p", spec={**POD_SPEC, "nodeName": "n"})
    await server.make("Pod", "two", spec={**two, "nodeName": "n"})
    await server.make("Pod", "waits", spec=POD_SPEC)
    status, headers, text = await server.call("GET", f"{PODS}/p/log?tailLines=5&follow=true")
    assert (status, headers["Content-Type"], text) == (200, "text/plain", "p/c 5 True\nsecond\n")
    status, _, answer = await server.call("GET", f"{PODS}/p/log?previous=true")
    assert (status, answer["message"]) == (400, "previous terminated container not found")
    status, _, answer = await server.call("GET", f"{PODS}/two/log")
    assert answer["message"] == "a container name must be specified for pod two, choose one of: [c d]"
    status, _, answer = await server.call("GET", f"{PODS}/p/log?container=x")
    assert (status, answer["message"]) == (400, "container x is not valid for pod p")
    assert (await server.call("GET", f"{PODS}/waits/log"))[0] == 204
    assert LogOptions().tail is None


class Brain:
    """As much of a reconciler as the endpoints need."""

    def __init__(self):
        self.loaded = {}

    def query(self, text):
        if "nope" in text:
            raise RuleError("relation `nope` is not declared")
        return {"columns": ["X"], "rows": [[text]]}

    async def why(self, text, without=()):
        return None if "no" in text else {"fact": text}

    def idle(self):
        return {}

    def packs(self):
        return sorted(self.loaded)

    def load_pack(self, name, text):
        self.loaded[name] = text

    def unload_pack(self, name):
        del self.loaded[name]


@pytest.mark.parametrize("server", [{"brain": Brain()}], indirect=True)
async def test_rulekubes_own_endpoints(server):
    assert (await server.call("POST", "/rulekube/query", {"query": "p(X)"}))[2] == {
        "columns": ["X"],
        "rows": [["p(X)"]],
    }
    status, _, answer = await server.call("POST", "/rulekube/query", {"query": "nope(X)"})
    assert (status, answer["message"]) == (422, "relation `nope` is not declared")
    assert (await server.call("POST", "/rulekube/query", {}))[0] == 400
    assert (await server.call("POST", "/rulekube/why", {"fact": "p(1)"}))[2] == {"proof": {"fact": "p(1)"}}
    assert (await server.call("POST", "/rulekube/why", {"fact": "no(1)"}))[2] == {"proof": None}
    assert (await server.call("PUT", "/rulekube/packs/mine", {"text": "a(1)."}))[2] == {"name": "mine"}
    assert (await server.call("GET", "/rulekube/packs"))[2] == {"packs": ["mine"], "errors": {}}
    assert (await server.call("DELETE", "/rulekube/packs/mine"))[0] == 200
    status, _, answer = await server.call("DELETE", "/rulekube/packs/mine")
    assert (status, answer["reason"]) == (404, "NotFound")
    assert (await server.call("GET", "/rulekube/packs", token="alice-token"))[0] == 403


async def test_yaml_is_spoken_both_ways(server):
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {when: 2020-01-01T00:00:00Z}\n"
    path = "/api/v1/namespaces/default/configmaps"
    status, _, made = await server.call("POST", path, text, Content_Type="application/yaml")
    assert (status, made["data"]) == (201, {"when": "2020-01-01T00:00:00Z"})
    _, headers, shown = await server.call("GET", f"{path}/a", Accept="application/yaml")
    assert headers["Content-Type"] == "application/yaml"
    assert "when: '2020-01-01T00:00:00Z'" in shown


async def test_grace_and_preconditions_of_deletions(server):
    made = await server.make("Pod", "p", spec={**POD_SPEC, "nodeName": "n", "terminationGracePeriodSeconds": 7})
    wrong = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": "x"}}
    assert (await server.call("DELETE", f"{PODS}/p", wrong))[0] == 409
    status, _, leaving = await server.call("DELETE", f"{PODS}/p", {"propagationPolicy": "Background"})
    assert (status, leaving["metadata"]["deletionGracePeriodSeconds"]) == (200, 7)
    assert leaving["metadata"]["uid"] == made["metadata"]["uid"]
    status, _, gone = await server.call("DELETE", f"{PODS}/p?gracePeriodSeconds=0")
    assert (status, gone["kind"]) == (200, "Pod")
    assert (await server.call("GET", f"{PODS}/p"))[0] == 404
    assert (await server.call("DELETE", f"{PODS}/p?gracePeriodSeconds=soon"))[0] == 400
    status, _, answer = await server.call("DELETE", f"{PODS}/p", json.dumps({"propagationPolicy": "Sideways"}))
    assert (status, answer["details"]["causes"][0]["field"]) == (422, "propagationPolicy")


async def test_events_are_one_kind_under_two_names(server):
    core, modern = "/api/v1/namespaces/default/events", "/apis/events.k8s.io/v1/namespaces/default/events"
    body = {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": "e"},
        "eventTime": "2026-01-01T00:00:00.000000Z",
        "reason": "Why",
        "note": "so",
        "type": "Normal",
        "action": "Act",
        "reportingController": "example.com/me",
        "reportingInstance": "me-1",
        "regarding": {"kind": "Pod", "namespace": "default", "name": "p"},
    }
    status, _, made = await server.call("POST", modern, body)
    assert (status, made["apiVersion"], made["note"]) == (201, "events.k8s.io/v1", "so")
    _, _, stored = await server.call("GET", f"{core}/e")
    assert (stored["apiVersion"], stored["message"], stored["involvedObject"]["name"]) == ("v1", "so", "p")
    _, _, patched = await server.call("PATCH", f"{modern}/e", {"note": "then"}, Content_Type=MERGE)
    assert patched["note"] == "then"
    _, _, found = await server.call("GET", modern)
    assert [one["note"] for one in found["items"]] == ["then"]
    [event] = await server.watch(f"{modern}?watch=true", 1)
    assert (event["type"], event["object"]["note"]) == ("ADDED", "then")
    assert (await server.call("DELETE", f"{modern}/e"))[0] == 200
