"""`laff compare`: several models on the same features, trained the same way, in one table with significance."""
