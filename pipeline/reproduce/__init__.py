"""`laff reproduce`: a published table, its rows trained here, and both side by side."""
