"""The stages file read and checked: stages, steps, models and rows, published weights, training settings."""
