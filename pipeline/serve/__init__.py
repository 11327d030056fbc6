"""`laff serve`: a page in the browser that searches workspaces, shows pictures and plays clips; it changes nothing."""
