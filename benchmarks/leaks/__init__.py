"""Data sets in which the patient stands wherever he should not, through every profile: each output is searched, or held."""
