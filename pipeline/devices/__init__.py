"""Where forwards compute: a CPU or a GPU, the threads that start them, and the errors that mean "batch too large"."""
