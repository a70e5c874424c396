"""Which functions of BigQuery the local SQL knows: those of which both were seen to answer the same, with or without a rewriting.

A name that both know can mean two things: DuckDB's DATE_DIFF counts boundaries, where BigQuery counts whole units; it
rounds halves to even where it casts, divides by zero without a word, and reads 1.005 as a decimal. What is not listed is
refused by name. tests/pipeline/local/bigquery_answers.json has an answer of BigQuery's own parser and functions for each.
"""

from __future__ import annotations

import re

from sqlglot import exp

from transforms.model.errors import ConfigError

KNOWN = frozenset(
    "Abs And AnyValue Array ArrayAgg ArrayConcat ArrayReverse ArraySize ArrayToString Avg Case Cast Ceil Coalesce Concat Count CountIf "
    "CurrentDate CurrentTimestamp Date DateDiff DateFromParts DenseRank EndsWith Exists Extract FirstValue Floor GenerateSeries Greatest "
    "GroupConcat If IntDiv JSONExtractScalar Lag Lead Least Left Length Ln LogicalAnd LogicalOr Lower Max Min Mod Nullif Or Pow Rank "
    "RegexpExtract RegexpExtractAll RegexpLike RegexpReplace Replace Reverse Right Round RowNumber SafeDivide Split Sqrt StartsWith "
    "Stddev StddevPop StrPosition Struct Substring Sum TimeToStr Timestamp TimestampAdd TimestampDiff TimestampSub TimestampTrunc Trim "
    "Trunc TryCast TsOrDsToDate TsOrDsToTimestamp UnixMillis UnixSeconds Unnest Upper Variance VariancePop WeekStart".split()
)
"""Names of sqlglot's classes; operators that are one (`AND`) among them."""
CASTS = {"Cast": {"BIGINT", "DOUBLE", "TIMESTAMPTZ", "ARRAY"}, "TryCast": {"DOUBLE"}}
"""To what a value may be cast: numbers and times as text look different in each. `DATE '2026-03-01'` is one, and may."""
UNITS = frozenset({"MICROSECOND", "MILLISECOND", "SECOND", "MINUTE", "HOUR"})
"""In which TIMESTAMP_DIFF may count."""
PARTS = frozenset({"YEAR", "QUARTER", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"})
"""What EXTRACT may take of a time; days of the week are numbered from 1 in one and from 0 in the other."""
COUNTED = {"Substring": ("start", "length"), "Left": ("expression",), "Right": ("expression",)}
"""Arguments that may only be numbers written down, from 1: what lies outside a text is not the same in both."""
UNKNOWN_PARTS = (exp.Pivot, exp.TableSample, exp.Version, exp.Collate)


def require_known(tree: exp.Expr, at: str) -> None:
    """Raise ConfigError for the first part of a query of which it is not known that DuckDB answers it as BigQuery does."""
    for node in tree.find_all(exp.Func, *UNKNOWN_PARTS):
        name = type(node).__name__
        if name not in KNOWN:
            written = node.name if isinstance(node, exp.Anonymous) else node.sql_name() if isinstance(node, exp.Func) else node.key
            raise _unknown(at, written.upper())
        if name in CASTS and node.args["to"].this.name not in CASTS[name] and not _is_date(node):
            raise _unknown(at, f"{'SAFE_' if name == 'TryCast' else ''}CAST AS {node.args['to'].sql('bigquery')}")
        if name == "Extract" and node.name.upper() not in PARTS:
            raise _unknown(at, f"EXTRACT({node.name.upper()})")
        if name == "TimestampDiff" and node.text("unit").upper() not in UNITS:
            raise _unknown(at, f"TIMESTAMP_DIFF in {node.text('unit').upper()}")
        for argument in COUNTED.get(name, ()):
            value = node.args.get(argument)
            if value is not None and not (isinstance(value, exp.Literal) and value.is_int and int(value.name) >= 1):
                raise _unknown(at, f"{node.key.upper()} with a position that is not a number from 1")
        if isinstance(node, exp.RegexpExtract | exp.RegexpExtractAll) and not _takes_part(node.args["expression"]):
            what = "a pattern that has several groups, or one that may take no part, or is not written down"
            raise _unknown(at, f"{node.sql_name()} by {what}")


def _takes_part(pattern: exp.Expr) -> bool:
    """Whether a pattern is written down and has no group, or one that takes part in every match.

    BigQuery fails for several groups, DuckDB takes the whole match; what a group is that took no part, its reference does not say.
    """
    if not isinstance(pattern, exp.Literal | exp.RawString):
        return False
    bare = re.sub(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", ".", pattern.name)  # without escapes and classes
    groups = len(re.findall(r"\((?!\?)|\(\?P?<", bare))
    return groups == 0 or (groups == 1 and not re.search(r"\||\)[?*{]", bare))


def _is_date(node: exp.Expr) -> bool:
    """Whether it is a date written down, which sqlglot reads as a cast."""
    return node.args["to"].this.name == "DATE" and isinstance(node.this, exp.Literal)


def _unknown(at: str, what: str) -> ConfigError:
    why = "this is not known to be answered here as BigQuery answers it"
    return ConfigError(at, why, "say it by other functions, or ask BigQuery", what)


def reword(tree: exp.Expr) -> None:
    """Say every part that DuckDB would mean otherwise so that it means what BigQuery does; innermost parts first."""
    for node in reversed(list(tree.walk())):
        if isinstance(node, exp.Literal) and not node.is_string and not node.is_int:
            node.replace(exp.Cast(this=node.copy(), to=exp.DataType.build("double")))
        elif isinstance(node, exp.Div):
            zero = exp.EQ(this=node.expression.copy(), expression=exp.Literal.number(0))
            node.replace(_failing(zero, "division by zero", node))
        elif type(node) is exp.Cast and node.args["to"].this.name == "BIGINT":
            node.set("this", exp.Round(this=node.this))
        elif isinstance(node, exp.TimestampDiff):
            unit = exp.Literal.string(node.text("unit").lower())
            node.replace(exp.Anonymous(this="DATE_SUB", expressions=[unit, node.expression.copy(), node.this.copy()]))
        elif isinstance(node, exp.Bracket) and node.args.get("offset") is not None and not node.args.get("safe"):
            _bound(node)


def _bound(bracket: exp.Bracket) -> None:
    """An array position that is not there fails, as BigQuery's OFFSET and ORDINAL do; what is safe gives NULL."""
    (position,), first = bracket.expressions, bracket.args["offset"]
    length = exp.Add(this=exp.ArraySize(this=bracket.this.copy()), expression=exp.Literal.number(first))
    outside = exp.or_(position.copy() < first, exp.GTE(this=exp.paren(position.copy()), expression=length))
    bracket.replace(_failing(outside, "an array has no such position", bracket))


def _failing(condition: exp.Expr, why: str, otherwise: exp.Expr) -> exp.Expr:
    """`otherwise`, but a failure where the condition holds."""
    error = exp.Anonymous(this="ERROR", expressions=[exp.Literal.string(why)])
    return exp.Paren(this=exp.Case(ifs=[exp.If(this=condition, true=error)], default=otherwise.copy()))
