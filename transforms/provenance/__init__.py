"""FHIR R4 Provenance resources: ids, builders, shapes, and their spool."""
