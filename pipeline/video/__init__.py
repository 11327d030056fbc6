"""A video file to its frames: containers, decoders, seeking, which frames are wanted, their pixels."""
