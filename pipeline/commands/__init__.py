"""The `laff` command's groups of verbs, and the options that verbs share. At the top they import click alone."""
