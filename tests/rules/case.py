"""Cases of rules as files: objects are applied and observed, and each step says which actions become owed by it.

note: replicationcontroller/a missing pod is created
rules: [controllers/replicationcontroller_status.dl]
settings: {root-ca: PEM}                         # optional
objects:                                         # named, for the steps
  web: {apiVersion: v1, kind: ReplicationController, metadata: {name: web, namespace: shop}, …}
steps:
  - apply: [web, {like: web, metadata: {name: other}}]   # like: a merge patch of a named object
    actions:                                     # exactly these become owed; what is not said is not compared
      - create_object: {owner: replicationcontroller/shop/web, slot: "0", object: {kind: Pod}}
    done: [delete_object]                        # relations of actions that are owed no longer, one entry each
  - delete: [web]
  - observe: {failed: [[...]]}                   # facts that are no objects come; `forget` takes them back
  - elapse: 50                                   # seconds
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from rulekube import rules
from rulekube.actuators.base import Action
from rulekube.engine import Ref, from_json, to_json
from rulekube.facts import flatten
from rulekube.facts.inbox import Delta
from rulekube.facts.merge import merge_patch
from rulekube.facts.store.memory import MemoryStore
from rulekube.facts.timestamp import parse_time
from rulekube.reconciler import Reconciler

START = "2026-01-01T00:00:00Z"


@dataclass
class World:
    """A reconciler without actuators; the steps of a case move its facts."""

    case: dict[str, Any]
    now: int = parse_time(START)
    present: dict[str, dict[str, Any]] = field(default_factory=dict)  # path → object
    revision: int = 0

    def __post_init__(self) -> None:
        paths = rules.paths(tuple(self.case["rules"]))
        self.reconciler = Reconciler(paths, MemoryStore(), lambda: self.now, self.case.get("settings"))
        self.flattener = flatten.Flattener(self.reconciler.db.inputs())
        self.reconciler.catch_up()

    def step(self, step: dict[str, Any]) -> tuple[list[Action], list[str]]:
        """Take one step: the actions that became owed, and the relations of those that ended."""
        before = self._owed()
        insert: dict[str, list[Any]] = {}
        retract: dict[str, list[Any]] = {}
        for named in step.get("apply", ()):
            new = self._object(named)
            self._move(flatten.ref_of(new).path, new, insert, retract)
        for path in step.get("delete", ()):
            self._move(path, None, insert, retract)
        for relation, facts in step.get("observe", {}).items():
            insert.setdefault(relation, []).extend(tuple(map(to_json, fact)) for fact in facts)
        for relation, facts in step.get("forget", {}).items():
            retract.setdefault(relation, []).extend(tuple(map(to_json, fact)) for fact in facts)
        self.revision += 1
        self.now += step.get("elapse", 0) * 1_000_000
        self.reconciler.handle(Delta(insert, retract, self.revision))
        self.reconciler.catch_up()
        after = self._owed()
        fresh = [action for key, action in after.items() if before.get(key) != action]
        return fresh, sorted(key[0] for key in before if key not in after)

    def _move(self, path: str, new: dict[str, Any] | None, insert: dict[str, Any], retract: dict[str, Any]) -> None:
        old = self.present.pop(path, None)
        if new is not None:
            self.present[path] = new
        for lists, found in zip((insert, retract), self.flattener.delta(old, new), strict=True):
            for relation, facts in found.items():
                lists.setdefault(relation, []).extend(facts)

    def _owed(self) -> dict[Any, Action]:
        return dict(self.reconciler.owed.of("objects"))

    def _object(self, named: str | dict[str, Any]) -> dict[str, Any]:
        if isinstance(named, str):
            raw = self.case["objects"][named]
        else:
            change = {key: value for key, value in named.items() if key != "like"}
            raw = merge_patch(self.case["objects"][named["like"]], change) if "like" in named else change
        metadata = raw["metadata"]
        made = {"uid": f"uid-{metadata['name']}", "creationTimestamp": START}
        return {**raw, "metadata": {**made, **metadata}}


def matches(expected: Any, actual: Any) -> bool:
    """Whether `actual` has all that `expected` says: fields of objects may be left out, elements of lists may not."""
    if isinstance(expected, dict):
        return isinstance(actual, dict) and all(
            key in actual and matches(value, actual[key]) for key, value in expected.items()
        )
    if isinstance(expected, list):
        return (
            isinstance(actual, list)
            and len(expected) == len(actual)
            and all(matches(one, other) for one, other in zip(expected, actual, strict=True))
        )
    return bool(expected == actual)


def shown(action: Action, columns: tuple[str, ...]) -> dict[str, Any]:
    """An action as cases write it."""
    values = [value.path if isinstance(value, Ref) else from_json(value) for value in action.values]
    return {action.relation: dict(zip(columns, values, strict=True))}


def run(case: dict[str, Any]) -> None:
    """Take every step of a case and compare."""
    world = World(case)
    columns = {name: world.reconciler.db.program.relations[name].columns for name in world.reconciler.db.actions()}
    for number, step in enumerate(case["steps"], 1):
        fresh, done = world.step(step)
        actual = [shown(action, columns[action.relation]) for action in fresh]
        expected = list(step.get("actions", ()))
        left = list(actual)
        for wanted in expected:
            found = next((one for one in left if matches(wanted, one)), None)
            assert found is not None, f"step {number}: no such action became owed: {wanted}\nowed: {_lines(actual)}"
            left.remove(found)
        assert not left, f"step {number}: these became owed too: {_lines(left)}"
        assert done == sorted(step.get("done", ())), f"step {number}: ended {done}"
        assert not world.reconciler.owed.conflicts, f"step {number}: {world.reconciler.owed.conflicts}"


def _lines(actions: list[dict[str, Any]]) -> str:
    return "".join("\n  " + str(action) for action in actions)


def load(folder: Path) -> list[tuple[str, dict[str, Any]]]:
    """The cases below a folder, by their notes. A file's later documents inherit `rules` and `objects`."""
    found = []
    for path in sorted(folder.rglob("*.yaml")):
        inherited: dict[str, Any] = {}
        for document in yaml.safe_load_all(path.read_text()):
            objects = inherited.get("objects", {}) | document.get("objects", {})
            case = {"rules": inherited.get("rules"), **document, "objects": objects}
            inherited = {"rules": case["rules"], "objects": objects}
            found.append((case["note"], case))
    return found
