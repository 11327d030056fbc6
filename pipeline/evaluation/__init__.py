"""Evaluation of ranks: metrics, coverage, significance."""
