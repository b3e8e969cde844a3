"""What ./tools/start and ./tools/check share: setting up, a run directory, processes, the tally."""
