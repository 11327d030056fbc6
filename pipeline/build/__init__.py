"""Objects that do the work of a stage: constructed, then loaded with weights or with what they learned."""
