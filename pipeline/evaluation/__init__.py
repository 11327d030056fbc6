"""From ranks to figures: metrics, coverage, significance."""
