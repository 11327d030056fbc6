"""Pictures of videos for people: those that `decode` has kept, and middle frames where these show nothing."""
