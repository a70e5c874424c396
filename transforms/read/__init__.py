"""Finding and opening source instances."""
