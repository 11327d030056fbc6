"""The CPU or GPU where forwards compute, the threads that begin them, and the errors of too large batches."""
