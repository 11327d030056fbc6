"""From features to vectors in shared spaces, one file per block or model."""
