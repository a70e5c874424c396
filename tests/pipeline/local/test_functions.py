"""Functions mean what they mean in BigQuery: its answers are recorded, and what is not known to be the same is refused."""

import datetime as dt
import json
import math
from pathlib import Path

import duckdb
import pytest
import sqlglot
from sqlglot import exp

from pipeline.local.dialect import translate
from pipeline.local.functions import KNOWN
from transforms.model.errors import ConfigError

ANSWERS = json.loads(Path(__file__).with_name("bigquery_answers.json").read_text())
"""Expression to `value`, or to `error` where BigQuery fails: as BigQuery's emulator answered once, or as BigQuery's reference says
where the emulator errs (empty texts in REPLACE, `_` in LIKE, groups in REGEXP_REPLACE, NULL in NOT IN)."""


@pytest.fixture(scope="module")
def connection():
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def plain(value):
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat()
    return value.isoformat() if isinstance(value, dt.date) else value


@pytest.mark.parametrize("expression", ANSWERS)
def test_it_answers_as_bigquery_was_seen_to_answer(connection, expression):
    sql, expected = translate(f"SELECT {expression}", {}), ANSWERS[expression]
    if "error" in expected:
        with pytest.raises(duckdb.Error):
            connection.execute(sql).fetchall()
        return
    ((found,),) = connection.execute(sql).fetchall()
    if isinstance(expected["value"], float):
        assert math.isclose(found, expected["value"], rel_tol=1e-12)
    else:
        assert plain(found) == expected["value"]


def test_every_function_that_is_known_has_such_an_answer():
    seen = {
        type(node).__name__
        for expression in ANSWERS
        for node in sqlglot.parse_one(f"SELECT {expression}", read="bigquery").find_all(exp.Func)
    }
    assert sorted(KNOWN - seen - {"CurrentDate", "CurrentTimestamp", "Exists", "IntDiv", "Mod"}) == []


REFUSED = {
    "FORMAT('%d', 3)": "FORMAT",
    "SAFE_CAST('2.5' AS INT64)": "SAFE_CAST AS INT64",
    "CAST(2.0 AS STRING)": "CAST AS STRING",
    "DATE_TRUNC(DATE '2026-03-04', MONTH)": "DATE_TRUNC",
    "EXTRACT(DAYOFWEEK FROM DATE '2026-03-01')": "DAYOFWEEK",
    "SUBSTR('abc', 0, 2)": "position",
    "SUBSTR('abc', -1)": "position",
    "TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), CURRENT_TIMESTAMP(), DAY)": "DAY",
    "LOG(100, 10)": "LOG",
    "APPROX_QUANTILES(x, 2)": "QUANTILES",
    "no_such_function(1)": "NO_SUCH_FUNCTION",
    "SAFE.SUBSTR('a', 1)": "SAFE",
    "REGEXP_EXTRACT('ab', r'(a)(b)')": "several groups",
    "REGEXP_EXTRACT('b', r'(a)?b')": "no part",
    "REGEXP_EXTRACT_ALL('bb', r'(a)*b')": "no part",
    "REGEXP_EXTRACT('b', r'(a)|b')": "no part",
    "REGEXP_EXTRACT('b', r'(?:x(a)){0,1}b')": "no part",
    "REGEXP_EXTRACT('b', CONCAT('(', 'a)'))": "written down",
}


@pytest.mark.parametrize(("expression", "name"), REFUSED.items())
def test_what_is_not_known_is_refused_by_name(expression, name):
    with pytest.raises(ConfigError, match=name):
        translate(f"SELECT {expression}", {})
