"""A Pygments lexer for rule files, registered as `dl`: the REPL colours by it, and so can Sphinx, MkDocs or a pager.

It is lenient where the parser is strict: a text that is being typed must not flicker into errors. What it takes for a
keyword it takes in the places where the grammar does, so a relation may be called `count` or `key`.
"""

from __future__ import annotations

from typing import ClassVar

from pygments.lexer import RegexLexer, bygroups, default, include, words
from pygments.token import Comment, Keyword, Literal, Name, Number, Operator, Punctuation, String, Whitespace

from rulekube.engine.analysis import TYPES
from rulekube.engine.builtins import FUNCTIONS, RELATIONS

_NAME = r"[a-z][A-Za-z0-9_]*"
_PART = r"[A-Za-z0-9](?:[A-Za-z0-9._:-]*[A-Za-z0-9])?"
_BUILT_IN = sorted(name for name in {*FUNCTIONS, *RELATIONS, "elapsed"} if name.isidentifier())


class RuleLexer(RegexLexer):
    """Tokens of RuleKube's Datalog."""

    name = "RuleKube rules"
    aliases: ClassVar = ["dl", "rulekube"]
    filenames: ClassVar = ["*.dl"]
    mimetypes: ClassVar = ["text/x-rulekube"]

    tokens: ClassVar = {
        "blanks": [
            (r"\s+", Whitespace),
            (r"//[^\n]*", Comment.Single),
            (r"/\*[\s\S]*?(?:\*/|\Z)", Comment.Multiline),
        ],
        "values": [
            (r'"(?:[^"\\\n]|\\.)*"', String.Double),
            (r'"(?:[^"\\\n]|\\.)*', String.Double),  # still being typed
            (rf"[a-z][a-z0-9.-]*/{_PART}(?:/{_PART})?", Literal),
            (r"[0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+", Number.Float),
            (r"[0-9]+[A-Za-z]+", Number),  # 30s, 5m, 1Ki
            (r"[0-9]+", Number.Integer),
            (words(("true", "false", "null"), suffix=r"\b"), Keyword.Constant),
        ],
        "root": [
            include("blanks"),
            (rf"(\.(?:decl|input|action|output))(\s+)({_NAME})", bygroups(Keyword, Whitespace, Name.Class), "declared"),
            (r"\.[a-z]+\b", Keyword),
            include("values"),
            (r"not\b(?!\s*\()|not(?=\s+[a-z(])", Operator.Word),
            (r"count(?=\s*:)|(?:sum|mean|argmax|argmin)(?=[\s(])|(?:min|max)(?=\s+[^\s(])", Keyword.Pseudo),
            (r"array(?=[\s(\[{])|object(?=[\s(])", Keyword.Pseudo),
            (r"(?:top|bottom)(?=\s+[0-9A-Z])|rank(?=\s+[^\s(])", Keyword.Pseudo),
            (r"(?:by|then|asc|desc)(?=\s)", Keyword),
            (words(_BUILT_IN, suffix=r"(?=\s*\()"), Name.Builtin),
            (rf"{_NAME}(?:\.{_NAME})*(?=\s*\()", Name.Function),
            (rf"{_NAME}(?=\s*:(?!-))", Name.Attribute),
            (r"[A-Z][A-Za-z0-9_]*", Name.Variable),
            (r"_\w*", Name.Variable.Magic),
            (_NAME, Name),
            (r":-|!=|<=|>=|[=<>+\-*/%!|&]", Operator),
            (r"[()\[\]{},.;:]", Punctuation),
            (r"[^\x00-\x7f]", Name),  # an ellipsis or a typographic quote of a text under way
            (r"['`@#$&?^~\\]", Name),
        ],
        "declared": [
            include("blanks"),
            (r"\(", Punctuation, "columns"),
            (rf"(,)(\s*)({_NAME})", bygroups(Punctuation, Whitespace, Name.Class)),
            (r"(from)(\s+)([A-Za-z]\w*|\*|(?=\"))", bygroups(Keyword, Whitespace, Name.Namespace)),
            (rf"(by)(\s+)({_NAME})", bygroups(Keyword, Whitespace, Name.Namespace)),
            (r"key(?=\s*\()", Keyword),
            (r'"(?:[^"\\\n]|\\.)*"?', String.Double),
            default("#pop"),
        ],
        "columns": [
            include("blanks"),
            (r"\)", Punctuation, "#pop"),
            (r"(?=\n\.[a-z])", Punctuation, "#pop"),
            (rf"(:)(\s*)({'|'.join(TYPES)})\b", bygroups(Punctuation, Whitespace, Keyword.Type)),
            (r"(?:from(?=\s+\")|default(?=\s))", Keyword),
            include("values"),
            (_NAME, Name.Attribute),
            (r"[:,]", Punctuation),
            default("#pop"),
        ],
    }
