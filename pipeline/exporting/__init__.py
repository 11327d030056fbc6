"""`laff export`: features and vectors of a workspace written in the formats that others read."""
