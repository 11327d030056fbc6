"""From ranks to figures: metrics, significance, what a row of results found."""
