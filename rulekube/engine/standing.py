"""Standing questions: a question becomes a derived relation of its own, which the network maintains like any other.

So its answers cost nothing where a commit does not touch them, and what changes is known exactly. The relation bears a
name that no text can mention, and takes part in no pack: it is put back, or ended, when packs change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from rulekube.engine import query
from rulekube.engine.analysis import Program
from rulekube.engine.errors import RuleError
from rulekube.engine.normal import Normalizer
from rulekube.engine.syntax import Atom, Place, Rule, Variable
from rulekube.engine.values import Fact

_PREFIX = "$standing"
Changed = Mapping[str, tuple[list[Fact], list[Fact]]]


class Standing:
    """A question that stays answered. `error` says why it ended, should a change of the rules have taken its relations.

    A ref literal in it stands for whichever object bears the path, as in a rule.
    """

    def __init__(
        self, name: str, text: str, columns: tuple[str, ...], rule: Rule, end: Callable[[Standing], None]
    ) -> None:
        self.name = name
        self.text = text
        self.columns = columns
        self.rule = rule
        self.error: RuleError | None = None
        self._end = end
        self._rows: dict[Fact, None] = {}
        self._news: dict[Fact, bool] = {}

    @property
    def rows(self) -> query.Rows:
        """The present answers, sorted."""
        return query.Rows(self.columns, self._rows)

    def changes(self) -> tuple[query.Rows, query.Rows]:
        """The answers that came and those that went since this was last asked (or since the question was put), net."""
        news, self._news = self._news, {}
        came = (fact for fact, there in news.items() if there)
        went = (fact for fact, there in news.items() if not there)
        return query.Rows(self.columns, came), query.Rows(self.columns, went)

    def close(self) -> None:
        """Stop asking; the relation goes. Closing twice is no harm."""
        self._end(self)

    def note(self, inserted: list[Fact], retracted: list[Fact]) -> None:
        """Take in what a commit changed. What came and went again since the last look is no news."""
        for fact in retracted:
            self._rows.pop(fact, None)
            self._tell(fact, there=False)
        for fact in inserted:
            self._rows[fact] = None
            self._tell(fact, there=True)

    def _tell(self, fact: Fact, *, there: bool) -> None:
        if fact in self._news and self._news[fact] != there:
            del self._news[fact]
        else:
            self._news[fact] = there


class StandingQuestions:
    """The standing questions of a database, by the names of their relations; replaced whole, so that errors undo."""

    def __init__(self, questions: Iterable[Standing] = ()) -> None:
        self._open = {standing.name: standing for standing in questions}

    def new(self, program: Program, text: str, end: Callable[[Standing], None]) -> Standing:
        """Check a question and name it. Raises RuleError."""
        body, columns, _ = query.checked(program, text, resolves=False)
        number = next(n for n in range(len(self._open) + 1) if f"{_PREFIX}{n}" not in self._open)
        name = f"{_PREFIX}{number}"
        place = Place("<query>", 1, 1)
        rule = Rule(Atom(name, tuple(map(Variable, columns)), place=place), body, place, text.strip())
        return Standing(name, text, columns, rule, end)

    def including(self, standing: Standing) -> StandingQuestions:
        """These and another one."""
        return StandingQuestions((*self._open.values(), standing))

    def without(self, *gone: Standing) -> StandingQuestions:
        """These but some."""
        return StandingQuestions(standing for standing in self._open.values() if standing not in gone)

    def unfit(self, program: Program) -> dict[Standing, RuleError]:
        """The questions that a changed program no longer understands."""
        found = {}
        for standing in self._open.values():
            try:
                query.checked(program, standing.text, resolves=False)
            except RuleError as error:
                found[standing] = error
        return found

    def added(self, normalizer: Normalizer) -> Normalizer:
        """A copy of the program's normal form that also derives the answers."""
        if not self._open:
            return normalizer
        whole = normalizer.copy()
        for standing in self._open.values():
            whole.add(standing.rule)
        return whole

    def note(self, changed: Changed) -> None:
        """Take in what a commit, or a change of the rules, changed."""
        for name, standing in self._open.items():
            if name in changed:
                standing.note(*changed[name])

    def __contains__(self, standing: Standing) -> bool:
        return self._open.get(standing.name) is standing
