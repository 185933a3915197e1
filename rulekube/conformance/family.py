"""What a family is, and how a row is judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

RawRow = Mapping[str, Any]  # one line of a file: inputs and recorded answers
Answers = Mapping[str, Any]

ABSENT: Final = "(absent)"  # shown for an answer that only one side gave


class Difference(NamedTuple):
    """One answer that is not as recorded."""

    field: str
    expected: object
    actual: object


class Family(NamedTuple):
    """`answer(row, header)` gives our answers; `header` is the first row of a file that marks it `meta`, else empty.

    `inputs` names the fields of a row that are not answers.
    """

    answer: Callable[[RawRow, RawRow], Answers]
    inputs: tuple[str, ...] = ("in",)

    def differences(self, row: RawRow, header: RawRow) -> list[Difference]:
        """Every field in which ours and the record differ, in field order."""
        expected = {field: value for field, value in row.items() if field not in self.inputs}
        actual = self.answer(row, header)
        return [
            Difference(field, expected.get(field, ABSENT), actual.get(field, ABSENT))
            for field in sorted(expected.keys() | actual.keys())
            if expected.get(field, ABSENT) != actual.get(field, ABSENT)
        ]
