"""Watches over HTTP, held to what a 1.36 server sends."""

import asyncio

import pytest

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"


def kinds(events):
    return [(event["type"], event["object"]["metadata"].get("name")) for event in events]


async def test_watch_from_a_revision_gets_what_happened_since(server):
    made = await server.make("ConfigMap", "a", data={"x": "1"})
    await server.call("PUT", f"{CONFIG_MAPS}/a", {**made, "data": {"x": "2"}})
    await server.call("DELETE", f"{CONFIG_MAPS}/a")
    before = int(made["metadata"]["resourceVersion"]) - 1
    events = await server.watch(f"{CONFIG_MAPS}?watch=true&resourceVersion={before}", 3)
    assert kinds(events) == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]
    assert events[2]["object"]["data"] == {"x": "2"}
    revisions = [int(event["object"]["metadata"]["resourceVersion"]) for event in events]
    assert revisions == sorted(set(revisions))


async def test_watch_hears_of_new_writes(server):
    revision = server.store.revision
    watching = asyncio.create_task(server.watch(f"{CONFIG_MAPS}?watch=true&resourceVersion={revision}", 2))
    await server.make("ConfigMap", "elsewhere", namespace="kube-system")
    await server.make("Secret", "other")
    await server.make("ConfigMap", "a")
    await server.make("ConfigMap", "b")
    assert kinds(await watching) == [("ADDED", "a"), ("ADDED", "b")]


async def test_selected_watch_sees_objects_enter_and_leave(server):
    revision = server.store.revision
    made = await server.make("ConfigMap", "a", data={"x": "1"})
    labelled = {**made, "metadata": {**made["metadata"], "labels": {"on": "yes"}}}
    _, _, labelled = await server.call("PUT", f"{CONFIG_MAPS}/a", labelled)
    _, _, changed = await server.call("PUT", f"{CONFIG_MAPS}/a", {**labelled, "data": {"x": "2"}})
    bare = {**changed, "metadata": {**changed["metadata"], "labels": {}}, "data": {"x": "3"}}
    _, _, bare = await server.call("PUT", f"{CONFIG_MAPS}/a", bare)
    events = await server.watch(f"{CONFIG_MAPS}?watch=true&resourceVersion={revision}&labelSelector=on%3Dyes", 3)
    assert kinds(events) == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]
    last = events[2]["object"]
    assert last["data"] == {"x": "2"}
    assert last["metadata"]["labels"] == {"on": "yes"}
    assert last["metadata"]["resourceVersion"] == bare["metadata"]["resourceVersion"]


async def test_watch_list_ends_its_first_state_with_a_bookmark(server):
    await server.make("ConfigMap", "a")
    query = "watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    events = await server.watch(f"{CONFIG_MAPS}?{query}", 2)
    assert kinds(events) == [("ADDED", "a"), ("BOOKMARK", None)]
    assert events[1]["object"] == {
        "kind": "ConfigMap",
        "apiVersion": "v1",
        "metadata": {
            "resourceVersion": str(server.store.revision),
            "annotations": {"k8s.io/initial-events-end": "true"},
        },
    }


async def test_watch_of_one_name(server):
    revision = server.store.revision
    await server.make("ConfigMap", "a")
    await server.make("ConfigMap", "b")
    query = f"watch=true&resourceVersion={revision}&fieldSelector=metadata.name%3Db"
    assert kinds(await server.watch(f"{CONFIG_MAPS}?{query}", 1)) == [("ADDED", "b")]
    assert kinds(
        await server.watch(f"/api/v1/watch/namespaces/default/configmaps/b?resourceVersion={revision}", 1)
    ) == [("ADDED", "b")]


async def test_compacted_revision_is_one_error_event(server):
    await server.make("ConfigMap", "a")
    await server.make("ConfigMap", "b")
    server.store.compact(server.store.revision)
    [event] = await server.watch(f"{CONFIG_MAPS}?watch=true&resourceVersion=1", 1)
    assert event["type"] == "ERROR"
    assert event["object"] == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": f"too old resource version: 1 ({server.store.revision})",
        "reason": "Expired",
        "code": 410,
    }


