"""What holds after any sequence of writes, whoever makes them."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from rulekube.errors import ApiError
from rulekube.facts import resources
from rulekube.facts.deletion import DeleteOptions
from rulekube.facts.store import Key, MemoryStore
from rulekube.facts.timestamp import SECOND
from rulekube.facts.writer import Writer

CM, POD, NS = (resources.row(key) for key in ("configmaps", "pods", "namespaces"))
ROWS = {"configmaps": CM, "pods": POD}
names = st.sampled_from(["a", "b"])
kinds = st.sampled_from(["configmaps", "pods"])
finalizers = st.lists(st.sampled_from(["example.com/x", "example.com/y"]), unique=True, max_size=2)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("create"), kinds, names, finalizers, st.booleans()),
        st.tuples(st.just("label"), kinds, names, st.sampled_from(["1", "2"]), st.none()),
        st.tuples(st.just("spec"), kinds, names, st.integers(1, 3), st.none()),
        st.tuples(st.just("finalizers"), kinds, names, finalizers, st.none()),
        st.tuples(st.just("status"), kinds, names, st.sampled_from(["Running", "Failed"]), st.none()),
        st.tuples(
            st.just("delete"),
            kinds,
            names,
            st.sampled_from([None, 0, 5, 60]),
            st.sampled_from([None, "Background", "Foreground", "Orphan"]),
        ),
    ),
    max_size=25,
)


def raw_object(kind, name, held, scheduled):
    metadata = {"name": name, "finalizers": held}
    if kind == "configmaps":
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
    spec = {"containers": [{"name": "c", "image": "x"}], **({"nodeName": "n"} if scheduled else {})}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def perform(writer, step):
    verb, kind, name, value, extra = step
    row = ROWS[kind]

    def metadata(live, **fields):
        return {**live, "metadata": {**live["metadata"], **fields}}

    changes = {
        "label": lambda live: metadata(live, labels={"l": value}),
        "finalizers": lambda live: metadata(live, finalizers=value),
        "spec": lambda live: (
            {**live, "spec": {**live["spec"], "activeDeadlineSeconds": value}}
            if kind == "pods"
            else {**live, "data": {"n": str(value)}}
        ),
        "status": lambda live: {**live, "status": {**live.get("status", {}), "phase": value}},
    }
    if verb == "create":
        return writer.create(row, "ns", raw_object(kind, name, value, extra))
    if verb == "delete":
        return writer.delete(row, "ns", name, DeleteOptions(value, propagation=extra))
    return writer.patch(row, "ns", name, changes[verb], "status" if verb == "status" else "")


def follows(old, new):
    """What may not happen to one object from one state to the next."""
    before, after = old["metadata"], new["metadata"]
    assert (before["uid"], before["creationTimestamp"]) == (after["uid"], after["creationTimestamp"])
    assert after.get("generation", 0) >= before.get("generation", 0)
    assert "deletionTimestamp" not in before or "deletionTimestamp" in after
    if "deletionTimestamp" in before:
        assert after["deletionTimestamp"] <= before["deletionTimestamp"]
        added = set(after.get("finalizers", ())) - set(before.get("finalizers", ()))
        assert added <= {"orphan", "foregroundDeletion"}  # asked for by a second deletion; nobody else may add any


@settings(max_examples=60, deadline=None)
@given(steps)
def test_identity_time_and_deletion_only_move_forward(sequence):
    store, uids, clock = MemoryStore(), itertools.count(), itertools.count(10**15, SECOND)
    writer = Writer(store, lambda: next(clock), lambda: f"uid-{next(uids)}")
    writer.create(NS, "", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ns"}})
    for step in sequence:
        revision = store.revision
        try:
            written = perform(writer, step)
        except ApiError:
            assert store.revision == revision
            continue
        changes = store.changes(revision)
        assert [change.revision for change in changes] == list(range(revision + 1, store.revision + 1))
        assert (written.type == "") == (changes == [])
        for change in changes:
            if change.previous is not None and change.type == "MODIFIED":
                follows(change.previous, change.object)
                assert change.previous != change.object
        live = store.get(Key(step[1], "ns", step[2]))
        if live is not None and "deletionTimestamp" in live["metadata"]:
            assert live["metadata"].get("finalizers") or live["metadata"]["deletionGracePeriodSeconds"] > 0
        if written.type == "DELETED":
            assert live is None
