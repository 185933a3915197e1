"""What every store promises, tried on each backend."""

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rulekube.facts.store import AlreadyExists, Compacted, Conflict, Key, MemoryStore, NotFound, Write
from rulekube.facts.store.sqlite import SQLiteStore

BACKENDS = {
    "memory": lambda path: MemoryStore(),
    "sqlite": SQLiteStore,
    "sqlite-small-window": lambda path: SQLiteStore(path, window=2),
}
A, B, C = (Key("configmaps", "ns", name) for name in "abc")


@pytest.fixture(params=BACKENDS)
def store(request, tmp_path):
    opened = BACKENDS[request.param](tmp_path / "store.db")
    yield opened
    opened.close()


def body(value):
    return {"metadata": {"name": "x"}, "data": {"value": value}}


def put(store, key, value=0, expect=None):
    return store.transact([Write(key, body(value), expect)])[0]


def test_each_write_has_its_own_consecutive_revision(store):
    changes = store.transact([Write(A, body(1)), Write(B, body(2)), Write(A, body(3))])
    assert [(c.revision, c.type, c.key) for c in changes] == [(1, "ADDED", A), (2, "ADDED", B), (3, "MODIFIED", A)]
    assert store.revision == 3
    assert store.get(A) == {"metadata": {"name": "x", "resourceVersion": "3"}, "data": {"value": 3}}


def test_the_callers_object_is_not_changed(store):
    mine = body(1)
    store.transact([Write(A, mine)])
    assert mine == body(1)


def test_a_deletion_carries_the_last_object_with_its_own_revision(store):
    put(store, A, 7)
    (change,) = store.transact([Write(A, None)])
    assert (change.type, change.object["data"], change.object["metadata"]["resourceVersion"]) == (
        "DELETED",
        {"value": 7},
        "2",
    )
    assert change.previous["metadata"]["resourceVersion"] == "1"
    assert store.get(A) is None
    assert store.list("configmaps") == []


@pytest.mark.parametrize(
    ("expect", "error"), [(0, AlreadyExists), (7, Conflict)], ids=["must not exist", "must have another revision"]
)
def test_an_unmet_expectation_is_refused(store, expect, error):
    put(store, A)
    with pytest.raises(error):
        put(store, A, expect=expect)


def test_a_missing_object_is_not_found(store):
    with pytest.raises(NotFound):
        put(store, A, expect=3)
    with pytest.raises(NotFound):
        store.transact([Write(A, None)])


def test_a_met_expectation_is_written(store):
    put(store, A, expect=0)
    assert put(store, A, expect=1).revision == 2


def test_a_refused_transaction_leaves_nothing_behind(store):
    put(store, A, 1)
    heard = []
    store.subscribe(heard.append)
    with pytest.raises(Conflict):
        store.transact([Write(B, body(1)), Write(A, None), Write(A, body(2), 0), Write(A, body(3), 1)])
    assert (store.revision, store.get(A)["data"], store.get(B), heard) == (1, {"value": 1}, None, [])


def test_lists_are_in_key_order_and_by_namespace(store):
    for key in (
        Key("pods", "b", "y"),
        Key("pods", "a", "z"),
        Key("pods", "b", "x"),
        Key("pods", "", "n"),
        Key("nodes", "", "q"),
    ):
        store.transact([Write(key, {"metadata": {"namespace": key.namespace, "name": key.name}})])
    names = [(o["metadata"]["namespace"], o["metadata"]["name"]) for o in store.list("pods")]
    assert names == [("", "n"), ("a", "z"), ("b", "x"), ("b", "y")]
    assert [o["metadata"]["name"] for o in store.list("pods", "b")] == ["x", "y"]
    assert store.list("services") == []


def test_a_snapshot_holds_objects_their_json_and_the_revision(store):
    put(store, A, 5)
    snapshot = store.snapshot("configmaps")
    assert snapshot.revision == 1
    assert (
        snapshot.encoded
        == [store.encoded(A)]
        == [b'{"metadata":{"name":"x","resourceVersion":"1"},"data":{"value":5}}']
    )
    assert snapshot.objects == [store.get(A)]