async def test_watch_ends_when_its_time_is_up(server):
    await server.make("ConfigMap", "a")
    status, _, text = await server.call("GET", f"{CONFIG_MAPS}?watch=true&timeoutSeconds=1")
    assert (status, text["type"]) == (200, "ADDED")


async def test_initial_events_without_a_match_are_refused(server):
    status, _, answer = await server.call("GET", f"{CONFIG_MAPS}?watch=true&sendInitialEvents=true")
    assert status == 422
    assert answer["details"]["causes"] == [
        {
            "reason": "FieldValueForbidden",
            "message": "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
            "field": "resourceVersionMatch",
        }
    ]


@pytest.mark.parametrize("accept", ["application/json;as=Table;v=v1;g=meta.k8s.io,application/json"])
async def test_tables_bring_their_columns_once(server, accept):
    await server.make("ConfigMap", "a")
    await server.make("ConfigMap", "b")
    first, second = await server.watch(f"{CONFIG_MAPS}?watch=true", 2, accept=accept)
    assert [column["name"] for column in first["object"]["columnDefinitions"]] == ["Name", "Data", "Age"]
    assert second["object"]["columnDefinitions"] is None
    assert second["object"]["rows"][0]["cells"] == ["b", 0, "0s"]


async def test_nothing_is_delivered_before_it_is_durable(server, monkeypatch):
    """While the store's sync hangs, neither the writer nor a watcher hears of a write."""
    import threading

    gate, real = threading.Event(), server.store.sync
    monkeypatch.setattr(server.store, "sync", lambda: (gate.wait(10), real())[1])
    revision = server.store.revision
    watching = asyncio.create_task(server.watch(f"{CONFIG_MAPS}?watch=true&resourceVersion={revision}", 1))
    writing = asyncio.create_task(server.make("ConfigMap", "a"))
    reading = asyncio.create_task(server.call("GET", f"{CONFIG_MAPS}/a"))
    done, _ = await asyncio.wait({watching, writing, reading}, timeout=0.2)
    assert done <= {reading}  # a read that came before the write may answer 404
    gate.set()
    assert kinds(await watching) == [("ADDED", "a")]
    assert (await writing)["metadata"]["name"] == "a"
    assert (await reading)[0] in (200, 404)


async def test_watches_end_with_the_server(server):
    revision = server.store.revision
    watching = asyncio.create_task(server.call("GET", f"{CONFIG_MAPS}?watch=true&resourceVersion={revision}"))
    await server.make("ConfigMap", "a")
    await asyncio.sleep(0.05)
    await server.runner.shutdown()
    status, _, text = await asyncio.wait_for(watching, 5)
    assert (status, text["type"]) == (200, "ADDED")


async def test_body_that_is_too_large_is_refused(server):
    data = "x" * (4 << 20)
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"x": data}}
    status, _, answer = await server.call("POST", CONFIG_MAPS, body)
    assert (status, answer["reason"]) == (413, "RequestEntityTooLarge")
    assert answer["message"] == "Request entity too large: limit is 3145728"


async def test_client_that_leaves_early_leaves_nothing_behind(server, monkeypatch):
    """The first state is not durable yet when the client gives up."""
    import threading

    gate, real = threading.Event(), server.store.sync
    monkeypatch.setattr(server.store, "sync", lambda: (gate.wait(10), real())[1])
    writing = asyncio.create_task(server.make("ConfigMap", "a"))
    watching = asyncio.create_task(server.watch(f"{CONFIG_MAPS}?watch=true", 1))
    await asyncio.wait({watching, writing}, timeout=0.1)
    watching.cancel()
    await asyncio.wait({watching}, timeout=5)
    gate.set()
    assert (await writing)["metadata"]["name"] == "a"
    assert kinds(await server.watch(f"{CONFIG_MAPS}?watch=true", 1)) == [("ADDED", "a")]
