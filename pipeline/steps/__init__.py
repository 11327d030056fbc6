"""One file per verb of stages.yaml's `step`."""
