"""`laff score`: runs of anyone against judgements, by named rules: significance, fusion, facets; no workspace."""
