"""Cached features put together for a model, and the model for them: trained, or as training starts it."""
