"""The steps that stages.yaml can name, one file each."""
