"""Burned-in text: frames in and out of transfer syntaxes, text search, redaction."""
