"""Objects → facts: each form of mapping, the delta, and the slow twin."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rulekube.engine.syntax import Column, Mapping
from rulekube.engine.values import Ref, to_json
from rulekube.facts.flatten import Flattener, ref_of
from rulekube.facts.quantity import nano

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "name": "p",
        "namespace": "shop",
        "uid": "u1",
        "labels": {"app": "cart", "tier": "web"},
        "creationTimestamp": "1970-01-01T00:00:01Z",
        "ownerReferences": [
            {"apiVersion": "v1", "kind": "ReplicationController", "name": "rc", "uid": "u9", "controller": True}
        ],
    },
    "spec": {
        "nodeName": "n1",
        "containers": [
            {"name": "a", "image": "x", "ports": [{"containerPort": 80}, {"containerPort": 81, "protocol": "UDP"}]},
            {"name": "b", "image": "y", "resources": {"requests": {"cpu": "100m"}}},
            {"name": "no image"},
        ],
    },
}
SELF = ref_of(POD)


def mapping(relation, columns, kind, path):
    """`name: type [from "…"] [default …]`, separated by commas."""
    made = [Column("object", "ref")]
    for text in filter(None, re.split(r",\s*", columns)):
        name, type_, source, default = re.fullmatch(r'(\w+): (\w+)(?: from "(.*?)")?(?: default (.+))?', text).groups()
        value = {None: None, "null": None, '""': "", "0": 0, '"TCP"': "TCP", "false": False}[default]
        made.append(Column(name, type_, source, value, default is None))
    return Mapping(relation, kind, path, tuple(made))


def found(columns, path, kind="Pod", raw=POD):
    return [fact[1:] for fact in Flattener([mapping("r", columns, kind, path)]).facts(raw).get("r", [])]


@pytest.mark.parametrize(
    ("columns", "path", "facts"),
    [
        ("node: symbol", "spec.nodeName", [("n1",)]),
        ("name: symbol", "spec.hostname", []),
        ('name: symbol default ""', "spec.hostname", [("",)]),
        ("key: symbol, value: symbol", "metadata.labels{key}", [("app", "cart"), ("tier", "web")]),
        ("labels: json", "metadata.labels", [(to_json({"tier": "web", "app": "cart"}),)]),
        ("index: int, name: symbol, image: symbol", "spec.containers[index]", [(0, "a", "x"), (1, "b", "y")]),
        (
            'c: int, i: int, port: int from "containerPort", protocol: symbol default "TCP"',
            "spec.containers[c].ports[i]",
            [(0, 0, 80, "TCP"), (0, 1, 81, "UDP")],
        ),
        (
            "i: int, resource: symbol, amount: quantity",
            "spec.containers[i].resources.requests{resource}",
            [(1, "cpu", 10**8)],
        ),
        ("time: time", "metadata.creationTimestamp", [(1_000_000,)]),
        ('name: symbol from "metadata.name", node: symbol from "spec.nodeName"', "", [("p", "n1")]),
        ('first: symbol from "spec.containers[0].image", kind: symbol', "", [("x", "Pod")]),
        ('image: symbol from "image"', "spec.containers[index]", [("x",), ("y",)]),
        (
            'owner: ref from ".", controller: bool default false',
            "metadata.ownerReferences[index]",
            [(Ref("replicationcontroller/shop/rc", "u9"), True)],
        ),
        ("owner: ref", "metadata.ownerReferences[index]", [(Ref("replicationcontroller/shop/rc", "u9"),)]),
        ("spec: int", "spec.nodeName", []),
        ("spec: int default 0", "spec.nodeName", [(0,)]),
        ("i: int, spec: json", "spec.containers[i].ports", [(0, to_json(POD["spec"]["containers"][0]["ports"]))]),
    ],
)
def test_a_mapping_finds(columns, path, facts):
    assert found(columns, path) == facts


def test_kinds_may_be_one_several_or_all():
    assert found("name: symbol", "metadata.name", "Node") == []
    assert found("name: symbol", "metadata.name", "Node, Pod") == [("p",)]
    assert found("name: symbol", "metadata.name", "*") == [("p",)]


def test_a_reference_to_a_kind_without_namespace_has_none():
    raw = {
        "kind": "Pod",
        "metadata": {"name": "p", "namespace": "ns", "ownerReferences": [{"kind": "Node", "name": "n", "uid": "u"}]},
    }
    assert found("owner: ref", "metadata.ownerReferences[i]", raw=raw) == [(Ref("node/n", "u"),)]


def test_refs_are_paths_with_uids():
    assert SELF is Ref("pod/shop/p", "u1")
    assert ref_of({"kind": "Node", "metadata": {"name": "n1", "uid": "u2"}}) is Ref("node/n1", "u2")


def test_a_delta_is_the_net_difference():
    flattener = Flattener([mapping("label", "key: symbol, value: symbol", "*", "metadata.labels{key}")])
    new = {**POD, "metadata": {**POD["metadata"], "labels": {"tier": "web", "app": "shop"}}}
    assert flattener.delta(POD, new) == ({"label": [(SELF, "app", "shop")]}, {"label": [(SELF, "app", "cart")]})
    assert flattener.delta(POD, POD) == ({}, {})
    assert flattener.delta(None, POD) == (flattener.facts(POD), {})
    assert flattener.delta(POD, None) == ({}, flattener.facts(POD))


def test_a_recreated_object_is_another():
    flattener = Flattener([mapping("name", "name: symbol", "*", "metadata.name")])
    again = {**POD, "metadata": {**POD["metadata"], "uid": "u2"}}
    assert flattener.delta(POD, again) == ({"name": [(ref_of(again), "p")]}, {"name": [(SELF, "p")]})


def test_a_path_that_cannot_be_read_is_refused():
    with pytest.raises(ValueError, match="column 5"):
        Flattener([mapping("r", "x: int", "Pod", "spec..x")])


MAPPINGS = [
    mapping("node", "node: symbol", "Pod", "spec.nodeName"),
    mapping("hostname", 'hostname: symbol default ""', "Pod", "spec.hostname"),
    mapping("label", "key: symbol, value: symbol", "*", "metadata.labels{key}"),
    mapping("labels", "labels: json", "*", "metadata.labels"),
    mapping("container", "index: int, name: symbol, image: symbol default null", "Pod", "spec.containers[index]"),
    mapping(
        "port",
        'c: int, i: int, port: int from "containerPort", host: int from "hostPort" default 0',
        "Pod",
        "spec.containers[c].ports[i]",
    ),
    mapping(
        "request",
        "c: int, resource: symbol, amount: quantity",
        "Pod",
        "spec.containers[c].resources.requests{resource}",
    ),
    mapping("identity", 'kind: symbol, node: symbol from "spec.nodeName" default ""', "*", ""),
    mapping("spec", "spec: json", "Pod", "spec"),
]


def slow(mapping, raw):
    """The twin: every place of the object, tried against the path as text."""
    pattern = re.escape(mapping.path)
    pattern = re.sub(r"\\\[(\w+)\\\]", r"\\[(?P<\1>\\d+)\\]", pattern)
    pattern = re.sub(r"\\\{(\w+)\\\}", r"\\{(?P<\1>[^{}]*)\\}", pattern)
    columns = mapping.columns[1:]

    def places(value, path):
        yield path, value
        if isinstance(value, dict):
            for key, item in value.items():
                yield from places(item, f"{path}.{key}".lstrip("."))
                yield path + "{" + key + "}", item
        if isinstance(value, list):
            for index, item in enumerate(value):
                yield from places(item, f"{path}[{index}]")

    elements = [(m.groupdict(), value) for path, value in places(raw, "") if (m := re.fullmatch(pattern, path))]
    if mapping.path and "[" not in mapping.path and "{" not in mapping.path and not elements:
        elements = [({}, None)] if len(columns) == 1 else []
    facts = set()
    for bound, element in elements:
        free = [c for c in columns if c.name not in bound]
        fact = [ref_of(raw)]
        for column in columns:
            if column.name in bound:
                value = int(bound[column.name]) if column.type == "int" else bound[column.name]
            else:
                keys = column.path.split(".") if column.path else [] if len(free) == 1 else [column.name]
                value = element
                for key in keys:
                    value = value.get(key) if isinstance(value, dict) else None
                kinds = {"symbol": str, "int": int, "json": object, "quantity": str}
                value = None if value is None or not isinstance(value, kinds[column.type]) else value
                value = (
                    to_json(value)
                    if column.type == "json"
                    else nano(value)
                    if value and column.type == "quantity"
                    else value
                )
                if value is None and column.required:
                    break
                value = column.default if value is None else value
            fact.append(value)
        else:
            facts.add(tuple(fact))
    return facts


names = st.sampled_from(["a", "b", "c"])
sometimes = lambda strategy: st.none() | strategy  # noqa: E731
port = st.fixed_dictionaries({"containerPort": sometimes(st.integers(1, 3))}, optional={"hostPort": st.integers(1, 3)})
container = st.fixed_dictionaries(
    {"name": names},
    optional={
        "image": sometimes(names),
        "ports": st.lists(port, max_size=2),
        "resources": st.fixed_dictionaries(
            {"requests": st.dictionaries(names, st.sampled_from(["1", "100m"]), max_size=2)}
        ),
    },
)
pods = st.fixed_dictionaries(
    {
        "kind": st.just("Pod"),
        "metadata": st.fixed_dictionaries(
            {"name": st.just("p"), "uid": names}, optional={"labels": st.dictionaries(names, names, max_size=2)}
        ),
    },
    optional={
        "spec": st.fixed_dictionaries(
            {}, optional={"nodeName": names, "hostname": names, "containers": st.lists(container, max_size=2)}
        )
    },
)


@settings(max_examples=150, deadline=None)
@given(pods, pods)
def test_facts_agree_with_the_slow_twin_and_deltas_lead_from_state_to_state(old, new):
    flattener = Flattener(MAPPINGS)
    states = []
    for raw in (old, new):
        facts = flattener.facts(raw)
        assert {name: set(rows) for name, rows in facts.items()} == {
            m.relation: s for m in MAPPINGS if (s := slow(m, raw))
        }
        states.append({(name, row) for name, rows in facts.items() for row in rows})
    insert, retract = (
        {(name, row) for name, rows in part.items() for row in rows} for part in flattener.delta(old, new)
    )
    assert states[0] - retract | insert == states[1]
    assert retract <= states[0]
    assert not insert & states[0]


def test_the_shipped_schema_maps_a_pod():
    from pathlib import Path

    from rulekube.engine import Database

    database = Database.from_files([Path(__file__).parents[2] / "rulekube/rules/schema.dl"])
    facts = Flattener(database.inputs()).facts(POD)
    assert facts["pod_node"] == [(SELF, "n1")]
    assert facts["container_request"] == [(SELF, 1, "cpu", 10**8)]
    database.commit(insert=facts)
    assert database.facts("pod_node") == [(SELF, "n1")]
