"""Who may do what before anybody has stated roles of his own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rulekube import rules
from rulekube.engine import Database
from rulekube.facts.functions import FUNCTIONS

KNOWN = "system:authenticated"
Ask = Callable[..., list[str]]


@pytest.fixture(scope="module")
def database() -> Database:
    return Database.from_files(rules.paths(rules.AUTH), functions=FUNCTIONS)


@pytest.fixture
def ask(database: Database) -> Ask:
    """The roles that allow a request: `ask(groups, verb, "group/resource/sub")` or `ask(groups, verb, path="/…")`."""

    def roles(groups: list[str], verb: str, resource: str = "", path: str = "", **of: str) -> list[str]:
        group, name, sub = resource.split("/") if resource else ("", "", "")
        fact = (of.get("user", "alice"), verb, group, name, sub, of.get("namespace", "shop"), of.get("name", ""), path)
        facts: dict[str, list[Any]] = {"attempt": [fact], "attempt_group": [(each,) for each in groups]}
        return sorted(role for (role,) in database.what_if(insert=facts).inserted.get("allowed", []))

    return roles


def test_administrators_may_do_everything(ask: Ask) -> None:
    for resource in ("/pods/", "/pods/exec", "apps/deployments/", "example.com/dreams/status"):
        assert ask(["system:masters", KNOWN], "delete", resource) == ["cluster-admin"]
    assert "cluster-admin" in ask(["system:masters", KNOWN], "get", path="/metrics")


@pytest.mark.parametrize(("verb", "resource"), [
    ("list", "/pods/"), ("get", "/nodes/"), ("create", "/configmaps/"), ("delete", "/pods/"), ("list", "/namespaces/"),
    ("create", "rbac.authorization.k8s.io/rolebindings/"),
])  # fmt: skip
def test_others_may_touch_nothing(ask: Ask, verb: str, resource: str) -> None:
    assert ask(["dev", KNOWN], verb, resource) == []


@pytest.mark.parametrize("path", [
    "/api", "/api/v1", "/apis", "/apis/apps/v1", "/openapi/v3", "/version", "/healthz", "/livez", "/readyz",
])  # fmt: skip
def test_whoever_is_known_may_discover_the_server(ask: Ask, path: str) -> None:
    assert ask([KNOWN], "get", path=path)
    assert ask([KNOWN], "post", path=path) == []


@pytest.mark.parametrize(("path", "open_to_all"), [
    ("/healthz", True), ("/version", True), ("/api", False), ("/metrics", False), ("/readyz", True), ("/", False),
])  # fmt: skip
def test_the_unknown_may_ask_only_whether_the_server_lives(ask: Ask, path: str, open_to_all: bool) -> None:
    assert bool(ask(["system:unauthenticated"], "get", path=path)) == open_to_all


def test_everybody_known_may_ask_about_himself(ask: Ask) -> None:
    assert ask([KNOWN], "create", "authorization.k8s.io/selfsubjectaccessreviews/") == ["system:basic-user"]
    assert ask([KNOWN], "create", "authentication.k8s.io/selfsubjectreviews/") == ["system:basic-user"]
    assert ask([KNOWN], "list", "authentication.k8s.io/selfsubjectreviews/") == []


@pytest.mark.parametrize(("verb", "resource", "may"), [
    ("watch", "/pods/", True), ("patch", "/pods/status", True), ("update", "coordination.k8s.io/leases/", True),
    ("patch", "/nodes/status", True), ("create", "/events/", True), ("list", "discovery.k8s.io/endpointslices/", True),
    ("patch", "/pods/", False), ("delete", "/nodes/", False), ("create", "/services/", False),
    ("get", "apps/pods/", False),
])  # fmt: skip
def test_a_nodes_agent_may_do_its_work(ask: Ask, verb: str, resource: str, may: bool) -> None:
    assert ask(["system:nodes", KNOWN], verb, resource, user="system:node:n1") == (["system:node"] if may else [])


def test_a_role_of_ones_own_holds_in_its_namespace_for_its_verbs_and_names(database: Database, ask: Ask) -> None:
    database.load("mine", """
        role_holder("reader", "User", "alice", "shop").
        role_resource("reader", "get", "", "configmaps", "motd").
        role_resource("reader", "get", "", "*/status", "*").
    """)  # fmt: skip
    try:
        assert ask([KNOWN], "get", "/configmaps/", name="motd") == ["reader"]
        assert ask([KNOWN], "get", "/pods/status") == ["reader"]
        assert ask([KNOWN], "get", "/configmaps/", name="other") == []
        assert ask([KNOWN], "get", "/configmaps/", name="motd", namespace="else") == []
        assert ask([KNOWN], "get", "/configmaps/", name="motd", user="bob") == []
        assert ask([KNOWN], "update", "/configmaps/", name="motd") == []
    finally:
        database.unload("mine")
    assert ask([KNOWN], "get", "/configmaps/", name="motd") == []
