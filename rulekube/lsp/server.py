"""The Language Server Protocol over rule files.

Diagnostics are made in a thread, a moment after the last change, and published for every file of the program; all other
answers come from the text as it stands and the program as far as it can be read, so they work in unfinished rules.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path
from pygls.workspace import TextDocument

from rulekube.engine import Diagnostic, RuleError, formatter
from rulekube.engine.completion import Candidate, candidates
from rulekube.engine.hover import meaning
from rulekube.engine.parser import read_module
from rulekube.engine.syntax import NOWHERE, Declaration
from rulekube.lsp import kinds, positions
from rulekube.lsp.programs import Files, Source

_QUIET = 0.15
"""Seconds without a change after which a program is checked."""
_KINDS = {
    "relation": types.CompletionItemKind.Class,
    "function": types.CompletionItemKind.Function,
    "column": types.CompletionItemKind.Field,
    "variable": types.CompletionItemKind.Variable,
    "keyword": types.CompletionItemKind.Keyword,
    "type": types.CompletionItemKind.TypeParameter,
    "value": types.CompletionItemKind.Value,
}


_AtPosition = types.HoverParams | types.DefinitionParams | types.CompletionParams


class RuleServer(LanguageServer):
    """The server's state: the setting `alone`, and what was published of which file. None: decide file by file."""

    def __init__(self, alone: bool | None = None) -> None:
        super().__init__("rulekube", _version())
        self.alone = alone
        self.snippets = False
        self._changes: dict[str, int] = defaultdict(int)
        self._published: dict[str, set[str]] = {}
        self._checking = asyncio.Lock()

    def files(self) -> Files:
        """The texts as they are at this moment."""
        texts = {}
        for document in list(self.workspace.text_documents.values()):
            texts[path_of(document.uri)] = document.source
        folders = [path_of(uri) for uri in self.workspace.folders]
        return Files(texts, folders, self.alone)

    def source(self, uri: str) -> Source:
        """The program that a document belongs to."""
        return self.files().source(path_of(uri))

    async def check_later(self, uri: str, wait: float = _QUIET) -> None:
        """Check the program of a document, unless another change comes first."""
        self._changes[uri] += 1
        mine = self._changes[uri]
        await asyncio.sleep(wait)
        async with self._checking:
            if self._changes[uri] != mine:
                return
            files = self.files()
            source = await asyncio.to_thread(files.source, path_of(uri))
            errors, warnings = await asyncio.to_thread(source.check)
            if self._changes[uri] == mine:
                self._publish(uri, source, errors, warnings)

    def forget(self, uri: str) -> None:
        """A document was closed: what was said on its account is taken back."""
        self._changes[uri] += 1
        for other in self._published.pop(uri, set()) | {uri}:
            self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(other, []))

    def _publish(self, uri: str, source: Source, errors: list[Diagnostic], warnings: list[Diagnostic]) -> None:
        """Say what is wrong with each file of the program; files that were said to be wrong and are not get nothing."""
        uris = {module.name: uri_of(Path(module.name)) for module in source.modules}
        found: dict[str, list[types.Diagnostic]] = {uri: []}
        severities = ((errors, types.DiagnosticSeverity.Error), (warnings, types.DiagnosticSeverity.Warning))
        for diagnostics, severity in severities:
            for one in diagnostics:
                target = uris.get(one.place.file, uri)
                document = self.workspace.get_text_document(target)
                found.setdefault(target, []).append(_diagnostic(document, one, severity))
        documents = self.workspace.text_documents
        clean = {other for other in uris.values() if other in documents}
        for target in {*found, *clean, *self._published.get(uri, set())}:
            self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(target, found.get(target, [])))
        self._published[uri] = set(found)


def create(alone: bool | None = None) -> RuleServer:
    """A server with all its features, not started yet."""
    server = RuleServer(alone)
    server.feature(types.INITIALIZE)(_initialize)
    server.feature(types.TEXT_DOCUMENT_DID_OPEN)(_opened)
    server.feature(types.TEXT_DOCUMENT_DID_CHANGE)(_changed)
    server.feature(types.TEXT_DOCUMENT_DID_SAVE)(_saved)
    server.feature(types.TEXT_DOCUMENT_DID_CLOSE)(_closed)
    server.feature(types.TEXT_DOCUMENT_HOVER)(_hover)
    server.feature(types.TEXT_DOCUMENT_DEFINITION)(_definition)
    server.feature(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL)(_symbols)
    server.feature(types.TEXT_DOCUMENT_FORMATTING)(_format)
    triggers = types.CompletionOptions(trigger_characters=[".", "(", '"'])
    server.feature(types.TEXT_DOCUMENT_COMPLETION, triggers)(_complete)
    return server


def path_of(uri: str) -> Path:
    """The file of a URI; one that no disk has for documents that were never saved."""
    path = to_fs_path(uri)
    return Path(path).resolve() if path else Path("/untitled") / uri.rpartition(":")[2]


def uri_of(path: Path) -> str:
    """The URI of a file."""
    return path.resolve().as_uri()


# --- what the client says


def _initialize(server: RuleServer, params: types.InitializeParams) -> None:
    given = params.initialization_options
    alone = given.get("alone") if isinstance(given, dict) else getattr(given, "alone", None)
    server.alone = alone if isinstance(alone, bool) else server.alone
    documents = params.capabilities.text_document
    completion = documents.completion.completion_item if documents and documents.completion else None
    server.snippets = bool(completion and completion.snippet_support)


async def _opened(server: RuleServer, params: types.DidOpenTextDocumentParams) -> None:
    await server.check_later(params.text_document.uri, 0)


