"""A small collection of videos with captions that laff makes itself, so that a first run downloads nothing."""

from pipeline.demo.collection import make_collection

__all__ = ["make_collection"]
