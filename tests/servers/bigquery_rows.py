"""Rows as SQL writes them, each value in the place that its column has.

The emulator's load jobs read an object into a map without order, and its SQL then takes the fields of a record by position:
rows go in whole, and what is nested cannot be asked for. Rows that an INSERT writes have their order.
"""

import json

from transforms.bigquery import load


def insert(table, rows, columns):
    """One INSERT of rows, as the marshaller makes them, into a table of these columns."""
    names = ", ".join(f"`{field.name}`" for field in columns.fields)
    values = ",\n".join(f"({', '.join(literal(row.get(field.name), field) for field in columns.fields)})" for row in rows)
    return f"INSERT INTO {table} ({names}) VALUES\n{values}"


def literal(value, field):
    """A value of a column, with its type where that is not plain."""
    if value is None:
        return "[]" if field.repeated else "NULL"
    if field.repeated:
        return f"{load._type(field)}[{', '.join(_one(item, field) for item in value)}]"
    return _one(value, field)


def _one(value, field):
    if field.fields:
        inner = ", ".join(literal(value.get(child.name), child) for child in field.fields)
        return f"STRUCT<{load._ddl(field)}>({inner})"
    if field.type == "TIMESTAMP":
        return f"TIMESTAMP '{value}'"
    return f"CAST({value} AS FLOAT64)" if field.type == "FLOAT" else json.dumps(value)
