"""Discovery and OpenAPI: what clients learn before they do anything."""

import pytest

from rulekube.api.version import document

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
KUBECTL = f"{AGGREGATED},{AGGREGATED.replace('v=v2', 'v=v2beta1')},application/json"


def by_name(resources):
    return {entry["resource"]: entry for entry in resources}


async def test_aggregated_discovery_describes_each_kind(server):
    status, headers, found = await server.call("GET", "/api", Accept=KUBECTL)
    assert (status, headers["Content-Type"], headers["Vary"]) == (200, AGGREGATED, "Accept")
    assert (found["kind"], found["apiVersion"]) == ("APIGroupDiscoveryList", "apidiscovery.k8s.io/v2")
    [group] = found["items"]
    [version] = group["versions"]
    assert (version["version"], version["freshness"]) == ("v1", "Current")
    assert by_name(version["resources"])["replicationcontrollers"] == {
        "resource": "replicationcontrollers",
        "responseKind": {"group": "", "version": "", "kind": "ReplicationController"},
        "scope": "Namespaced",
        "singularResource": "replicationcontroller",
        "verbs": ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
        "shortNames": ["rc"],
        "categories": ["all"],
        "subresources": [
            {
                "subresource": "scale",
                "responseKind": {"group": "autoscaling", "version": "v1", "kind": "Scale"},
                "verbs": ["get", "patch", "update"],
            },
            {
                "subresource": "status",
                "responseKind": {"group": "", "version": "", "kind": "ReplicationController"},
                "verbs": ["get", "patch", "update"],
            },
        ],
    }


@pytest.mark.parametrize("path", ["/api", "/apis"])
async def test_aggregated_discovery_is_not_sent_twice(server, path):
    _, headers, _ = await server.call("GET", path, Accept=KUBECTL)
    status, again, body = await server.call("GET", path, Accept=KUBECTL, If_None_Match=headers["ETag"])
    assert (status, again["ETag"], body) == (304, headers["ETag"], "")


@pytest.mark.parametrize("path", ["/api", "/apis"])
async def test_other_forms_of_aggregated_discovery_are_not_acceptable(server, path):
    accept = "application/json;g=apidiscovery.k8s.io;v=v99;as=APIGroupDiscoveryList"
    status, _, answer = await server.call("GET", path, Accept=accept)
    assert status == 406
    assert answer["message"] == (
        "only the following media types are accepted: "
        "application/json, application/yaml, application/vnd.kubernetes.protobuf"
    )


async def test_legacy_discovery(server):
    _, _, core = await server.call("GET", "/api")
    assert (core["kind"], core["versions"]) == ("APIVersions", ["v1"])
    _, _, groups = await server.call("GET", "/apis")
    slices = next(group for group in groups["groups"] if group["name"] == "discovery.k8s.io")
    version = {"groupVersion": "discovery.k8s.io/v1", "version": "v1"}
    assert slices == {"name": "discovery.k8s.io", "versions": [version], "preferredVersion": version}
    _, _, group = await server.call("GET", "/apis/discovery.k8s.io")
    assert group == {"kind": "APIGroup", "apiVersion": "v1", **slices}
    _, _, found = await server.call("GET", "/api/v1")
    config_maps = next(entry for entry in found["resources"] if entry["name"] == "configmaps")
    assert config_maps == {
        "name": "configmaps",
        "singularName": "configmap",
        "namespaced": True,
        "kind": "ConfigMap",
        "verbs": ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
        "shortNames": ["cm"],
        "storageVersionHash": "qFsyl6wFWjQ=",  # as recorded
    }


@pytest.mark.parametrize("path", ["/apis/nope", "/apis/nope/v1", "/apis/nope/v1/things", "/nope"])
async def test_unknown_paths_are_plain_404s(server, path):
    status, headers, text = await server.call("GET", path)
    assert (status, headers["Content-Type"], text) == (404, "text/plain; charset=utf-8", "404 page not found\n")


async def test_unknown_resource_of_a_known_group_is_a_status(server):
    status, _, answer = await server.call("GET", "/api/v1/namespaces/default/nopes")
    assert (status, answer["reason"], answer["details"]) == (404, "NotFound", {})


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz", "/version"])
async def test_health_and_version_are_open_to_everybody(server, path):
    status, _, body = await server.call("GET", path, token="")
    assert (status, body) == (200, document() if path == "/version" else "ok")


async def test_openapi_index_leads_to_documents_that_may_be_kept(server):
    _, headers, index = await server.call("GET", "/openapi/v3")
    place = index["paths"]["api/v1"]["serverRelativeURL"]
    status, headers, document = await server.call("GET", place)
    assert (status, headers["Cache-Control"]) == (200, "public, immutable")
    assert (await server.call("GET", place, If_None_Match=headers["ETag"]))[0] == 304
    assert (document["openapi"], document["info"]) == ("3.0.0", {"title": "Kubernetes", "version": "1.36"})
    assert (await server.call("GET", "/openapi/v3/apis/nope/v1"))[0] == 404


async def test_openapi_says_that_writes_take_field_validation(server):
    _, _, document = await server.call("GET", "/openapi/v3/api/v1")
    pods = document["paths"]["/api/v1/namespaces/{namespace}/pods"]
    one = document["paths"]["/api/v1/namespaces/{namespace}/pods/{name}"]
    for operation in (pods["post"], one["put"], one["patch"]):
        assert operation["x-kubernetes-group-version-kind"] == {"group": "", "kind": "Pod", "version": "v1"}
        assert "fieldValidation" in [parameter["name"] for parameter in operation["parameters"]]
    scale = document["paths"]["/api/v1/namespaces/{namespace}/replicationcontrollers/{name}/scale"]["patch"]
    assert scale["x-kubernetes-group-version-kind"] == {"group": "autoscaling", "kind": "Scale", "version": "v1"}


async def test_openapi_holds_every_schema_that_it_refers_to(server):
    _, _, document = await server.call("GET", "/openapi/v3/api/v1")
    schemas = document["components"]["schemas"]
    assert schemas["io.k8s.api.core.v1.Container"]["properties"]["ports"]["x-kubernetes-list-map-keys"] == [
        "containerPort",
        "protocol",
    ]
    assert schemas["io.k8s.api.core.v1.ServiceSpec"]["properties"]["type"]["enum"] == [
        "ClusterIP",
        "ExternalName",
        "LoadBalancer",
        "NodePort",
    ]

    def references(value):
        if isinstance(value, dict):
            own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
            return own.union(*map(references, value.values()))
        return set().union(*map(references, value)) if isinstance(value, list) else set()

    assert references(document) <= {f"#/components/schemas/{name}" for name in schemas}


async def test_health_lists_its_checks_when_asked(server):
    for name in ("readyz", "livez", "healthz"):
        assert (await server.call("GET", f"/{name}"))[2] == "ok"
        async with server.session.get(f"{server.url}/{name}?verbose") as answer:
            assert await answer.text() == f"[+]ping ok\n{name} check passed\n"
