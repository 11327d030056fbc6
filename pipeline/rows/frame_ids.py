"""Which video an id of a frame names, and which of its frames: the forms that the files of others use.

`video0_12`, `video0#12`, `video0/12.jpg`, `video0_frame_12` and `video0/video0_12.jpg` are all frame 12 of `video0`.
"""

import re

# The video is as long as can be: an id of MSVD, `-4wsuPCjDBc_5_15`, has numbers itself.
FRAME = re.compile(
    r"(.+)[_#/:.@-](?:frame|img|image|f)?([0-9]+)(?:\.(?:jpe?g|png|bmp|webp))?", re.IGNORECASE | re.ASCII | re.DOTALL
)
WORD = re.compile(r"[_#/:.@-](?:frames?|imgs?|images?|f)\Z", re.IGNORECASE)  # between the video and the number
FORMS = "VIDEO_NUMBER, VIDEO#NUMBER or VIDEO/NUMBER.jpg"


def parse(id_: str) -> tuple[str, int] | None:
    """The video and the number of the frame that an id names; None where it has no number."""
    match = FRAME.fullmatch(id_)
    if not match:
        return None
    video = WORD.sub("", match[1]) or match[1]
    folder, _, name = video.rpartition("/")
    return (folder if folder.rpartition("/")[2] == name else video), int(match[2])
