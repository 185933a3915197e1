"""The REPL's terminal: editing, history, colours, completion."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.history import FileHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.lexers import PygmentsLexer

from rulekube.cli.session import Session, finished
from rulekube.engine.highlight import RuleLexer
from rulekube.engine.words import words_of


class RuleCompleter(Completer):
    """Completes what the session knows."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get_completions(self, document: Document, _event: CompleteEvent) -> Iterable[Completion]:
        """The candidates that begin with what is typed."""
        text, offset = document.text, document.cursor_position
        start = offset if text[:offset].startswith(":") and " " not in text[:offset] else words_of(text).typed(offset)
        start = 0 if start == offset and text.startswith(":") and " " not in text[:offset] else start
        prefix = text[start:offset]
        for found in self._session.candidates(text, offset):
            if found.label.startswith(prefix):
                insert = f"{found.label}(" if found.kind == "relation" and found.insert else found.insert
                yield Completion(insert or found.label, start - offset, found.label, found.detail)


def prompt_session(session: Session, history: Path) -> PromptSession[str]:
    """The prompt: Enter ends what is whole, and else begins another line."""
    keys = KeyBindings()

    @Condition
    def whole() -> bool:
        return finished(prompt.default_buffer.text) or prompt.default_buffer.document.current_line == ""

    @keys.add("enter", filter=whole)
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.validate_and_handle()

    prompt: PromptSession[str] = PromptSession(
        history=FileHistory(str(history)),
        lexer=PygmentsLexer(RuleLexer),
        completer=RuleCompleter(session),
        complete_while_typing=False,
        multiline=True,
        key_bindings=keys,
        prompt_continuation=". ",
    )
    return prompt
