"""Published tables of the papers as data: what they measured on what, and when our figures may be held against theirs."""
