"""Files that hold rows of features: our shards, and formats of others."""
