"""The questions `why` and `why_not`, answered over a network and the views defined for questions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rulekube.engine import provenance
from rulekube.engine.core import Absent, Lookup, Match
from rulekube.engine.errors import Diagnostic, RuleError
from rulekube.engine.provenance import Proof
from rulekube.engine.provenance_aggregates import aggregate_note
from rulekube.engine.repairs import Abduction
from rulekube.engine.repairs_answer import Repair, Repairer
from rulekube.engine.repairs_trial import Expand, Trials, as_it_is
from rulekube.engine.syntax import Place
from rulekube.engine.values import NO_VALUE, Fact, fact_key
from rulekube.engine.why_not import WhyNot
from rulekube.engine.why_not_causes import causes
from rulekube.engine.why_not_search import Limits, Search
from rulekube.engine.why_not_state import Known, Pattern, State
from rulekube.engine.why_not_text import fact_text, literal
from rulekube.engine.why_not_views import Views

if TYPE_CHECKING:
    from rulekube.engine.assembly import Assembled

UNCHANGEABLE = "unchangeable"
"""A view of this name, (relation, operation), lists what no repair may do: insert, alter, retract, or `*`."""


def why(network: Assembled, views: Views, text: str) -> Proof | None:
    """The proof of the first fact that fits the text, None where none does."""
    relation, _ = read_goal(network, views, text)
    if relation not in views.columns:
        return provenance.why(network, text)
    state = State(network, views)
    known = holding(state, text)
    return prove(state, known) if known is not None else None


@dataclass(frozen=True)
class Asked:
    """How much to explain, and which repairs to look for.

    `depth` bounds the levels below the goal, `ways` the bindings shown for each, `repairs` and `size` how many repairs
    are looked for and of how many changes. Only base relations in `change` may change (None: any), none in `keep`;
    `expand` says what else changes in the world with one fact.
    """

    depth: int = 6
    ways: int = 20
    repairs: int = 4
    size: int = 2
    change: Collection[str] | None = None
    keep: Collection[str] = ()
    expand: Expand = as_it_is


def why_not(network: Assembled, views: Views, text: str, asked: Asked) -> WhyNot:
    """Why no fact fits the text."""
    state = State(network, views)
    known = holding(state, text)
    if known is not None:
        return WhyNot(text, proof=prove(state, known))
    search = Search(state, Limits(asked.depth, asked.ways))
    goal = read_goal(network, views, text)
    missing = search.explain(*goal)
    limits = ["not all ways were tried; bind more of the goal's variables"] if search.cut else []
    found: tuple[Repair, ...] = ()
    if asked.repairs:
        repairer = _repairer(state, text, asked, search)
        found = repairer.find(*goal, asked.repairs, asked.size)
        limits += repairer.limits
    return WhyNot(text, None, missing, causes(missing), found, tuple(dict.fromkeys(limits)))


def _repairer(state: State, text: str, asked: Asked, search: Search) -> Repairer:
    network, views = state.network, state.views or Views()
    fixed = {"elapsed", *asked.keep}
    declared = set(state.facts(UNCHANGEABLE, (NO_VALUE, NO_VALUE)))

    def may_change(relation: str, operation: str) -> bool:
        if relation in fixed or (relation, "*") in declared or (relation, operation) in declared:
            return False
        return asked.change is None or relation in asked.change

    def then() -> tuple[str, ...]:
        after = State(network, views)
        known = holding(after, text)
        premises = prove(after, known).premises if known is not None else ()
        return tuple(fact_text(p.relation, p.fact) for p in premises if p.rule and not _held(before, p, views))

    before: dict[str, set[Fact]] = {}
    for clause in state.clauses(read_goal(network, views, text)[0]):
        for one in clause.goals:
            if isinstance(one, Match) and one.relation not in before:
                before[one.relation] = (
                    set() if one.relation in views.columns else set(network.relation(one.relation).rows)
                )
    trials = Trials(network, lambda: holding(State(network, views), text) is not None, asked.expand)
    return Repairer(
        network.program, lambda: Abduction(State(network, views), may_change, hints=search.done), trials, then
    )


def _held(before: Mapping[str, set[Fact]], proof: Proof, views: Views) -> bool:
    return proof.relation not in views.columns and proof.fact in before.get(proof.relation, ())


def read_goal(network: Assembled, views: Views, text: str) -> tuple[str, Pattern]:
    """The relation and pattern that a text such as `relation(1, kind/name, X)` means. Raises RuleError."""
    columns = {name: info.columns for name, info in network.program.relations.items()}
    relation, arguments = provenance.read_atom({**columns, **views.columns}, text)
    return relation, State(network).pattern(arguments, {})


def read_facts(network: Assembled, texts: Iterable[str]) -> dict[str, list[Fact]]:
    """Facts by relation, of texts such as `relation(1, "a", {"k": 2})`. Raises RuleError where one is not ground."""
    found: dict[str, list[Fact]] = {}
    for text in texts:
        relation, fact = read_goal(network, Views(), text)
        if NO_VALUE in fact:
            message = f"`{text}` has variables; a fact to be assumed has none"
            raise RuleError([Diagnostic("syntax", message, Place("<fact>", 1, 1))])
        found.setdefault(relation, []).append(fact)
    return found


def holding(state: State, text: str) -> Known | None:
    """The first fact that fits the text."""
    views = state.views or Views()
    relation, pattern = read_goal(state.network, views, text)
    if relation not in views.columns:
        found = provenance.matching(state.network, text)
        return found[0] if found else None
    fact = min(state.facts(relation, pattern), key=fact_key, default=None)
    return (relation, fact) if fact is not None else None


def prove(state: State, known: Known) -> Proof:
    """The proof of a fact that holds; of a view's, by its first derivation."""
    views = state.views or Views()
    if known[0] not in views.columns and not known[0].startswith("$"):
        return provenance.prove(state.network, known)
    clause, binding = next(state.derivations(known))
    facts = [(g.relation, state.pattern(g.terms, binding)) for g in clause.goals if isinstance(g, Match)]
    notes = [literal(state, g, binding) for g in clause.goals if isinstance(g, Absent)]
    notes += [
        aggregate_note(state, g.fold, state.pattern(g.group, binding), binding[g.target.name])
        for g in clause.goals
        if isinstance(g, Lookup)
    ]
    rule = clause.rule.text if clause.rule else ""
    return Proof(*known, rule, clause.place, tuple(prove(state, fact) for fact in facts), tuple(notes))
