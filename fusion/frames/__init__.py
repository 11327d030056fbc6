"""From the frames of a video to one vector: the ways of CLIP4Clip and its followers."""
