"""A model and its input put together: cached features of a split, and the model trained or as training starts it."""
