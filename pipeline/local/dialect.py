"""BigQuery SQL in DuckDB's words: sqlglot's dialects, and the rules that sqlglot does not know.

Functions are looked after by `functions`. Three things of the language differ: BigQuery shows the fields of an
un-aliased UNNEST as columns, counts `WITH OFFSET` from 0, and counts `[SAFE_OFFSET(n)]` from 0 for any n. Whatever
project and dataset a query names, its tables are the local ones.
"""

from __future__ import annotations

import sqlglot
from sqlglot import exp
from sqlglot.errors import ErrorLevel, SqlglotError

from pipeline.local.functions import require_known, reword
from transforms.model.errors import ConfigError


def translate(sql: str, tables: dict[str, str], at: str = "sql") -> str:
    """One BigQuery SELECT as DuckDB has it; `tables` are the relations it may read, by their names in lower case."""
    try:
        statements = [statement for statement in sqlglot.parse(sql, read="bigquery") if statement is not None]
    except SqlglotError:
        raise ConfigError(at, "this is not BigQuery SQL that is known here", "check its syntax, and write array joins as UNNEST") from None
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise ConfigError(at, "one SELECT is answered, nothing else", "ask with one SELECT")
    tree = statements[0]
    require_known(tree, at)
    reword(tree)
    for table in list(tree.find_all(exp.Table)):
        _localize(table, tables, at)
    for bracket in list(tree.find_all(exp.Bracket)):
        _count_from_one(bracket)
    for unnest in list(tree.find_all(exp.Unnest)):
        if isinstance(unnest.parent, exp.From | exp.Join):
            _open(unnest)
    try:
        return tree.sql("duckdb", unsupported_level=ErrorLevel.RAISE)
    except SqlglotError:
        raise ConfigError(
            at, "the query has a part that the local table cannot answer as BigQuery would", "say it in simpler terms"
        ) from None


def _localize(table: exp.Table, tables: dict[str, str], at: str) -> None:
    """Name the local relation in place of PROJECT.DATASET.NAME; names that the query itself defines stay."""
    defined = {cte.alias_or_name.lower() for select in _around(table) for cte in select.ctes}
    if len(table.parts) == 1 and table.name.lower() in defined:
        return
    name = table.parts[-1].name
    if name.lower() not in tables:
        raise ConfigError(at, "the workspace has no such table", f"it has {', '.join(sorted(tables.values()))}", name)
    # the alias that BigQuery gives by itself: the last part of the name
    alias = table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(name, quoted=True))
    replacement = exp.Table(this=exp.to_identifier(tables[name.lower()], quoted=True), alias=alias)
    for part in ("joins", "pivots", "sample"):
        replacement.set(part, table.args.get(part))
    table.replace(replacement)


def _around(node: exp.Expression) -> list[exp.Query]:
    found, parent = [], node.parent
    while parent is not None:
        if isinstance(parent, exp.Query):
            found.append(parent)
        parent = parent.parent
    return found


def _count_from_one(bracket: exp.Bracket) -> None:
    """`[OFFSET(n)]` as the position that DuckDB counts from 1; sqlglot does so for literals only."""
    if bracket.args.get("offset") != 0 or len(bracket.expressions) != 1 or isinstance(bracket.expressions[0], exp.Literal):
        return
    bracket.set("expressions", [exp.Add(this=exp.Paren(this=bracket.expressions[0]), expression=exp.Literal.number(1))])
    bracket.set("offset", 1)


def _open(unnest: exp.Unnest) -> None:
    """UNNEST in FROM as a lateral subquery: fields as columns where BigQuery shows them so, and offsets from 0.

    An aliased one too, though DuckDB knows it: in this form it reads only the columns asked for, 100 times faster.
    """
    if len(unnest.expressions) != 1:
        return
    array, alias, offset = unnest.expressions[0], unnest.args.get("alias"), unnest.args.get("offset")
    if alias is None:
        fields_too = exp.PropertyEQ(this=exp.to_identifier("max_depth"), expression=exp.Literal.number(2))
        columns: list[exp.Expr] = [exp.Anonymous(this="UNNEST", expressions=[array.copy(), fields_too])]
    else:
        columns = [exp.alias_(exp.Anonymous(this="UNNEST", expressions=[array.copy()]), alias.columns[0])]
    if offset:
        positions = exp.Anonymous(this="RANGE", expressions=[exp.Anonymous(this="LEN", expressions=[array.copy()])])
        columns.append(exp.alias_(exp.Anonymous(this="UNNEST", expressions=[positions]), offset))
    join = unnest.parent
    if isinstance(join, exp.Join) and join.side and not (join.args.get("on") or join.args.get("using")):
        join.set("on", exp.true())
    unnest.replace(exp.Lateral(this=exp.Subquery(this=exp.select(*columns))))
