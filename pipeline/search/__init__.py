"""Videos found by sentences or by other videos: with stored vectors, or with those that are made for the search."""
