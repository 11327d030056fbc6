"""Data sets prepared: official annotation files, read and checked by a named protocol, written as a collection."""
