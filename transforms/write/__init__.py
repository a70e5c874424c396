"""Publishing instances: destination and quarantine."""
