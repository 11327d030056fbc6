"""`laff diff`: what two runs or workspaces differ in: settings, versions, collection, features, results; and why."""
