"""Published tables as data: what papers measured on what, and when figures of ours may be held against theirs."""
