"""Mean red, green and blue of a video, without weights: for a first run, and as a file to copy for a new feature."""

from pathlib import Path

from torch import Tensor

from extractors.base import Sampling
from extractors.pixels import check


class Brightness:
    """Mean colour of frames spread over the whole video, D = 3, in 0..1."""

    sides = ("video",)
    dim = 3

    def __init__(
        self,
        *,
        frames: int = 8,  # spread over the video
        crop: int = 32,  # pixels of the central square
        scale: float = 255.0,  # values are divided by it
    ) -> None:
        if scale <= 0:
            raise ValueError(f"scale is {scale}; it should be positive")
        self.sampling = Sampling(frames=frames, size=crop, crop=crop)
        self.scale = scale

    def load(self, device: str, weights: Path | None) -> None:
        """Nothing to load."""

    def extract(self, frames: Tensor) -> Tensor:
        """[B, M, T, H, W, 3] uint8 -> [B, 3] float32."""
        check(frames, self.sampling)
        return frames.float().mean(dim=(1, 2, 3, 4)) / self.scale
