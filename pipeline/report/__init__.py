"""The report: one HTML page that tells of all operations of a workspace."""
