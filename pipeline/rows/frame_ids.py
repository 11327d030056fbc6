"""Which video an id of a frame names, and which of its frames: the forms that the files of others use.

`video0_12`, `video0#12`, `video0/12.jpg`, `video0_frame_12` and `video0/video0_12.jpg` are all frame 12 of `video0`.
"""

import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from pipeline.errors import LaffError

# The video is as long as can be: an id of MSVD, `-4wsuPCjDBc_5_15`, has numbers itself.
FRAME = re.compile(r"(.+)[_#/:.@-](?:frame|img|image|f)?0*([0-9]+)(?:\.(?:jpe?g|png|bmp|webp))?", re.IGNORECASE)
WORD = re.compile(r"[_#/:.@-](?:frames?|imgs?|images?|f)", re.IGNORECASE)  # between the video and the number
FORMS = "VIDEO_n, VIDEO#n, VIDEO/n.jpg or VIDEO_frame_n"


def parse(id_: str) -> tuple[str, int] | None:
    """The video and the number of the frame that an id names; None where it has no number."""
    match = FRAME.fullmatch(id_)
    if not match:
        return None
    video, number = match[1], int(match[2])
    if (word := WORD.search(video)) and word.end() == len(video):
        video = video[: word.start()]
    folder, _, name = video.rpartition("/")
    return (folder if folder.rpartition("/")[2] == name and folder else video), number


def rows_of_videos(ids: Sequence[str]) -> dict[str, np.ndarray]:
    """{video: the rows of its frames, by their number}, in the order in which the videos first appear.

    LaffError for an id that names no frame, and for a frame that two rows have.
    """
    found: dict[str, list[tuple[int, int]]] = {}
    for row, id_ in enumerate(ids):
        named = parse(id_)
        if named is None:
            raise LaffError(f"id {id_!r} names no frame of a video; at level frame ids are such as {FORMS}")
        found.setdefault(named[0], []).append((named[1], row))
    rows: dict[str, np.ndarray] = {}
    for video, frames in found.items():
        frames.sort()
        for (number, row), (following, other) in pairwise(frames):
            if number == following:
                raise LaffError(f"frame {number} of '{video}' comes twice, as {ids[row]!r} and as {ids[other]!r}")
        rows[video] = np.array([row for _, row in frames], np.int64)
    return rows
