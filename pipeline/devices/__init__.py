"""Where forwards compute: a CPU or a GPU, the threads that begin them, and what says that a batch was too large."""
