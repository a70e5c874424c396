"""The embedded default: a FHIR store over SQLite with the Healthcare API's paths, and the table in DuckDB."""
