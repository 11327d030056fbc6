"""One pass over videos: each is decoded once, every extractor that needs it runs, each feature becomes a shard."""
