"""From a name to a checked file of weights: looked up, fetched, listed, checked, converted."""
