"""The language server, spoken to by a real client over stdio."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from lsprotocol import types
from pygls.lsp.client import LanguageClient

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow
REACHABLE = """.decl edge(from: symbol, to: symbol)
edge("a", "a").

// Where one can get to.
.decl path(from: symbol, to: symbol)
.output path
path(X, Y) :- edge(X, Y).
path(X, Z) :- path(X, Y), edge(Y, Z).
"""
POLICY = """// Pods that run on a node called bad.
.decl misplaced(pod: ref, why: symbol)
.output misplaced
misplaced(P, lower(N)) :- pod_node(P, N), N = "bad".
"""


class Editor:
    """A client that keeps what the server says of each file."""

    def __init__(self) -> None:
        self.client = LanguageClient("tests", "1")
        self.said: dict[str, list[types.Diagnostic]] = {}
        self.news = asyncio.Event()
        self.versions: dict[str, int] = {}
        self.client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)(lambda params: self._hear(params))

    def _hear(self, params: types.PublishDiagnosticsParams) -> None:
        self.said[params.uri] = list(params.diagnostics)
        self.news.set()

    async def start(self, folder: Path, *options: str, **initialization: object) -> types.InitializeResult:
        await self.client.start_io(sys.executable, "-m", "rulekube", "lsp", *options, cwd=str(ROOT))
        item = types.ClientCompletionItemOptions(snippet_support=True)
        documents = types.TextDocumentClientCapabilities(
            completion=types.CompletionClientCapabilities(completion_item=item)
        )
        answer = await self.client.initialize_async(
            types.InitializeParams(
                types.ClientCapabilities(text_document=documents),
                root_uri=folder.as_uri(),
                workspace_folders=[types.WorkspaceFolder(folder.as_uri(), folder.name)],
                initialization_options=initialization or None,
            )
        )
        self.client.initialized(types.InitializedParams())
        return answer

    def open(self, path: Path, text: str) -> str:
        uri = path.as_uri()
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(types.TextDocumentItem(uri, "dl", 1, text)))
        self.versions[uri] = 1
        return uri

    def change(self, uri: str, change: types.TextDocumentContentChangeEvent) -> None:
        self.versions[uri] += 1
        document = types.VersionedTextDocumentIdentifier(self.versions[uri], uri)
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(document, [change]))

    def replace(self, uri: str, text: str) -> None:
        self.change(uri, types.TextDocumentContentChangeWholeDocument(text))

    async def codes(self, uri: str, *wanted: str) -> list[types.Diagnostic]:
        """Wait until the server says just these codes of a file."""
        async with asyncio.timeout(30):
            while uri not in self.said or sorted(d.code for d in self.said[uri]) != sorted(wanted):
                self.news.clear()
                try:
                    await self.news.wait()
                except asyncio.CancelledError:
                    print("the server says", self.said)  # what a failure's report shows
                    raise
        return sorted(self.said[uri], key=lambda d: (d.range.start.line, d.range.start.character))

    async def hover(self, uri: str, line: int, column: int) -> str:
        answer = await self.client.text_document_hover_async(types.HoverParams(*at(uri, line, column)))
        assert answer is None or isinstance(answer.contents, types.MarkupContent)
        return answer.contents.value if answer else ""

    async def complete(self, uri: str, line: int, column: int) -> dict[str, types.CompletionItem]:
        answer = await self.client.text_document_completion_async(types.CompletionParams(*at(uri, line, column)))
        assert isinstance(answer, list)
        return {item.label: item for item in answer}

    async def definition(self, uri: str, line: int, column: int) -> tuple[str, int, int]:
        answer = await self.client.text_document_definition_async(types.DefinitionParams(*at(uri, line, column)))
        assert isinstance(answer, types.Location)
        return answer.uri, answer.range.start.line, answer.range.start.character


def at(uri: str, line: int, column: int) -> tuple[types.TextDocumentIdentifier, types.Position]:
    return types.TextDocumentIdentifier(uri), types.Position(line, column)


@pytest.fixture
async def editor():
    editor = Editor()
    yield editor
    server = editor.client._server
    if server is not None and server.returncode is None:
        await editor.client.shutdown_async(None)
        editor.client.exit(None)
        async with asyncio.timeout(20):
            assert await server.wait() == 0
    await editor.client.stop()


async def test_it_says_what_it_can_do(editor, tmp_path):
    can = (await editor.start(tmp_path)).capabilities
    for feature in ("hover", "definition", "document_symbol", "document_formatting"):
        assert getattr(can, f"{feature}_provider"), feature
    assert can.completion_provider is not None


async def test_errors_appear_with_their_ranges_and_go_when_they_are_mended(editor, tmp_path):
    await editor.start(tmp_path)
    uri = editor.open(tmp_path / "a.dl", REACHABLE.replace("edge(Y, Z)", "edg(Y, Z)") + "path(X, 3) :- edge(X, _)\n")
    undeclared, syntax = await editor.codes(uri, "undeclared-relation", "syntax")
    assert (undeclared.range.start, undeclared.range.end) == (types.Position(7, 26), types.Position(7, 29))
    assert "did you mean `edge`?" in undeclared.message
    assert undeclared.severity is types.DiagnosticSeverity.Error
    assert syntax.range.start.line >= 8
    middle = types.Range(types.Position(7, 26), types.Position(7, 29))
    editor.change(uri, types.TextDocumentContentChangePartial(middle, "edge"))
    await editor.codes(uri, "syntax")
    editor.replace(uri, REACHABLE)
    await editor.codes(uri)


async def test_warnings_appear_where_there_are_no_errors(editor, tmp_path):
    await editor.start(tmp_path)
    uri = editor.open(tmp_path / "a.dl", REACHABLE + "path(X, X) :- edge(X, Y).\n")
    (found,) = await editor.codes(uri, "unused-variable")
    assert found.severity is types.DiagnosticSeverity.Warning
    assert found.range.start == types.Position(8, 22)


async def test_a_policy_is_checked_over_the_clusters_relations(editor, tmp_path):
    await editor.start(tmp_path)
    uri = editor.open(tmp_path / "policy.dl", POLICY)
    await editor.codes(uri)
    editor.replace(uri, POLICY.replace("pod_node", "pod_nod"))
    (found,) = await editor.codes(uri, "undeclared-relation")
    assert "pod_node" in found.message


@pytest.mark.parametrize("by", ["option", "initialization"])
async def test_alone_leaves_the_cluster_out(editor, tmp_path, by):
    await (editor.start(tmp_path, "--alone") if by == "option" else editor.start(tmp_path, alone=True))
    uri = editor.open(tmp_path / "policy.dl", POLICY)
    await editor.codes(uri, "undeclared-relation")


async def test_a_file_is_checked_as_part_of_the_one_that_includes_it(editor, tmp_path):
    (tmp_path / "main.dl").write_text('.include "base.dl"\n.include "rules.dl"\n.output path\n')
    (tmp_path / "base.dl").write_text(".decl link(from: symbol, to: symbol)\n")
    rules = '.decl path(from: symbol, to: symbol)\npath(X, Y) :- link(X, Y).\nlink("a", "b").\n'
    (tmp_path / "rules.dl").write_text(rules)
    await editor.start(tmp_path)
    uri = editor.open(tmp_path / "rules.dl", rules)
    await editor.codes(uri)
    assert await editor.definition(uri, 1, 15) == ((tmp_path / "base.dl").as_uri(), 0, 6)
    base = editor.open(tmp_path / "base.dl", ".decl lnk(from: symbol, to: symbol)\n")
    await editor.codes(uri, "undeclared-relation", "undeclared-relation")
    editor.replace(base, ".decl link(from: symbol, to: symbol)\n")
    await editor.codes(uri)


async def test_hover_shows_declarations_columns_functions_and_variables(editor, tmp_path):
    await editor.start(tmp_path)
    uri = editor.open(tmp_path / "policy.dl", POLICY)
    relation = await editor.hover(uri, 3, 30)
    assert '.input pod_node(pod: ref, node: symbol) from Pod "spec.nodeName"' in relation
    own = await editor.hover(uri, 1, 8)
    assert ".decl misplaced(pod: ref, why: symbol)" in own
    assert "Pods that run on a node called bad." in own
    assert "1 rule" in own
    function = await editor.hover(uri, 3, 15)
    assert "lower(symbol) -> symbol" in function
    assert "lower case" in function
    variable = await editor.hover(uri, 3, 38)
    assert "N: symbol" in variable
    assert "`pod_node.node`" in variable
    assert await editor.hover(uri, 3, 23) == ""


async def test_definition_finds_relations_here_and_in_shipped_files_and_variables(editor, tmp_path):
    await editor.start(tmp_path)
    uri = editor.open(tmp_path / "policy.dl", POLICY)
    assert await editor.definition(uri, 3, 2) == (uri, 1, 6)
    target, line, column = await editor.definition(uri, 3, 28)
    assert target.endswith("/rulekube/rules/schema/pod.dl")
    text = (ROOT / "rulekube/rules/schema/pod.dl").read_text().split("\n")[line]
    assert text[column:].startswith("pod_node(")
    assert await editor.definition(uri, 3, 42) == (uri, 3, 19)


async def test_completion_offers_relations_columns_variables_and_functions(editor, tmp_path):
    await editor.start(tmp_path)
    text = POLICY + "misplaced(Pod, Why) :- pod_n\n"
    uri = editor.open(tmp_path / "policy.dl", text)
    found = await editor.complete(uri, 4, 28)
    item = found["pod_node"]
    assert item.text_edit.new_text == "pod_node(${1:Pod}, ${2:Node})"
    assert item.insert_text_format is types.InsertTextFormat.Snippet
    assert item.text_edit.range == types.Range(types.Position(4, 23), types.Position(4, 28))
    assert {"lower", "misplaced", "Why", "at"} <= found.keys()
    editor.replace(uri, POLICY + "misplaced(Pod, Why) :- pod_node(pod: Pod, \n")
    found = await editor.complete(uri, 4, 42)
    assert found["node"].text_edit.new_text == "node: "
    assert "pod" not in found
    assert {"Pod", "Why"} <= found.keys()
    assert "pod_phase" not in found


async def test_completion_of_declarations(editor, tmp_path):
    await editor.start(tmp_path)
    uri = editor.open(tmp_path / "a.dl", "")
    for typed, wanted, not_wanted in (
        (".de", ".decl", "pod_node"),
        (".decl x(a: ", "quantity", "pod_node"),
        (".input x(a: ref, b: symbol) from ", "Pod", "pod_node"),
        ('.input x(a: ref, b: symbol) from Pod "spec.co', "spec.containers[index]", "spec"),
        ('.input x(a: ref, i: int, b: symbol) from Pod "spec.containers[index].', "spec.containers[index].image", "x"),
        ('.input x(a: ref, b: symbol) from * "metadata.', "metadata.labels{key}", "spec"),
    ):
        editor.replace(uri, typed)
        found = await editor.complete(uri, 0, len(typed))
        assert wanted in found
        assert not_wanted not in found


async def test_symbols_are_declarations_and_rules_in_order(editor, tmp_path):
    await editor.start(tmp_path)
    uri = editor.open(tmp_path / "a.dl", REACHABLE)
    answer = await editor.client.text_document_document_symbol_async(
        types.DocumentSymbolParams(types.TextDocumentIdentifier(uri))
    )
    assert [(s.name, s.kind.name, s.selection_range.start.line) for s in answer] == [
        ("edge", "Struct", 0),
        ("edge", "Function", 1),
        ("path", "Struct", 4),
        ("path", "Function", 6),
        ("path", "Function", 7),
    ]


async def test_formatting_is_that_of_fmt_and_leaves_broken_files_alone(editor, tmp_path):
    await editor.start(tmp_path)
    uri = editor.open(tmp_path / "a.dl", "// €𝄞\n.decl  p( x:symbol )\np(X):-p( X ).")
    options = types.FormattingOptions(4, insert_spaces=True)
    params = types.DocumentFormattingParams(types.TextDocumentIdentifier(uri), options)
    (edit,) = await editor.client.text_document_formatting_async(params)
    assert edit.new_text == "// €𝄞\n.decl p(x: symbol)\np(X) :- p(X).\n"
    assert edit.range == types.Range(types.Position(0, 0), types.Position(2, 13))
    editor.replace(uri, edit.new_text)
    assert await editor.client.text_document_formatting_async(params) in ([], ())
    editor.replace(uri, "p(X) :- ")
    assert await editor.client.text_document_formatting_async(params) is None


async def test_positions_count_as_the_client_does(editor, tmp_path):
    await editor.start(tmp_path)
    text = '.decl p(x: symbol)\np(X) :- p(X), X = "𝄞𝄞", q(X).\n'
    uri = editor.open(tmp_path / "a.dl", text)
    (found,) = await editor.codes(uri, "undeclared-relation")
    assert found.range.start == types.Position(1, 26)


async def test_closing_a_file_takes_its_errors_back(editor, tmp_path):
    await editor.start(tmp_path)
    uri = editor.open(tmp_path / "a.dl", "p(1).\n")
    await editor.codes(uri, "undeclared-relation")
    editor.client.text_document_did_close(types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(uri)))
    await editor.codes(uri)