async def _changed(server: RuleServer, params: types.DidChangeTextDocumentParams) -> None:
    await server.check_later(params.text_document.uri)


async def _saved(server: RuleServer, params: types.DidSaveTextDocumentParams) -> None:
    await server.check_later(params.text_document.uri, 0)


def _closed(server: RuleServer, params: types.DidCloseTextDocumentParams) -> None:
    server.forget(params.text_document.uri)


# --- what the client asks


def _hover(server: RuleServer, params: types.HoverParams) -> types.Hover | None:
    document, offset = _place(server, params)
    source = server.source(document.uri)
    found = meaning(document.source, offset, source.program(), source.modules, str(path_of(document.uri)))
    if found is None:
        return None
    text = "\n\n".join(filter(None, (f"```dl\n{found.code}\n```", found.doc)))
    contents = types.MarkupContent(types.MarkupKind.Markdown, text)
    return types.Hover(contents, positions.between(document, found.word.start, found.word.end))


def _definition(server: RuleServer, params: types.DefinitionParams) -> types.Location | None:
    document, offset = _place(server, params)
    source = server.source(document.uri)
    found = meaning(document.source, offset, source.program(), source.modules, str(path_of(document.uri)))
    if found is None or found.place == NOWHERE or not (target := Path(found.place.file)).is_file():
        same = found is not None and found.place.file == str(path_of(document.uri))
        if found is None or not same:
            return None
        return types.Location(document.uri, positions.word_range(document, found.place))
    uri = uri_of(target)
    return types.Location(uri, positions.word_range(server.workspace.get_text_document(uri), found.place))


def _complete(server: RuleServer, params: types.CompletionParams) -> list[types.CompletionItem]:
    document, offset = _place(server, params)
    mapped = _mapping(document, offset)
    if mapped is not None:
        return mapped
    found = candidates(document.source, offset, server.source(document.uri).program())
    start = offset
    while start and (document.source[start - 1].isalnum() or document.source[start - 1] == "_"):
        start -= 1
    if start and document.source[start - 1] == "." and any(one.label.startswith(".") for one in found):
        start -= 1
    replaced = positions.between(document, start, positions.name_end(document.source, offset))
    return [_item(server, one, replaced) for one in found]


def _symbols(server: RuleServer, params: types.DocumentSymbolParams) -> list[types.DocumentSymbol]:
    document = server.workspace.get_text_document(params.text_document.uri)
    module = read_module(document.source, str(path_of(document.uri)))
    found = []
    for declaration in module.declarations:
        name = positions.word_range(document, declaration.place)
        columns = ", ".join(f"{column.name}: {column.type}" for column in declaration.columns)
        found.append(types.DocumentSymbol(declaration.name, _symbol_kind(declaration), name, name, columns))
    for rule in module.rules:
        place = positions.statement_range(document, rule.place, rule.text)
        name = positions.word_range(document, rule.head.place)
        head = rule.text.partition(":-")[0].strip()
        found.append(types.DocumentSymbol(rule.head.relation, types.SymbolKind.Function, place, name, head))
    return sorted(found, key=lambda symbol: (symbol.range.start.line, symbol.range.start.character))


def _format(server: RuleServer, params: types.DocumentFormattingParams) -> list[types.TextEdit] | None:
    document = server.workspace.get_text_document(params.text_document.uri)
    try:
        text = formatter.format_source(document.source, str(path_of(document.uri)))
    except RuleError:
        return None  # its errors are shown already
    return [] if text == document.source else [types.TextEdit(positions.whole(document), text)]


# --- small parts


def _place(server: RuleServer, params: _AtPosition) -> tuple[TextDocument, int]:
    document = server.workspace.get_text_document(params.text_document.uri)
    return document, document.offset_at_position(params.position)


def _diagnostic(document: TextDocument, found: Diagnostic, severity: types.DiagnosticSeverity) -> types.Diagnostic:
    message = f"{found.message}\n{found.hint}" if found.hint else found.message
    place = positions.word_range(document, found.place)
    return types.Diagnostic(place, message, severity=severity, code=found.code, source="rulekube")


def _item(server: RuleServer, found: Candidate, replaced: types.Range) -> types.CompletionItem:
    snippet = server.snippets and found.snippet
    form = types.InsertTextFormat.Snippet if snippet else types.InsertTextFormat.PlainText
    text = found.snippet if snippet else found.insert or found.label
    doc = types.MarkupContent(types.MarkupKind.Markdown, found.doc) if found.doc else None
    return types.CompletionItem(
        found.label,
        kind=_KINDS[found.kind],
        detail=found.detail or None,
        documentation=doc,
        insert_text_format=form,
        text_edit=types.TextEdit(replaced, text),
    )


def _mapping(document: TextDocument, offset: int) -> list[types.CompletionItem] | None:
    """Kinds and paths behind `.input … from`; None where the place is another."""
    found = kinds.place(document.source, offset)
    if found is None:
        return None
    start, names = found
    replaced = positions.between(document, start, offset)
    return [
        types.CompletionItem(
            name, kind=types.CompletionItemKind.Value, detail=detail or None, text_edit=types.TextEdit(replaced, name)
        )
        for name, detail in names
    ]


def _symbol_kind(declaration: Declaration) -> types.SymbolKind:
    if declaration.mapping is not None:
        return types.SymbolKind.Interface
    return types.SymbolKind.Event if declaration.actuator else types.SymbolKind.Struct


def _version() -> str:
    try:
        return version("rulekube")
    except PackageNotFoundError:
        return "unknown"
