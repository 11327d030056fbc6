"""What a trained model tells about itself: how much each feature weighs, and how much its spaces agree."""
