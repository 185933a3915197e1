"""Server-side tables: columns as recorded, cells as Kubernetes' printers compute them."""

import pytest

from rulekube.api import ages, columns, pod_summary, table
from rulekube.facts.resources import TABLE
from rulekube.facts.timestamp import SECOND, parse_time
from tests.api.recordings import recorded

RECORDED = recorded("tables")
T = parse_time("2026-01-01T00:00:00Z")
AS_TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


@pytest.mark.parametrize("case", RECORDED["columns"], ids=lambda case: case["kind"])
def test_columns_are_the_recorded_ones(case):
    assert table.definitions(case["kind"]) == case["columns"]


def test_every_kind_has_columns():
    assert {row.kind for row in TABLE if "list" in row.verbs} <= columns.COLUMNS.keys()


@pytest.mark.parametrize("case", RECORDED["rows"], ids=lambda case: case["object"]["metadata"]["name"])
def test_cells_of_a_recorded_object(case):
    created = parse_time(case["object"]["metadata"]["creationTimestamp"])
    shown = table.table(case["object"]["kind"], [case["object"]], {}, now=created + 1 * SECOND)
    assert shown["rows"][0]["cells"] == case["cells"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "<invalid>"),
        (-1, "0s"),
        (119, "119s"),
        (120, "2m"),
        (200, "3m20s"),
        (600, "10m"),
        (3 * 3600 - 1, "179m"),
        (3 * 3600 + 60, "3h1m"),
        (9 * 3600 + 60, "9h"),
        (50 * 3600, "2d2h"),
        (30 * 86400, "30d"),
        (800 * 86400, "2y70d"),
        (4000 * 86400, "10y"),
    ],
)
def test_spans_are_written_in_at_most_two_units(seconds, text):
    assert ages.span(seconds) == text


def pod(*states, spec=None, **status):
    statuses = [{"name": f"c{i}", "restartCount": 0, **state} for i, state in enumerate(states)]
    containers = [{"name": f"c{i}"} for i in range(len(states))]
    return {
        "metadata": {"name": "p"},
        "spec": {"containers": containers, **(spec or {})},
        "status": {"phase": "Running", "containerStatuses": statuses, **status},
    }


