"""Videos, captions, splits and shards: the collection as a person describes it, and the table made from it."""
