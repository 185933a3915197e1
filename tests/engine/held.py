"""Holds the incremental evaluator to the naive one, step by step and relation by relation."""

from collections.abc import Iterable

from rulekube.engine import Changes, Database, EvaluationError, naive


class DisagreementError(AssertionError):
    pass


class Held:
    """A database beside the base facts it was given; `step` commits and compares."""

    def __init__(self, program: str) -> None:
        self.program = program
        self.db = Database.from_source(program)
        self.base: dict[str, set[tuple]] = {}
        self.before = naive.evaluate(self.db.program, {})
        self.derived = 0
        self.views = self.db.views()
        self.compare("at the start", self.before)

    def step(self, insert: dict[str, Iterable[tuple]], retract: dict[str, Iterable[tuple]]) -> None:
        guessed = self.db.what_if(insert=insert, retract=retract)
        self.compare("after what_if", self.before)
        for name, facts in retract.items():
            self.base[name] = self.base.get(name, set()) - set(facts)
        for name, facts in insert.items():
            self.base[name] = self.base.get(name, set()) | set(facts)
        changes = self._commit(insert, retract)
        after = naive.evaluate(self.db.program, self.base)
        self.compare(f"after +{insert} -{retract}", after)
        for name in after.keys() - self.views:
            gained, lost = after[name] - self.before[name], self.before[name] - after[name]
            self._same(f"inserted {name}", gained, changes.inserted[name])
            self._same(f"retracted {name}", lost, changes.retracted[name])
            self._same(f"what_if inserted {name}", gained, guessed.inserted[name])
            self._same(f"what_if retracted {name}", lost, guessed.retracted[name])
            if self.db.program.relations[name].derived:
                self.derived += len(gained) + len(lost)
        self.before = after

    def _commit(self, insert: dict, retract: dict) -> Changes:
        """Commit; but first with less work allowed than it may need, which must change nothing where it fails."""
        for limit in (2, 12, 40):
            try:
                return self.db.commit(insert=insert, retract=retract, limit=limit)
            except EvaluationError:
                self.compare(f"after a commit of more than {limit} was undone", self.before)
        return self.db.commit(insert=insert, retract=retract)

    def compare(self, when: str, wanted: dict[str, set[tuple]]) -> None:
        for name, facts in wanted.items():
            self._same(f"{when}: {name}", facts, self.db.facts(name))

    def _same(self, what: str, wanted: set[tuple], found: list[tuple]) -> None:
        if set(found) != wanted or len(set(found)) != len(found):
            missing, extra = wanted - set(found), set(found) - wanted
            raise DisagreementError(f"{what}: missing {missing}, too many {extra}\n{self.program}")
