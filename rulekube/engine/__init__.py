"""Datalog over plain tuples: parse, check, plan, evaluate incrementally, explain.

Nothing here knows Kubernetes, reads a clock or does I/O beyond the rule files it is given; the package could be
published by itself.
"""

from rulekube.engine.analysis import Program, RelationInfo
from rulekube.engine.database import Database
from rulekube.engine.delta import Changes, difference
from rulekube.engine.errors import Diagnostic, EvaluationError, RuleError
from rulekube.engine.function import Function, function
from rulekube.engine.provenance import Proof
from rulekube.engine.query import Rows
from rulekube.engine.standing import Standing
from rulekube.engine.syntax import Column, Mapping, Place
from rulekube.engine.values import NO_VALUE, Fact, Json, Ref, from_json, show_fact, to_json
from rulekube.engine.why_not import WhyNot

__all__ = [
    "NO_VALUE",
    "Changes",
    "Column",
    "Database",
    "Diagnostic",
    "EvaluationError",
    "Fact",
    "Function",
    "Json",
    "Mapping",
    "Place",
    "Program",
    "Proof",
    "Ref",
    "RelationInfo",
    "Rows",
    "RuleError",
    "Standing",
    "WhyNot",
    "difference",
    "from_json",
    "function",
    "show_fact",
    "to_json",
]
