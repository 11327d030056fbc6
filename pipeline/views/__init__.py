"""Views of results for people: tables and pages."""