def test_changes_can_be_read_from_any_retained_revision(store):
    written = [put(store, key, n) for n, key in enumerate([A, B, A, C, A])]
    store.sync()
    for after in range(6):
        assert store.changes(after) == written[after:]


def test_compaction_refuses_older_revisions_and_keeps_objects_and_previous_ones(store):
    written = [put(store, key, n) for n, key in enumerate([A, B, A, C, A])]
    store.compact(3)
    assert store.compacted == 3
    with pytest.raises(Compacted):
        store.changes(2)
    assert store.changes(3) == written[3:]
    assert store.get(B)["data"] == {"value": 1}


def test_subscribers_hear_each_transaction_once_and_in_order(store):
    heard = []
    unsubscribe = store.subscribe(lambda changes: heard.append([c.revision for c in changes]))
    put(store, A)
    store.transact([Write(B, body(1)), Write(C, body(1))])
    unsubscribe()
    put(store, A)
    assert heard == [[1], [2, 3]]


def test_a_subscriber_sees_the_transaction_it_hears_of(store):
    seen = []
    store.subscribe(lambda changes: seen.append(store.get(changes[0].key)["data"]["value"]))
    put(store, A, 9)
    assert seen == [9]


def test_an_empty_transaction_takes_no_revision(store):
    assert store.transact([]) == []
    assert store.revision == 0


def test_writers_in_several_threads_share_one_order(store):
    heard = []
    store.subscribe(lambda changes: heard.extend(c.revision for c in changes))

    def write(namespace):
        for n in range(100):
            store.transact([Write(Key("pods", namespace, str(n)), body(n))])
            if n % 10 == 0:
                store.sync()

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert heard == list(range(1, 401))
    assert store.sync() == 400
    assert [c.revision for c in store.changes(0)] == heard


operations = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.sampled_from([A, B, C]), st.integers(0, 3), st.sampled_from([None, 0, -1, 1])),
        st.tuples(st.just("delete"), st.sampled_from([A, B, C]), st.none(), st.sampled_from([None, 0, -1, 1])),
        st.tuples(st.just("compact"), st.integers(0, 20), st.none(), st.none()),
        st.tuples(st.just("sync"), st.none(), st.none(), st.none()),
        st.tuples(st.just("reopen"), st.none(), st.none(), st.none()),
    ),
    max_size=30,
)


@settings(max_examples=40, deadline=None)
@given(operations)
def test_the_store_agrees_with_a_dictionary_and_a_list(tmp_path_factory, operations):
    """The dumb twin: a dict of present objects and a list of everything that happened."""
    path = tmp_path_factory.mktemp("twin") / "store.db"
    store, present, log, compacted = SQLiteStore(path, window=3), {}, [], 0
    for name, key, value, expect in operations:
        if name == "sync":
            store.sync()
        elif name == "reopen":
            store.close()
            store = SQLiteStore(path, window=3)
        elif name == "compact":
            store.compact(key)
            compacted = max(compacted, min(key, len(log)))
        else:
            held = present.get(key, (None, 0))[1]
            expected = held if expect == -1 else expect
            fails = (expected is not None and expected != held) or (name == "delete" and not held)
            try:
                store.transact([Write(key, body(value) if name == "put" else None, expected)])
                assert not fails
            except (AlreadyExists, Conflict, NotFound):
                assert fails
                continue
            log.append((key, name))
            present[key] = (value, len(log)) if name == "put" else (None, 0)
        assert store.revision == len(log)
        for key in (A, B, C):
            got = store.get(key)
            want, revision = present.get(key, (None, 0))
            assert (got and (got["data"]["value"], got["metadata"]["resourceVersion"])) == (
                (revision and (want, str(revision))) or None
            )
        assert store.compacted == compacted
        for after in {compacted, (compacted + len(log)) // 2, len(log)}:
            assert [(c.key, "delete" if c.type == "DELETED" else "put") for c in store.changes(after)] == log[after:]
            assert all((c.previous is None) == (c.type == "ADDED") for c in store.changes(after))
    store.close()
