"""The REPL without its terminal: texts in, texts out."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rulekube.cli.output import aligned, cell
from rulekube.cli.subjects import Subject
from rulekube.engine import signatures
from rulekube.engine.analysis import undeclared
from rulekube.engine.completion import Candidate, candidates
from rulekube.engine.errors import RuleError, did_you_mean
from rulekube.errors import RuleKubeError

HELP = """\
path("a", X), X != "b".      a question: it ends with a full stop and may take several lines
why path("a", "c").          the proof of a fact
why-not path("c", "a").      why a fact does not hold
path(X, X) :- edge(X, _).    adds a rule or, with .decl, a relation (files only)
:relations [PART]            the relations whose names hold PART
:facts RELATION              all its facts
:rules RELATION              the rules that derive it
:insert FACT. FACT. …        adds facts (files only)
:retract FACT. FACT. …       takes facts away (files only)
:help    :quit               this text; the end (or Ctrl-D)"""


class Ended(Exception):  # noqa: N818 - no error: the user has had enough
    """The user asked to leave."""


class Session:
    """A conversation with a subject."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.commands: Mapping[str, Callable[[str], str]] = {
            "relations": self._relations,
            "facts": self._facts,
            "rules": self._rules,
            "insert": lambda text: self.subject.change(facts(text), ()),
            "retract": lambda text: self.subject.change((), facts(text)),
            "help": lambda _text: HELP,
            "quit": self._quit,
        }

    def answer(self, text: str) -> str:
        """The answer to what was typed; errors are answers too. Raises Ended."""
        try:
            return self._answer(text.strip())
        except RuleKubeError as error:
            return str(error)

    def candidates(self, text: str, offset: int) -> list[Candidate]:
        """What may be typed at an offset."""
        command, blank, rest = text[:offset].partition(" ")
        if command.startswith(":"):
            if not blank:
                return [Candidate(f":{name}", "keyword") for name in self.commands]
            found = candidates(rest, len(rest), self.subject.program, question=True)
            named = command in (":facts", ":rules", ":relations")
            return [_bare(one) for one in found if one.kind == "relation"] if named else found
        return candidates(text, offset, self.subject.program, question=True)

    def _answer(self, text: str) -> str:
        if text.startswith(":"):
            name, _, rest = text[1:].partition(" ")
            if name not in self.commands:
                raise RuleKubeError(f"there is no :{name}; {did_you_mean(name, self.commands) or 'see :help'}")
            return self.commands[name](rest.strip())
        word, _, rest = text.partition(" ")
        if word in ("why", "why-not"):
            fact = rest.strip().removesuffix(".")
            return self.subject.why(fact) if word == "why" else self.subject.why_not(fact)
        if ":-" in text or text.startswith("."):
            return self.subject.add(text)
        return self._question(text.removesuffix(".")) if text else ""

    def _question(self, text: str) -> str:
        columns, rows = self.subject.query(text)
        if not columns:
            return "yes" if rows else "no"
        if not rows:
            return "no answers"
        return aligned(columns, [[cell(value) for value in row] for row in rows])

    def _relations(self, part: str) -> str:
        found = [info for name, info in sorted(self.subject.program.relations.items()) if part in name]
        return "\n".join(map(signatures.declaration, found)) or f"no relation has {part!r} in its name"

    def _facts(self, name: str) -> str:
        info = self.subject.program.relations.get(name)
        if info is None:
            raise RuleError([undeclared(name, self.subject.program.relations)])
        return self._question(signatures.snippet(info)[0])

    def _rules(self, name: str) -> str:
        program = self.subject.program
        if name not in program.relations:
            raise RuleError([undeclared(name, program.relations)])
        found = [rule for rule in program.rules if rule.head.relation == name]
        return "\n\n".join(f"// {rule.place}\n{rule.text}" for rule in found) or f"no rule derives {name}"

    def _quit(self, _text: str) -> str:
        raise Ended


def finished(text: str) -> bool:
    """Whether what was typed is whole: a command, or anything that ends with a full stop or an empty line."""
    text = text.rstrip(" \t")
    return text.lstrip().startswith(":") or text.endswith((".", "\n")) or not text.strip()


def facts(text: str) -> list[str]:
    """The facts of a line, each without its full stop. Raises RuleError where they cannot be read."""
    from rulekube.engine.parser import parse_module

    whole = text if text.endswith(".") else f"{text}."
    return [rule.text.removesuffix(".") for rule in parse_module(whole, "<prompt>").rules]


def _bare(found: Candidate) -> Candidate:
    return Candidate(found.label, found.kind, found.detail, found.doc)
