"""From pixels and words to features, one file per feature."""
