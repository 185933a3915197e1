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
    holds: ['rc_have(Rc, 1)']                    # questions that have an answer now, and
    lacks: ['rc_adopts(_, _)']                   # questions that have none

`rules` are files beside the case, or else shipped ones. A file's later documents inherit `rules` and `objects`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from rulekube import errors, rules
from rulekube.actuators.base import Action
from rulekube.engine import Database, Function, Ref, from_json, to_json
from rulekube.facts import flatten
from rulekube.facts.inbox import Delta
from rulekube.facts.merge import merge_patch
from rulekube.facts.store.memory import MemoryStore
from rulekube.facts.timestamp import parse_time
from rulekube.reconciler import Load, Reconciler

START = "2026-01-01T00:00:00Z"


@dataclass
class World:
    """A reconciler without actuators; the steps of a case move its facts."""

    case: dict[str, Any]
    now: int = parse_time(START)
    present: dict[str, dict[str, Any]] = field(default_factory=dict)  # path → object
    revision: int = 0
    load: Load = Database.from_files

    def __post_init__(self) -> None:
        settings = self.case.get("settings")
        self.reconciler = Reconciler(rule_files(self.case), MemoryStore(), lambda: self.now, settings, self._load)
        self.flattener = flatten.Flattener(self.reconciler.db.inputs())
        self.reconciler.catch_up()

    def _load(self, paths: Sequence[Path], functions: Sequence[Function], resolve_ref: object) -> Database:
        """The rules, with refs that mean the case's objects: they are not in the store."""
        del resolve_ref
        return self.load(paths, functions, self._resolve)

    def _resolve(self, path: str) -> Ref | None:
        return flatten.ref_of(self.present[path]) if path in self.present else None

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


class Mismatch(AssertionError):  # noqa: N818 - a difference, which the runner shows
    """A step did not do what the case says."""


def run(case: dict[str, Any], load: Load = Database.from_files, after: Callable[[], None] = lambda: None) -> None:
    """Take every step of a case and compare; `after` is called after each. Raises Mismatch."""
    world = World(case, load=load)
    columns = {name: world.reconciler.db.program.relations[name].columns for name in world.reconciler.db.actions()}
    after()
    for number, step in enumerate(case["steps"], 1):
        fresh, done = world.step(step)
        after()
        _compare(f"step {number}", step, [shown(action, columns[action.relation]) for action in fresh], done)
        if world.reconciler.owed.conflicts:
            raise Mismatch(f"step {number}: {world.reconciler.owed.conflicts}")
        for wanted, questions in ((True, step.get("holds", ())), (False, step.get("lacks", ()))):
            for question in questions:
                if bool(world.reconciler.query(question)) != wanted:
                    raise Mismatch(f"step {number}: {'no answer to' if wanted else 'an answer to'} {question}")


def _compare(where: str, step: dict[str, Any], actual: list[dict[str, Any]], done: list[str]) -> None:
    left = list(actual)
    for wanted in step.get("actions", ()):
        found = next((one for one in left if matches(wanted, one)), None)
        if found is None:
            raise Mismatch(f"{where}: no such action became owed:{_lines([wanted])}\nowed:{_lines(actual)}")
        left.remove(found)
    if left:
        raise Mismatch(f"{where}: these became owed too:{_lines(left)}")
    if done != sorted(step.get("done", ())):
        raise Mismatch(f"{where}: ended {done}, not {sorted(step.get('done', ()))}")


def rule_files(case: dict[str, Any]) -> list[Path]:
    """The rule files of a case."""
    beside = Path(case.get("folder", "."))
    return [beside / name if (beside / name).is_file() else rules.FOLDER / name for name in case["rules"]]


def _lines(actions: list[dict[str, Any]]) -> str:
    return "".join("\n  " + str(action) for action in actions)


def load(folder: Path) -> list[tuple[str, dict[str, Any]]]:
    """The cases below a folder, by their notes."""
    return [(case["note"], case) for path in sorted(folder.rglob("*.yaml")) for case in read(path)]


def read(path: Path) -> list[dict[str, Any]]:
    """The cases of a file. Raises RuleError where it holds something else."""
    found: list[dict[str, Any]] = []
    inherited: dict[str, Any] = {}
    for document in yaml.safe_load_all(path.read_text("utf-8")):
        whole = {**inherited, **document} if isinstance(document, dict) else {}
        if not whole.get("rules") or not isinstance(whole.get("steps"), list) or "note" not in whole:
            raise errors.RuleError(f"{path}: a case is a document with `note`, `rules` and `steps`")
        objects = inherited.get("objects", {}) | document.get("objects", {})
        inherited = {"rules": whole["rules"], "objects": objects}
        found.append({"folder": str(path.parent), **whole, "objects": objects})
    return found
