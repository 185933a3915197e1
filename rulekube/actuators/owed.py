"""What the rules owe the world at this moment: the derived actions, by key.

An action is owed from the commit that derives it to the commit that no longer does. Two actions with one key and
different values are a conflict: where a built-in rule derives one of them it wins, between equals neither is carried
out; either way the conflict is reported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from rulekube.actuators.base import Action, Fact, Facts

ActionKey = tuple[str, Fact]  # relation, values of its key columns


class ActionRelation(NamedTuple):
    """One `.action` declaration: which columns are its key, and who carries it out."""

    name: str
    key: tuple[int, ...]
    actuator: str


class Conflict(NamedTuple):
    """Several actions of one key. `winner` is None where none of them is carried out."""

    action: ActionKey
    values: tuple[Fact, ...]
    winner: Fact | None


Judge = Callable[[str, Sequence[Fact]], Fact | None]


class Owed:
    """Follows the changes of the action relations. Invariant: `of(name)` is what is derived now for that actuator."""

    def __init__(self, relations: Sequence[ActionRelation], judge: Judge) -> None:
        self._relations = {relation.name: relation for relation in relations}
        self._judge = judge
        self._derived: dict[ActionKey, list[Fact]] = {}
        self._actions: dict[str, dict[ActionKey, Action]] = {relation.actuator: {} for relation in relations}
        self.conflicts: dict[ActionKey, Conflict] = {}

    def of(self, actuator: str) -> Mapping[ActionKey, Action]:
        """Everything owed by one actuator."""
        return self._actions.get(actuator, {})

    def update(self, inserted: Facts, retracted: Facts, revision: int) -> list[Action]:
        """Follow one commit; returns the actions that became owed by it, in a stable order."""
        touched: dict[ActionKey, None] = {}
        for facts, keep in ((retracted, False), (inserted, True)):
            for name, relation in self._relations.items():
                for fact in facts.get(name, ()):
                    key = (name, tuple(fact[column] for column in relation.key))
                    touched[key] = None
                    values = self._derived.setdefault(key, [])
                    values.append(fact) if keep else values.remove(fact)
        fresh = [action for key in touched if (action := self._settle(key, revision)) is not None]
        return sorted(fresh, key=lambda action: (action.relation, str(action.key)))

    def _settle(self, key: ActionKey, revision: int) -> Action | None:
        values = self._derived[key]
        self.conflicts.pop(key, None)
        chosen = values[0] if len(values) == 1 else None
        if len(values) > 1:
            chosen = self._judge(key[0], values)
            self.conflicts[key] = Conflict(key, tuple(values), chosen)
        elif not values:
            del self._derived[key]
        actions = self._actions[self._relations[key[0]].actuator]
        before = actions.pop(key, None)
        if chosen is None:
            return None
        action = Action(key[0], key[1], chosen, revision)
        actions[key] = action
        return action if before is None or before.values != chosen else None
