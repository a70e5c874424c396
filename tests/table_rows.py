"""Rows of the table as two sources tell them, made alike so that they can be compared value by value."""

import datetime as dt


def sparse(value):
    """Without what is empty, as a row is marshalled; an empty record says nothing either."""
    if isinstance(value, dict):
        kept = {name: sparse(item) for name, item in value.items()}
        return {name: item for name, item in kept.items() if item not in (None, [], {})}
    return [sparse(item) for item in value] if isinstance(value, list) else value


def typed(value, field):
    """A value as its column has it: a time is a time, a number a float, however it was written."""
    if isinstance(value, list):
        return [typed(item, field) for item in value]
    if isinstance(value, dict):
        return {name: typed(item, field.named[name]) for name, item in value.items()}
    if field.type == "TIMESTAMP" and isinstance(value, str):
        return dt.datetime.fromisoformat(value)
    return float(value) if field.type in ("FLOAT", "INTEGER") else value


def comparable(row, table):
    """A row of `table`."""
    return typed(sparse(row), table)
