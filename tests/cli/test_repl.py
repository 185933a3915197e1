"""The REPL: its session without a terminal, and once in a real one."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rulekube.cli.session import Ended, Session, finished
from rulekube.cli.subjects import FilesSubject

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "examples/02-rules/reachable.dl"


@pytest.fixture
def session():
    return Session(FilesSubject([FILE]))


def test_a_question_is_answered_as_a_table_yes_or_no(session):
    assert session.answer('path("a", X).').split() == ["X", "b", "c", "d"]
    assert session.answer('path("a",\n  "d").') == "yes"
    assert session.answer('path("d", "a").') == "no"
    assert session.answer('path("z", X).') == "no answers"


def test_why_shows_a_proof_and_why_not_what_is_missing(session):
    assert 'edge("b", "c")' in session.answer('why path("a", "c").')
    assert session.answer('why path("d", "a").').startswith("no: ")
    assert 'path("d", "a")' in session.answer('why-not path("d", "a").')


def test_facts_are_inserted_and_retracted(session):
    assert session.answer(':insert edge("d", "e"). edge("e", "f")').splitlines()[0] == "edge: 2 came, 0 went"
    assert session.answer('path("a", "f").') == "yes"
    session.answer(':retract edge("d", "e").')
    assert session.answer('path("a", "f").') == "no"
    assert "derived by rules" in session.answer(':insert path("x", "y")')


def test_rules_are_added_and_a_wrong_one_changes_nothing(session):
    session.answer(".decl twice(a: symbol)")
    session.answer('twice(X) :- path(X, Y), edge(Y, "d").')
    assert session.answer("twice(X).").split() == ["X", "a", "b", "c", "d"]
    assert "did you mean `path`?" in session.answer("twice(X) :- pth(X, _).")
    assert session.answer("twice(X).").split() == ["X", "a", "b", "c", "d"]


def test_commands_show_relations_rules_and_facts(session):
    assert ".decl path(" in session.answer(":relations")
    assert "edge" not in session.answer(":relations pat")
    assert "reachable.dl:" in session.answer(":rules path")
    assert session.answer(":facts edge").splitlines()[1].split()[0] == "a"
    assert ":insert" in session.answer(":help")
    with pytest.raises(Ended):
        session.answer(":quit")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("pat(X, Y).", "did you mean `path`?"),
        ("path(X, Y", "syntax"),
        (":relation", "did you mean `relations`?"),
        (":facts pth", "did you mean `path`?"),
        (":insert edge(X, 1)", "unsafe-variable"),
    ],
)
def test_mistakes_are_answered_with_a_way_out(session, text, told):
    answer = session.answer(text)
    assert told in answer or (told == "unsafe-variable" and "variables" in answer)


def test_completion_knows_relations_columns_commands_and_variables(session):
    def offered(text):
        return {found.label for found in session.candidates(text, len(text))}

    assert {"path", "edge", "lower", "not"} <= offered("pa")
    assert {"from", "to"} <= offered("edge(")
    assert "Target" in offered("edge(Source, Target), path(Ta")
    assert {":facts", ":help"} <= offered(":f")
    assert "path" in offered(":facts p")
    assert "lower" not in offered(":facts p")


@pytest.mark.parametrize(
    ("text", "whole"),
    [("path(X, Y).", True), ("path(X,", False), (":facts path", True), ("", True), ('p("a.b")', False)],
)
def test_a_text_ends_with_its_full_stop(text, whole):
    assert finished(text) is whole


class Terminal:
    """A pseudo-terminal with the REPL in it."""

    def __init__(self, history):
        self.master, slave = pty.openpty()
        words = [sys.executable, "-m", "rulekube", "repl", str(FILE), "--history", str(history)]
        environment = {**os.environ, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"}
        self.process = subprocess.Popen(
            words, stdin=slave, stdout=slave, stderr=slave, cwd=ROOT, env=environment, start_new_session=True
        )
        os.close(slave)
        self.seen = ""

    def type(self, text):
        os.write(self.master, text.encode())

    def until(self, pattern):
        """Read until what was shown since the last look fits."""
        end = time.monotonic() + 30
        while not (found := re.search(pattern, re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self.seen))):
            assert time.monotonic() < end, self.seen
            if select.select([self.master], [], [], 0.2)[0]:
                self.seen += os.read(self.master, 65536).decode(errors="replace")
        self.seen = ""
        return found


@pytest.mark.slow
def test_a_terminal_completes_takes_several_lines_and_keeps_history(tmp_path):
    history = tmp_path / "home" / "history"
    terminal = Terminal(history)
    try:
        terminal.until(r">")
        terminal.type("pat\t")
        terminal.until(r"h\(")
        terminal.type('"a",\r')
        terminal.until(r'"a"[\s\S]*\.')
        terminal.type("X).\r")
        terminal.until(r"b\s+c\s+d\s[\s\S]*>")
        terminal.type("\x04")
        assert terminal.process.wait(20) == 0
    finally:
        if terminal.process.poll() is None:
            os.killpg(terminal.process.pid, signal.SIGKILL)
            terminal.process.wait()
        os.close(terminal.master)
    assert stat.S_IMODE(history.stat().st_mode) == 0o600
    assert '+path("a",' in history.read_text()
