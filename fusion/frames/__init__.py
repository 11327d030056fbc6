"""From the frames of a video to one vector, and back to a choice: every way of CLIP4Clip and its followers."""
