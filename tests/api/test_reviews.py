"""Who am I, and may I: in JSON, and as kubectl sends it."""

import struct

import pytest

from rulekube.api import protobuf

ACCESS = "/apis/authorization.k8s.io/v1"


async def test_who_am_i(server):
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    status, _, answer = await server.call("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", body)
    assert (status, answer["status"]) == (
        201,
        {"userInfo": {"username": "admin", "uid": "admin-uid", "groups": ["system:masters", "system:authenticated"]}},
    )


@pytest.mark.parametrize(("user", "allowed"), [("alice", False), ("root", True)])
async def test_may_they(server, user, allowed):
    spec = {"user": user, "resourceAttributes": {"verb": "list", "resource": "pods", "namespace": "default"}}
    if allowed:
        spec["groups"] = ["system:masters"]
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
    status, _, answer = await server.call("POST", f"{ACCESS}/subjectaccessreviews", body)
    assert (status, answer["status"]) == (201, {"allowed": allowed})
    assert answer["spec"] == spec


async def test_may_i_reach_a_path(server):
    spec = {"nonResourceAttributes": {"verb": "get", "path": "/metrics"}}
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": spec}
    _, _, answer = await server.call("POST", f"{ACCESS}/selfsubjectaccessreviews", body)
    assert answer["status"] == {"allowed": True}
    entry = answer["metadata"]["managedFields"][0]
    assert entry["fieldsV1"] == {"f:spec": {"f:nonResourceAttributes": {".": {}, "f:path": {}, "f:verb": {}}}}


async def test_reviews_are_only_asked(server):
    assert (await server.call("GET", f"{ACCESS}/selfsubjectaccessreviews"))[0] == 405


def field(number, value):
    """A length-delimited protobuf field, or a varint."""
    if isinstance(value, int):
        return bytes([number << 3]) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return bytes([number << 3 | 2]) + varint(len(data)) + data


def varint(value):
    out = b""
    while value > 0x7F:
        out += struct.pack("B", value & 0x7F | 0x80)
        value >>= 7
    return out + struct.pack("B", value)


def body_of(api_version, kind, message):
    return b"k8s\x00" + field(1, field(1, api_version) + field(2, kind)) + field(2, message)


async def test_protobuf_body_is_read(server):
    metadata = field(1, "a") + field(5, "") + field(7, 0) + field(8, b"") + field(11, field(1, "k") + field(2, "v"))
    message = field(1, metadata) + field(2, field(1, "x") + field(2, "1")) + field(4, 0)
    assert protobuf.decode(body_of("v1", "ConfigMap", message)) == {
        "kind": "ConfigMap",
        "apiVersion": "v1",
        "metadata": {"name": "a", "labels": {"k": "v"}},
        "data": {"x": "1"},
        "immutable": False,
    }
    path = "/api/v1/namespaces/default/configmaps"
    body = body_of("v1", "ConfigMap", message)
    status, headers, made = await server.call(
        "POST", path, body, Content_Type=protobuf.MEDIA, Accept=f"{protobuf.MEDIA},application/json"
    )
    assert (status, headers["Content-Type"], made["data"]) == (201, "application/json", {"x": "1"})


def test_ports_may_be_numbers_or_names():
    port = field(1, "http") + field(3, 80) + field(5, 0)
    by_number = field(4, field(1, 0) + field(2, 8080) + field(3, ""))
    by_name = field(4, field(1, 1) + field(2, 0) + field(3, "web"))
    for target, shown in ((by_number, 8080), (by_name, "web")):
        message = field(2, field(1, port + target))
        spec = protobuf.decode(body_of("v1", "Service", message))["spec"]
        assert spec == {"ports": [{"name": "http", "port": 80, "targetPort": shown}]}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"no", 400),
        (b"k8s\x00\x0a\xff\xff", 400),
        (body_of("v1", "ConfigMap", b"\x0a\x7fx"), 400),
        (body_of("v1", "ConfigMap", b"\x07"), 400),
        (body_of("apps/v1", "Deployment", b""), 415),
    ],
)
async def test_broken_and_unknown_messages_are_refused(server, body, status):
    path = "/api/v1/namespaces/default/configmaps"
    assert (await server.call("POST", path, body, Content_Type=protobuf.MEDIA))[0] == status


async def test_eviction_deletes_the_pod(server):
    await server.make("Pod", "p", spec={"containers": [{"name": "c", "image": "i"}], "nodeName": "n"})
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": "p"},
        "deleteOptions": {"gracePeriodSeconds": 3},
    }
    path = "/api/v1/namespaces/default/pods/p"
    status, _, answer = await server.call("POST", f"{path}/eviction", body)
    assert (status, answer["status"]) == (201, "Success")
    assert (await server.call("GET", path))[2]["metadata"]["deletionGracePeriodSeconds"] == 3
