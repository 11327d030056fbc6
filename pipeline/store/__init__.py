"""Files of a workspace: indexes, journals, the ledger, the lock, and whether they are whole."""
