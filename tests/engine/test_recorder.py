"""A recorded database counts what each rule did, and answers as an unrecorded one."""

from rulekube.engine import Database
from rulekube.engine.recorder import Recorder

PROGRAM = """.decl edge(a: int, b: int)
.decl path(a: int, b: int)
path(X, Y) :- edge(X, Y).
path(X, Z) :- path(X, Y), edge(Y, Z).
.decl blocked(a: int)
.decl free(a: int)
free(X) :- edge(X, _), not blocked(X).
.decl degree(a: int, n: int)
degree(X, N) :- edge(X, _), N = count : { edge(X, _) }.
.decl never(a: int)
never(X) :- free(X), X > 100.
"""
EDGES = [(1, 2), (2, 3), (3, 1)]


def by_line(recorder):
    found = {}
    for (head, place), tally in recorder.tallies.items():
        if not head.startswith("$"):
            found[head, place.line] = (tally.derived, tally.withdrawn)
    return found


def test_it_counts_derivations():
    ticks = iter(range(10_000))
    recorder = Recorder(lambda: next(ticks))
    db, plain = Database.from_source(PROGRAM, recorder=recorder), Database.from_source(PROGRAM)
    for one in (db, plain):
        one.commit(insert={"edge": EDGES})
        one.commit(insert={"blocked": [(1,)]}, retract={"edge": [(2, 3)]})
    names = list(plain.program.relations)
    assert {name: db.facts(name) for name in names} == {name: plain.facts(name) for name in names}
    counts = by_line(recorder)
    assert counts["path", 3] == (3, 1)
    assert counts["path", 4][0] >= 6
    assert counts["free", 7] == (3, 2)
    derived, withdrawn = counts["degree", 9]
    assert derived - withdrawn == 2
    assert counts["never", 11] == (0, 0)
    recorder.checkpoint()
    fired = {place.line for (head, place), tally in recorder.tallies.items() if tally.fired and head[0] != "$"}
    assert fired == {3, 4, 7, 9}
    assert all(tally.time >= tally.calls for tally in recorder.tallies.values())


def test_it_counts_what_a_pack_brings():
    recorder = Recorder()
    db = Database.from_source(PROGRAM + "edge(1, 2).", recorder=recorder)
    assert by_line(recorder)["path", 3] == (1, 0)
    db.load("more", ".decl more(a: int)\nmore(X) :- path(X, _).")
    assert by_line(recorder)["more", 2] == (1, 0)
    db.unload("more")
    assert by_line(recorder)["more", 2] == (1, 1)
