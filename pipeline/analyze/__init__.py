"""What trained models tell about themselves, one file per question; nothing here trains or changes a stage."""
