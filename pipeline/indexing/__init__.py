"""Making a folder of videos searchable, and updating that index."""
