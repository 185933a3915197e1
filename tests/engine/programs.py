"""Random programs and random changes, for holding evaluators against each other.

Relations come in levels. A rule of level n reads positively what is of level n or lower (so levels may be mutually
recursive), and negates or aggregates what is lower. Values are small integers, so that joins meet.
"""

from collections.abc import Callable
from random import Random

from hypothesis import strategies as st

BASE = {"e": 2, "f": 2, "u": 1, "t": 3}
LEVELS = (("p", "q"), ("r",), ("s", "w"))
ARITY = {**BASE, "p": 2, "q": 1, "r": 2, "s": 2, "w": 1}
VALUES = st.integers(0, 4)
VARIABLES = ("X", "Y", "Z", "V")
AGGREGATES = ("count", "sum", "min", "max", "mean", "argmax", "argmin", "array", "top", "bottom", "rank")

Draw = Callable[[st.SearchStrategy], object]


@st.composite
def programs(draw: Draw) -> str:
    lines = [f".decl {name}({', '.join(f'c{i}: int' for i in range(arity))})" for name, arity in ARITY.items()]
    lines.append(".decl g(a: int, j: json)")
    lower = list(BASE)
    for level in LEVELS:
        for name in level:
            recursive = [*lower, *level, *level, *level]
            lines.append(_rule(draw, name, lower, lower))
            lines += [_rule(draw, name, recursive, lower) for _ in range(draw(st.integers(0, 2)))]
        lower += level
    lines.append(_group_rule(draw, lower))
    lines += _for_all(draw, lower)
    return "\n".join(lines)


EXTRAS = ("", "", "negation", "negation", "comparison", "aggregate", "choice", "elapsed")
SHARED_EXTRAS = ("", "negation", "negation", "comparison")


@st.composite
def shared_programs(draw: Draw) -> str:
    """Programs that pyDatalog can evaluate too."""
    lines = [f".decl {name}({', '.join(f'c{i}: int' for i in range(arity))})" for name, arity in ARITY.items()]
    lower = list(BASE)
    for level in LEVELS[:2]:
        for name in level:
            lines.append(_rule(draw, name, lower, lower, SHARED_EXTRAS))
            lines += [
                _rule(draw, name, [*lower, *level, *level], lower, SHARED_EXTRAS)
                for _ in range(draw(st.integers(0, 2)))
            ]
        lower += level
    return "\n".join(lines)


def _rule(draw: Draw, head: str, positive: list[str], lower: list[str], extras: tuple[str, ...] = EXTRAS) -> str:
    body, bound = _atoms(draw, positive)
    extra = draw(st.sampled_from(extras))
    recursive = any(literal.split("(")[0] not in lower for literal in body)
    if extra == "negation":
        body.append(_negation(draw, lower, bound))
    elif extra == "comparison":
        body.append(f"{draw(st.sampled_from(bound))} {draw(st.sampled_from(('<', '!=', '>=')))} {draw(VALUES)}")
    elif extra == "choice":
        x = draw(st.sampled_from(bound))
        body.append(f"(u({x}) ; {x} < {draw(VALUES)} ; e({x}, _), not u({x}))")
    elif extra == "elapsed":
        body.append(f"elapsed({draw(st.sampled_from(bound))} + {draw(VALUES)})")
    elif extra == "aggregate" and not recursive:
        body.append(_aggregate(draw, "N", lower, bound))
        bound = [*bound, "N"]
    body = list(draw(st.permutations(body)))
    terms = []
    for _ in range(ARITY[head]):
        x = draw(st.sampled_from(bound))
        terms.append(f"int({x} + 1) % 5" if x == "N" or (extras is EXTRAS and not draw(st.integers(0, 9))) else x)
    return f"{head}({', '.join(terms)}) :- {', '.join(body)}."


def _for_all(draw: Draw, lower: list[str]) -> list[str]:
    """A conclusion about all members, whose inner relations need not be kept; some of them are read elsewhere."""
    member, demand = draw(st.sampled_from(("t", "e", "r"))), draw(st.sampled_from(("t", "e", "s", "p")))
    wide = member == "t"
    inner = f"t(S, K, V), {demand}(P, {'K, V' if demand == 't' else 'K'})" if wide else f"{member}(S, K), e(K, P)"
    denied = inner.replace(", e(K", ", not e(K") if not wide else inner.replace(f", {demand}(", f", not {demand}(")
    held = draw(st.sampled_from(("u(P)", "e(S, P)", "q(S)", "S != P", "w(P)")))
    among = draw(
        st.sampled_from(
            (inner, inner, f"{inner}, u(K)", f"{inner}, {held}", f"{draw(st.sampled_from(lower[:1]))}(S, P)")
        )
    )
    lines = [".decl k(s: int, p: int)", ".decl m(s: int, p: int)", ".decl z(s: int, p: int)", ".output z"]
    lines += [f"k(S, P) :- {among}.", f"m(S, P) :- k(S, P), {denied}.", f"z(S, P) :- k(S, P), {held}, not m(S, P)."]
    other = draw(
        st.sampled_from(
            (
                "",
                "",
                "",
                "z(S, P) :- e(S, P), u(P), not m(S, P).",
                "g(S, J) :- u(S), J = array P : { k(S, P) }.",
                "z(S, P) :- t(S, P, _), N = count : { e(S, _) }, N > 1.",
                ".decl y(p: int)\ny(P) :- z(S, P), z(P, S).",
                ".decl y(p: int)\ny(P) :- e(P, _), not z(P, P).",
                ".decl y(p: int)\ny(P) :- u(P), not m(P, P).",
            )
        )
    )
    return [*lines, other]


