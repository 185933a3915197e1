"""The rule packs of users: added and replaced live, refused where they are wrong, put aside where they do harm.

A pack may conclude what it likes, extend open relations (the scheduler's `reject`, admission's `deny`), map more of the
objects into relations of its own, and derive actions. It may not conclude what the world is observed to be. Where it
derives an action that a built-in rule derives otherwise, the built-in one is carried out.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from rulekube import errors
from rulekube.actuators.base import Fact
from rulekube.engine import Changes, Database, Diagnostic, RuleError, assembly, parser, show_fact
from rulekube.engine.analysis import RelationInfo
from rulekube.engine.syntax import Module

log = logging.getLogger("rulekube.policies")
TOLD = ("setting", "cluster", "failed", "elapsed", "request", "attempt", "attempt_group")  # base relations of the loop
WORK = 500_000  # facts handed to rules that any commit may cost …
WORK_PER_FACT = 200  # … and this for each fact that it changes


class Policies:
    """The user's packs in a database. `errors`: name → why a pack was put aside."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.texts: dict[str, str] = {}
        self.errors: dict[str, str] = {}

    def load(self, name: str, text: str) -> Changes:
        """Add or replace a pack. Raises RuleError and changes nothing where it is wrong, or never ends."""
        self._check_heads(name, text)
        changes = self._db.load(name, text, limit=WORK + WORK_PER_FACT * self._db.size)
        self.texts[name] = text
        self.errors.pop(name, None)
        return changes

    def what_if(self, name: str, text: str) -> Changes:
        """What `load` would change in the conclusions; nothing is loaded."""
        self._check_heads(name, text)
        return self._db.what_if_pack(name, text, limit=WORK + WORK_PER_FACT * self._db.size)

    def unload(self, name: str) -> Changes:
        """Take a pack out again. Raises KeyError where there is none of that name."""
        del self.texts[name]
        return self._db.unload(name)

    def put_aside(self, error: errors.RuleError) -> Changes | None:
        """Blame the pack loaded last for a commit that failed, and take it out; None where there is none to blame."""
        if not self.texts:
            return None
        name = next(reversed(self.texts))
        log.error("rule pack %s is put aside, it broke a commit: %s", name, error)
        changes = self.unload(name)
        self.errors[name] = str(error)
        return changes

    def judge(self, relation: str, facts: Sequence[Fact]) -> Fact | None:
        """Of actions with one key that of the built-in rules, where they derive just one; both proofs are logged."""
        proofs = [self._db.why(show_fact(relation, fact)) for fact in facts]
        told = "\n".join(map(str, proofs))
        log.error("conflicting actions, of which at most the built-in one is carried out:\n%s", told)
        places = [str(proof.place.file) if proof and proof.place else "" for proof in proofs]
        built_in = [fact for fact, place in zip(facts, places, strict=True) if place not in self.texts]
        return built_in[0] if len(built_in) == 1 else None

    def _check_heads(self, name: str, text: str) -> None:
        module = parser.parse_module(text, name)
        if found := forbidden_heads([module], self._db.program.relations):
            raise RuleError(found)


def forbidden_heads(modules: Sequence[Module], shipped: Mapping[str, RelationInfo]) -> list[Diagnostic]:
    """Rules of a policy that conclude what the loop tells; that none derives an input is the engine's own check."""
    found = []
    for rule in (rule for module in modules for rule in module.rules):
        relation = shipped.get(rule.head.relation)
        if relation is not None and relation.name in TOLD:
            message = f"`{relation.name}` holds what is observed"
            hint = "conclude into a relation of your own"
            found.append(Diagnostic("forbidden-head", message, rule.head.place, hint))
    return assembly.with_lines(found, modules)
