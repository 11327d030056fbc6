"""One pass over videos: clips decoded once, forwards of every extractor that is to be run, one shard a feature."""
