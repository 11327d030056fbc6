"""Disks, workers and order: what runs when, where it is kept, and what failed."""
