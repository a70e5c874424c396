"""What in a text would identify: terms of the instance's own header, patterns, an allow-list, NER (DESIGN 8)."""
