"""One room for each stage, in the order in which data flows."""
