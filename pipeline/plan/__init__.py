"""What is cached, stale or missing, and why: surroundings of a run, fingerprints, units, their record."""
