"""Which video files the browsers play by themselves; all others are made into clips or shown as stills."""

from __future__ import annotations

from pathlib import Path

from pipeline.serve.kinds import Kind

# Of a file's ending: what it is called in HTTP, FFmpeg's name of its container, and of the codecs in it that play in
# Chromium, Firefox and Safari alike (AV1 and VP9 in the two newest versions of each).
TYPES = {
    ".mp4": ("video/mp4", "mp4", ("h264", "vp9", "av1")),
    ".m4v": ("video/mp4", "mp4", ("h264", "vp9", "av1")),
    ".mov": ("video/mp4", "mp4", ("h264",)),  # as MP4: for what is called QuickTime, Chromium asks for a plug-in
    ".webm": ("video/webm", "webm", ("vp8", "vp9", "av1")),
}
PIXELS = ("yuv420p", "yuvj420p")  # 8 bits, 4:2:0: what decoders of phones and browsers have in hardware
PROFILES = ("Baseline", "Constrained Baseline", "Extended", "Main", "High", "Constrained High")  # of H.264
SOUNDS = ("aac", "mp3", "opus", "vorbis", "flac")  # a browser may refuse the whole file for another sound


def may_play(path: str, codec: str, container: str) -> bool:
    """Whether the ending, codec and container leave it possible that browsers play a file; `plays` looks closer."""
    _, wanted, codecs = TYPES.get(Path(path).suffix.lower(), ("", "", ()))
    return bool(wanted) and wanted in container.split(",") and codec in codecs


def plays(path: str, kind: Kind) -> bool:
    """Whether browsers play a file of this kind."""
    sound = all(name in SOUNDS for name in kind.sounds)
    profile = kind.codec != "h264" or kind.profile in PROFILES
    return may_play(path, kind.codec, kind.container) and kind.pixels in PIXELS and profile and sound


def content_type(path: str) -> str:
    """What a file that plays is called in HTTP."""
    return TYPES[Path(path).suffix.lower()][0]
