"""Files of a workspace: indexes, journals, the ledger, the lock, and the check that finds damaged files."""