def _group_rule(draw: Draw, lower: list[str]) -> str:
    """A JSON-valued aggregate by group, the groups from another relation."""
    source = draw(st.sampled_from([name for name in lower if ARITY[name] == 2]))
    fold = draw(st.sampled_from(('array {"k": K, "x": X} by K', "object symbol(K): X", "array K", "array X by X, K")))
    return f"g(X, J) :- {draw(st.sampled_from(('u(X)', 'e(X, _)', 'q(X)')))}, J = {fold} : {{ {source}(X, K) }}."


def _atoms(draw: Draw, names: list[str]) -> tuple[list[str], list[str]]:
    atoms, bound = [], []
    for _ in range(draw(st.integers(1, 3))):
        name = draw(st.sampled_from(names))
        terms = []
        for _ in range(ARITY[name]):
            kind = draw(st.integers(0, 9))
            if kind == 0:
                terms.append(str(draw(VALUES)))
            elif kind == 1:
                terms.append("_")
            else:
                x = draw(st.sampled_from(VARIABLES))
                terms.append(x)
                bound.append(x)
        if draw(st.integers(0, 5)) == 0:
            atoms.append(f"{name}({', '.join(f'c{i}: {t}' for i, t in enumerate(terms) if t != '_')})")
            atoms[-1] = atoms[-1].replace("()", f"({', '.join(terms)})")
        else:
            atoms.append(f"{name}({', '.join(terms)})")
    if not bound:
        atoms.append("u(X)")
        bound.append("X")
    return atoms, sorted(set(bound))


def _negation(draw: Draw, lower: list[str], bound: list[str]) -> str:
    name = draw(st.sampled_from(lower))
    choices = [*bound, *bound, "_", str(draw(VALUES))]
    return f"not {name}({', '.join(draw(st.sampled_from(choices)) for _ in range(ARITY[name]))})"


def _aggregate(draw: Draw, target: str, lower: list[str], bound: list[str]) -> str:
    kind = draw(st.sampled_from(AGGREGATES))
    if kind == "array":
        return f"length(J) = {target}, J = array A by B : {{ {_inner(draw, lower, bound)} }}"
    values = {"count": "count", "argmax": "argmax A by B then desc A", "argmin": "argmin A + 0 by B"}
    if kind in ("top", "bottom", "rank"):
        limit = "" if kind == "rank" else f"{draw(st.sampled_from(('1', '2', '3', *bound)))} "
        shown = draw(st.sampled_from((target, f"[{target}, _]", f"[_, {target}]")))
        fold = f"{kind} {limit}A by {draw(st.sampled_from(('B', 'asc B', 'desc B then A')))}"
        return f"{shown} = {fold} : {{ {_inner(draw, lower, bound)} }}"
    fold = values.get(kind, f"{kind} A + B")
    return f"{target} = {fold} : {{ {_inner(draw, lower, bound)} }}"


def _inner(draw: Draw, lower: list[str], bound: list[str]) -> str:
    pair = draw(st.sampled_from([name for name in lower if ARITY[name] == 2]))
    g = draw(st.sampled_from(bound))
    return draw(
        st.sampled_from(
            (
                f"{pair}(A, B)",
                f"{pair}(A, B), u({g})",
                f"{pair}({g}, A), {pair}(A, B)",
                f"t(A, B, {g})",
                f"t({g}, A, _), B = A * 2",
                f"{pair}(A, B), A <= {g}",
                f"({pair}(A, B), u(A) ; e(A, B), e(B, {g}) ; t(A, B, _))",
                f"{pair}(A, B), not e(A, {g})",
                f"u(A), B = count : {{ {pair}(A, _) }}",
            )
        )
    )


def _facts(chance: Random, name: str, most: int) -> list[tuple]:
    return [tuple(chance.randrange(5) for _ in range(BASE[name])) for _ in range(chance.randint(0, most))]


def loads(seed: int) -> dict[str, list[tuple]]:
    """The facts of a first commit: enough for joins to meet."""
    chance = Random(seed)
    return {name: _facts(chance, name, 5**arity // 2 + 2) for name, arity in BASE.items()}


def change(seed: int) -> tuple[dict[str, list[tuple]], dict[str, list[tuple]]]:
    """One commit: (insert, retract). Small domains make hits likely."""
    chance = Random(seed)
    insert = {name: _facts(chance, name, 4) for name in BASE if chance.random() < 0.5}
    retract = {name: _facts(chance, name, 8) for name in BASE if chance.random() < 0.5}
    if chance.random() < 0.3:
        chance.choice((insert, retract))["elapsed"] = [(chance.randrange(9),)]
    return insert, retract


@st.composite
def histories(draw: Draw) -> list[tuple[dict, dict]]:
    """A first load and some commits after it."""
    seeds = draw(st.lists(st.integers(0, 2**32), min_size=1, max_size=6))
    return [(loads(draw(st.integers(0, 2**32))), {}), *map(change, seeds)]
