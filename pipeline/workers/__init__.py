"""Who does the work: this process, dask workers, and processes that can be killed."""
