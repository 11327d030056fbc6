"""A small collection of real video files with captions, which the project draws itself."""

from pipeline.demo.collection import make_collection

__all__ = ["make_collection"]
