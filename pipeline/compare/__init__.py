"""`laff compare`: several models on the same features, trained alike, in one table with significance."""
