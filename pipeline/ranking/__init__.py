"""From vectors or pairs to ranks: scores, the rank of each query, run files."""
