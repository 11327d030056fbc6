"""A package read: models that were trained elsewhere, with the recipe that applies them; nothing in it runs code."""
