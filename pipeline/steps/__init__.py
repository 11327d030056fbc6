"""What a stage can do: one file for each `step` of stages.yaml."""
