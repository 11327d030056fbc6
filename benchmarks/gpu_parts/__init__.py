"""The parts of gpu.py: a file for each, and what they share."""
