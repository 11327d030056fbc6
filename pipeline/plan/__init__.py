"""What is cached, stale or missing, and why: fingerprints, units of work, and the record of what is finished."""
