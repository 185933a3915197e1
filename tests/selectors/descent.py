"""The dumb twin of the label selector's grammar: a recursive descent that complains as it goes.

It shares the validation of requirements with the shipped parser, and nothing of its reading.
"""

from __future__ import annotations

import re

from rulekube.errors import SelectorError
from rulekube.selectors.field_error import aggregate
from rulekube.selectors.requirement import Requirement, Selector, key_errors, requirement_errors, selector_of

OPERATORS = {"=": "=", "==": "==", "!=": "!=", ">": "gt", "<": "lt", "in": "in", "notin": "notin"}
SIGNS = ("=", "==", "!=", ">", "<", "!", "(", ")", ",")
WITHIN = "unable to parse requirement: "


def parse(text: str) -> Selector:
    return selector_of(Descent(text).selector())


def is_name(token: str) -> bool:
    return token not in SIGNS and token != ""


class Descent:
    def __init__(self, text: str) -> None:
        self.tokens = [*re.findall(r"==|!=|[=!<>(),]|[^=!<>(), \t\r\n]+", text), "", ""]
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at]

    def take(self) -> str:
        self.at += 1
        return self.tokens[self.at - 1]

    def fail(self, said: str) -> SelectorError:
        return SelectorError(said)

    def selector(self) -> list[Requirement]:
        found: list[Requirement] = []
        if self.peek() == "":
            return found
        if not is_name(self.peek()) and self.peek() != "!":
            raise self.fail(f"found '{self.peek()}', expected: !, identifier, or 'end of string'")
        while True:
            found.append(self.requirement())
            token = self.take()
            if token == "":
                return found
            if token != ",":
                raise self.fail(f"found '{token}', expected: ',' or 'end of string'")
            if not is_name(self.peek()) and self.peek() != "!":
                raise self.fail(f"found '{self.peek()}', expected: identifier after ','")

    def requirement(self) -> Requirement:
        absent = self.peek() == "!"
        if absent:
            self.take()
        key = self.take()
        if not is_name(key):
            raise self.fail(f"{WITHIN}found '{key}', expected: identifier")
        if errors := key_errors(key, ""):
            raise self.fail(WITHIN + aggregate(errors))
        if absent or self.peek() in ("", ","):
            return self.checked(Requirement(key, "!" if absent else "exists"))
        operator = self.take()
        if operator not in OPERATORS:
            raise self.fail(f"{WITHIN}found '{operator}', expected: in, notin, =, ==, !=, gt, lt")
        values = self.listed() if operator in ("in", "notin") else self.exact()
        return self.checked(Requirement(key, OPERATORS[operator], tuple(sorted(values))))

    def exact(self) -> set[str]:
        if self.peek() in ("", ","):
            return {""}
        value = self.take()
        if not is_name(value):
            raise self.fail(f"{WITHIN}found '{value}', expected: identifier")
        return {value}

    def listed(self) -> set[str]:
        if (token := self.take()) != "(":
            raise self.fail(f"{WITHIN}found '{token}' expected: '('")
        if self.peek() not in (",", ")") and not is_name(self.peek()):
            raise self.fail(f"{WITHIN}found '{self.peek()}', expected: ',', ')' or identifier")
        values: set[str] = set()
        while True:
            values.add(self.take() if is_name(self.peek()) else "")
            if self.peek() not in (",", ")"):
                raise self.fail(f"{WITHIN}found '{self.peek()}', expected: ',' or ')'")
            if self.take() == ")":
                return values
            if self.peek() not in (",", ")") and not is_name(self.peek()):
                raise self.fail(f"{WITHIN}found '{self.peek()}', expected: ',', or identifier")

    def checked(self, requirement: Requirement) -> Requirement:
        if errors := requirement_errors(requirement):
            raise self.fail(WITHIN + aggregate(errors))
        return requirement
