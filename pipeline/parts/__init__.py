"""The classes that stages.yaml names by a dotted path: read, bound to their params, imported, digests of their code."""
