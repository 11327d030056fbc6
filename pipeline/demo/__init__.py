"""A small collection of real videos with captions that the project makes itself: a first run downloads nothing."""

from pipeline.demo.collection import make_collection

__all__ = ["make_collection"]
