"""Videos found by sentences or by other videos, with stored vectors or with vectors made for the search."""
