"""What all rooms share: configuration, the records that cross stages, keys, names, storage and the spool."""
