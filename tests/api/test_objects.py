"""Objects over HTTP: create, get, list, update, delete."""

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"


async def test_created_object_is_answered_and_found_again(server):
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"x": "1"}}
    status, headers, made = await server.call("POST", CONFIG_MAPS, body)
    assert status == 201
    assert headers["Cache-Control"] == "no-cache, private"
    assert made["metadata"]["managedFields"] == [
        {
            "manager": "tester",
            "operation": "Update",
            "apiVersion": "v1",
            "time": "2026-01-02T03:04:05Z",
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:data": {".": {}, "f:x": {}}},
        }
    ]
    assert await server.call("GET", f"{CONFIG_MAPS}/a") == (
        200,
        headers_of(await server.call("GET", f"{CONFIG_MAPS}/a")),
        made,
    )


def headers_of(answer):
    return answer[1]


async def test_list_has_the_kind_the_revision_and_the_objects(server):
    for name in ("b", "a"):
        await server.make("ConfigMap", name)
    status, _, found = await server.call("GET", CONFIG_MAPS)
    assert (status, found["kind"], found["apiVersion"]) == (200, "ConfigMapList", "v1")
    assert found["metadata"] == {"resourceVersion": str(server.store.revision)}
    assert [one["metadata"]["name"] for one in found["items"]] == ["a", "b"]


async def test_list_of_all_namespaces(server):
    await server.make("ConfigMap", "a")
    await server.make("ConfigMap", "b", namespace="kube-system")
    _, _, found = await server.call("GET", "/api/v1/configmaps")
    assert [one["metadata"]["namespace"] for one in found["items"]] == ["default", "kube-system"]


async def test_pages_show_one_revision(server):
    for name in ("a", "b", "c"):
        await server.make("ConfigMap", name)
    _, _, first = await server.call("GET", f"{CONFIG_MAPS}?limit=2")
    assert first["metadata"]["remainingItemCount"] == 1
    await server.call("DELETE", f"{CONFIG_MAPS}/c")
    await server.make("ConfigMap", "d")
    _, _, second = await server.call("GET", f"{CONFIG_MAPS}?limit=2&continue={first['metadata']['continue']}")
    assert [one["metadata"]["name"] for one in second["items"]] == ["c"]
    assert second["metadata"] == {"resourceVersion": first["metadata"]["resourceVersion"]}


async def test_list_at_an_exact_revision(server):
    made = await server.make("ConfigMap", "a", data={"x": "1"})
    await server.call("PUT", f"{CONFIG_MAPS}/a", {**made, "data": {"x": "2"}})
    await server.make("ConfigMap", "b")
    at = f"resourceVersion={made['metadata']['resourceVersion']}&resourceVersionMatch=Exact"
    _, _, found = await server.call("GET", f"{CONFIG_MAPS}?{at}")
    assert [one["data"] for one in found["items"]] == [{"x": "1"}]


async def test_update_with_a_stale_revision_is_a_conflict(server):
    made = await server.make("ConfigMap", "a")
    assert (await server.call("PUT", f"{CONFIG_MAPS}/a", {**made, "data": {"x": "2"}}))[0] == 200
    status, _, answer = await server.call("PUT", f"{CONFIG_MAPS}/a", {**made, "data": {"x": "3"}})
    assert (status, answer["reason"]) == (409, "Conflict")
    assert answer["message"] == (
        'Operation cannot be fulfilled on configmaps "a": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )


async def test_deletion_is_answered_by_a_status(server):
    made = await server.make("ConfigMap", "a")
    status, _, answer = await server.call("DELETE", f"{CONFIG_MAPS}/a")
    assert status == 200
    assert answer == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {"name": "a", "kind": "configmaps", "uid": made["metadata"]["uid"]},
    }
    assert (await server.call("GET", f"{CONFIG_MAPS}/a"))[0] == 404


async def test_collection_is_deleted_by_selector(server):
    await server.make("ConfigMap", "a", metadata={"labels": {"app": "x"}})
    await server.make("ConfigMap", "b")
    status, _, gone = await server.call("DELETE", f"{CONFIG_MAPS}?labelSelector=app%3Dx")
    assert status == 200
    assert [one["metadata"]["name"] for one in gone["items"]] == ["a"]
    _, _, left = await server.call("GET", CONFIG_MAPS)
    assert [one["metadata"]["name"] for one in left["items"]] == ["b"]


async def test_dry_run_changes_nothing(server):
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}
    status, _, answer = await server.call("POST", f"{CONFIG_MAPS}?dryRun=All", body)
    assert (status, answer["metadata"]["name"]) == (201, "a")
    assert "resourceVersion" not in answer["metadata"]
    assert (await server.call("GET", f"{CONFIG_MAPS}/a"))[0] == 404


async def test_deleting_a_service_answers_the_service(server):
    await server.make("Service", "s", spec={"ports": [{"port": 80}]})
    status, _, gone = await server.call("DELETE", "/api/v1/namespaces/default/services/s")
    assert (status, gone["kind"], gone["metadata"]["name"]) == (200, "Service", "s")
