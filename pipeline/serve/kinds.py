"""What a video file is: the container, codec and pixels that tell whether browsers play it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.video.media import opened


@dataclass(frozen=True)
class Kind:
    """What a file is, in FFmpeg's names."""

    container: str  # such as mov,mp4,m4a,3gp,3g2,mj2
    codec: str
    profile: str
    pixels: str
    sounds: tuple[str, ...]  # codecs of its sound


def kind(path: str) -> Kind:
    """What a file is. Raises VideoError."""
    with opened(Path(path)) as (container, stream):
        context = stream.codec_context
        sounds = tuple(sound.codec_context.codec.canonical_name for sound in container.streams.audio)
        return Kind(
            container.format.name,
            context.codec.canonical_name,
            str(stream.profile or ""),
            context.pix_fmt or "",
            sounds,
        )
