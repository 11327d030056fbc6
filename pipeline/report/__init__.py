"""The report page of a run: one file a section, each with its template beside it."""
