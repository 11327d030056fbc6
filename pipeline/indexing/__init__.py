"""A folder of videos made ready to be searched, and brought up to date."""
