"""The verbs of the `laff` command and the options that they share; only click is imported until a verb runs."""
