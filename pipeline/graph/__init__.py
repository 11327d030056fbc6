"""stages.yaml read and checked: stages, steps, models and rows, published weights, recipes of trainings."""