RUNS = {"ready": True, "state": {"running": {}}}
DONE = {"state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}
CRASHED = {"restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}


@pytest.mark.parametrize(
    ("given", "ready", "status"),
    [
        (pod(RUNS, RUNS), "2/2", "Running"),
        (pod(CRASHED), "0/1", "CrashLoopBackOff"),
        (pod({"state": {"terminated": {"exitCode": 2}}}), "0/1", "ExitCode:2"),
        (pod({"state": {"terminated": {"signal": 9}}}), "0/1", "Signal:9"),
        (pod(DONE, phase="Succeeded"), "0/1", "Completed"),
        (pod(RUNS, DONE, conditions=[{"type": "Ready", "status": "True"}]), "1/2", "Running"),
        (pod(RUNS, DONE), "1/2", "NotReady"),
        (pod(phase="Failed", reason="Evicted"), "0/0", "Evicted"),
        (
            pod(
                {"state": {"waiting": {"reason": "PodInitializing"}}},
                spec={"initContainers": [{"name": "i"}, {"name": "j"}]},
                phase="Pending",
                initContainerStatuses=[{"name": "i", "state": {"running": {}}}],
            ),
            "0/1",
            "Init:0/2",
        ),
        (
            pod(
                {"state": {"waiting": {"reason": "PodInitializing"}}},
                spec={"initContainers": [{"name": "i"}]},
                phase="Pending",
                initContainerStatuses=[{"name": "i", "state": {"terminated": {"exitCode": 1, "reason": "Error"}}}],
            ),
            "0/1",
            "Init:Error",
        ),
        (
            pod(
                RUNS,
                spec={"initContainers": [{"name": "side", "restartPolicy": "Always"}]},
                initContainerStatuses=[{"name": "side", "started": True, **RUNS}],
            ),
            "2/2",
            "Running",
        ),
        (
            pod(phase="Pending", conditions=[{"type": "PodScheduled", "reason": "SchedulingGated", "status": "False"}]),
            "0/0",
            "SchedulingGated",
        ),
    ],
)
def test_pod_is_summed_up(given, ready, status):
    assert (pod_summary.ready(given, T), pod_summary.status(given, T)) == (ready, status)


def test_leaving_pod_is_terminating():
    given = pod(RUNS)
    given["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:30Z"
    assert pod_summary.status(given, T) == "Terminating"


def test_restarts_tell_when_the_last_one_was():
    last = {"lastState": {"terminated": {"finishedAt": "2026-01-01T00:00:00Z"}}}
    assert pod_summary.restarts(pod({**RUNS, "restartCount": 2, **last}), T + 300 * SECOND) == "2 (5m ago)"
    assert pod_summary.restarts(pod(RUNS), T) == "0"


def test_readiness_gates_are_counted():
    given = pod(RUNS, spec={"readinessGates": [{"conditionType": "a"}, {"conditionType": "b"}]})
    given["status"]["conditions"] = [{"type": "a", "status": "True"}]
    assert pod_summary.readiness_gates(given, T) == "1/2"


@pytest.mark.parametrize(
    ("kind", "given", "cells"),
    [
        ("Service", {"spec": {"type": "ExternalName", "externalName": "x.org"}}, ["<none>", "x.org", "<none>"]),
        (
            "Service",
            {
                "spec": {
                    "type": "NodePort",
                    "clusterIPs": ["10.96.0.9"],
                    "ports": [{"port": 80, "nodePort": 30001, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}],
                }
            },
            ["10.96.0.9", "<none>", "80:30001/TCP,53/UDP"],
        ),
        (
            "Service",
            {"spec": {"type": "LoadBalancer", "clusterIPs": ["10.96.0.9"]}},
            ["10.96.0.9", "<pending>", "<none>"],
        ),
    ],
)
def test_cells_of_services(kind, given, cells):
    shown = table.table(kind, [{"metadata": {"name": "s"}, **given}], {}, now=T)["rows"][0]["cells"]
    assert shown[2:5] == cells


def test_only_three_endpoints_are_listed():
    addresses = [{"ip": f"10.0.0.{n}"} for n in range(5)]
    given = {"metadata": {"name": "e"}, "subsets": [{"addresses": addresses, "ports": [{"port": 80}]}]}
    cells = table.table("Endpoints", [given], {}, now=T)["rows"][0]["cells"]
    assert cells[1] == "10.0.0.0:80,10.0.0.1:80,10.0.0.2:80 + 2 more..."
    given = {"metadata": {"name": "s"}, "addressType": "IPv4", "endpoints": [{"addresses": ["10.0.0.1"]}]}
    assert table.table("EndpointSlice", [given], {}, now=T)["rows"][0]["cells"][1:4] == ["IPv4", "<unset>", "10.0.0.1"]


@pytest.mark.parametrize(
    ("given", "status", "roles"),
    [
        ({}, "Unknown", "<none>"),
        ({"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}}, "NotReady", "<none>"),
        (
            {
                "metadata": {"name": "n", "labels": {"node-role.kubernetes.io/control-plane": ""}},
                "spec": {"unschedulable": True},
                "status": {"conditions": [{"type": "Ready", "status": "True"}]},
            },
            "Ready,SchedulingDisabled",
            "control-plane",
        ),
    ],
)
def test_cells_of_nodes(given, status, roles):
    cells = table.table("Node", [{"metadata": {"name": "n"}, **given}], {}, now=T)["rows"][0]["cells"]
    assert cells[1:3] == [status, roles]


async def test_table_of_one_object_has_its_revision(server):
    made = await server.make("ConfigMap", "a", data={"x": "1"})
    path = "/api/v1/namespaces/default/configmaps/a"
    _, headers, shown = await server.call("GET", path, Accept=AS_TABLE)
    assert headers["Content-Type"] == "application/json"
    assert shown["metadata"] == {"resourceVersion": made["metadata"]["resourceVersion"]}
    assert shown["rows"][0]["cells"] == ["a", 1, "0s"]
    assert shown["rows"][0]["object"] == {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": made["metadata"],
    }
    _, _, shown = await server.call("GET", f"{path}?includeObject=Object", Accept=AS_TABLE)
    assert shown["rows"][0]["object"] == made
    _, _, shown = await server.call("GET", f"{path}?includeObject=None", Accept=AS_TABLE)
    assert shown["rows"][0]["object"] is None
    status, _, answer = await server.call("GET", f"{path}?includeObject=Bad", Accept=AS_TABLE)
    assert (status, answer["message"]) == (
        400,
        'Unable to convert to Table as requested: includeObject: Invalid value: "Bad": '
        "must be 'Metadata', 'Object', 'None', or empty",
    )


async def test_partial_metadata(server):
    made = await server.make("ConfigMap", "a", data={"x": "1"})
    accept = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
    _, _, shown = await server.call("GET", "/api/v1/namespaces/default/configmaps", Accept=accept)
    assert shown["kind"] == "PartialObjectMetadataList"
    assert [one["metadata"] for one in shown["items"]] == [made["metadata"]]
    assert "data" not in shown["items"][0]


async def test_forms_that_are_not_spoken_are_refused(server):
    await server.make("ConfigMap", "a")
    path = "/api/v1/namespaces/default/configmaps/a"
    for accept in ("text/html", "application/cbor"):
        status, _, answer = await server.call("GET", path, Accept=accept)
        assert (status, answer["reason"], answer["details"]) == (406, "NotAcceptable", {})
        assert answer["message"] == (
            "406: Not Acceptable\n\nAvailable representations: "
            "application/json, application/yaml, application/vnd.kubernetes.protobuf"
        )
    for accept in (
        "application/vnd.kubernetes.protobuf,application/json",
        "*/*",
        "application/json;q=0.5",
        "text/html,*/*",
    ):
        assert (await server.call("GET", path, Accept=accept))[0] == 200
