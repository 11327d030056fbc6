"""Pixels and words to features: one file per feature."""
