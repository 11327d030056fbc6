"""Classes that stages.yaml names by a dotted path: read, bound to their params, imported, and digests of their code."""
