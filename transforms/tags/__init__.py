"""PS3.15 tables, profiles and actions, UIDs, the scrubber, the object policy."""
