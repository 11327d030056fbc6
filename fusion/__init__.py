"""Vectors to one space: one file per block or model."""
