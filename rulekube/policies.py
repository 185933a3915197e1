"""The rule packs of users: added and replaced live, refused where they are wrong, put aside where they do harm.

A pack may conclude what it likes, extend open relations (the scheduler's `reject`, admission's `deny`), map more of the
objects into relations of its own, and derive actions. It may not conclude what the world is observed to be. Where it
derives an action that a built-in rule derives otherwise, the built-in one is carried out.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from rulekube import errors
from rulekube.actuators.base import Fact
from rulekube.engine import Changes, Database, Diagnostic, Ref, RuleError, assembly, parser, show_fact
from rulekube.engine.analysis import RelationInfo
from rulekube.engine.syntax import Module
from rulekube.facts import judgement
from rulekube.facts.inbox import FactLists

log = logging.getLogger("rulekube.policies")
TOLD = ("setting", "cluster", "failed", "elapsed", "request", "attempt", "attempt_group")  # base relations of the loop
WORK = 500_000  # facts handed to rules that any commit may cost …
WORK_PER_FACT = 200  # … and this for each fact that it changes


class Verdict(NamedTuple):
    """What came of putting packs aside: the changes in the conclusions, in order, and the limit to try again with."""

    steps: list[Changes]
    limit: float


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
        try:
            self._try_samples()
        except errors.RuleError:
            self._restore(name)
            raise
        self.texts.pop(name, None)
        self.texts[name] = text
        self.errors.pop(name, None)
        return changes

    def _try_samples(self) -> None:
        """What is only ever assumed is tried once: a request to be let in, and a write to be judged."""
        for sample in judgement.samples():
            self._db.what_if(self.known(sample), limit=WORK)

    def _restore(self, name: str) -> None:
        """Back to the pack as it was before an attempt to replace it."""
        if name in self.texts:
            self._db.load(name, self.texts[name])
        else:
            self._db.unload(name)

    def known(self, facts: FactLists) -> FactLists:
        """Those of the relations that there are; a pack that went has taken its own with it."""
        return {name: found for name, found in facts.items() if name in self._db.program.relations}

    def what_if(self, name: str, text: str) -> Changes:
        """What `load` would change in the conclusions; nothing is loaded."""
        self._check_heads(name, text)
        return self._db.what_if_pack(name, text, limit=WORK + WORK_PER_FACT * self._db.size)

    def unload(self, name: str) -> Changes:
        """Take a pack out again. Raises KeyError where there is none of that name."""
        del self.texts[name]
        return self._db.unload(name)

    def limit(self, *changes: FactLists) -> float:
        """How much work a commit may do: enough for any honest change, too little for a rule that never ends.

        Only packs of users are held to it: the shipped rules are trusted to end.
        """
        if not self.texts:
            return math.inf
        return WORK + WORK_PER_FACT * sum(len(facts) for lists in changes for facts in lists.values())

    def put_aside(self, error: errors.RuleError, insert: FactLists, retract: FactLists, limit: float) -> Verdict:
        """Find the packs that break a change of facts, and take them out; the others stay as they were.

        Packs go one by one, the newest first, until the change is possible; then each that went before is tried
        again. Where the shipped rules alone need more than the limit, no pack goes and the limit is raised.
        Raises the error where they cannot take the change at all.
        """
        steps: list[Changes] = []
        out: list[str] = []
        last: list[str] = []  # without it, and without those before it, the change became possible
        for name in reversed(list(self.texts)):
            steps.append(self._db.unload(name))
            out.append(name)
            if self._fits(insert, retract, limit):
                last.append(out.pop())
                break
        else:
            limit += 2 * self._need(insert, retract, error)
        guilty = last + [name for name in reversed(out) if not self._returns(name, steps, insert, retract, limit)]
        for name in guilty:
            log.error("rule pack %s is put aside, it broke a commit: %s", name, error)
            del self.texts[name]
            self.errors[name] = str(error)
        return Verdict(steps, limit)

    def _fits(self, insert: FactLists, retract: FactLists, limit: float) -> bool:
        try:
            self._db.what_if(self.known(insert), self.known(retract), limit=limit)
        except errors.RuleError:
            return False
        return True

    def _need(self, insert: FactLists, retract: FactLists, error: errors.RuleError) -> int:
        """The work that the shipped rules do for a change, all packs being out; they come back where that fails."""
        before = self._db.touched
        if not self._fits(insert, retract, math.inf):
            for name, text in self.texts.items():
                self._db.load(name, text)
            raise error
        return self._db.touched - before

    def _returns(self, name: str, steps: list[Changes], insert: FactLists, retract: FactLists, limit: float) -> bool:
        """Whether a pack that was taken out does no harm; then it is back."""
        try:
            back = self._db.load(name, self.texts[name], limit=limit + WORK_PER_FACT * self._db.size)
        except errors.RuleError:
            return False
        steps.append(back)
        if self._fits(insert, retract, limit):
            return True
        steps.append(self._db.unload(name))
        return False

    def judge(self, relation: str, facts: Sequence[Fact]) -> Fact | None:
        """Of actions with one key that of the built-in rules, where they derive just one.

        The log names the rules and not the facts: a body may come from a Secret. `rulekube why` shows the proofs.
        """
        proofs = [self._db.why(show_fact(relation, fact)) for fact in facts]
        rules = ", ".join(sorted({str(proof.place) for proof in proofs if proof}))
        about = next((value.path for value in facts[0] if isinstance(value, Ref)), "")
        log.error("%s of %s: conflicting actions by %s; at most the built-in one is done", relation, about, rules)
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
