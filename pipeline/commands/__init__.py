"""The verbs of the `laff` command and the options that they share; imports click alone until a verb runs."""
