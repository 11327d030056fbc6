"""Files of a workspace: indexes, journals, the list of failures, the lock, and whether files are whole."""
