"""A package made: a trained model, what it learned with, and the recipe that applies it elsewhere, in one folder."""
