"""How a run is put together and run."""
