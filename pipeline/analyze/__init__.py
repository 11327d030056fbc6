"""What trained models can tell about themselves: one file per question. Nothing here trains or changes a stage."""
