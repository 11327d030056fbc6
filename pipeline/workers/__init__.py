"""Who does the work: tasks in this process or on dask workers, and processes that can be killed."""
