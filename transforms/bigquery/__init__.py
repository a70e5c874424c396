"""The table Provenance: schema, rows, views, the sink."""
