"""Files that hold rows of features: our shards, and the formats of others."""
