"""The JSON in which MSR-VTT was published, and MSVD by others: {videos: [{video_id, split}], sentences: [{caption}]}.

The form of COCO, {annotations: [{image_id, caption}]}, is read as well.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.errors import Problems, meant
from pipeline.protocols import reading
from pipeline.protocols.prepared import Caption

SPLITS = {"train": "train", "validate": "val", "val": "val", "test": "test"}  # as the file calls them
FORM = "should be {videos: […], sentences: […]}, as videodatainfo.json has it"


@dataclass
class Info:
    """What a file says."""

    path: Path
    splits: dict[str, str] = field(default_factory=dict)  # video -> train, val, test, or '' where the file says none
    captions: list[Caption] = field(default_factory=list)  # numbered as they stand, by video


def read(path: Path, problems: Problems) -> Info:
    """Read a file; mistakes are noted with the place in it."""
    info, raw = Info(path), reading.json_of(path, problems)
    if raw is None:
        return info
    key = "sentences" if isinstance(raw, dict) and "sentences" in raw else "annotations"
    sentences = raw.get(key) if isinstance(raw, dict) else None
    if not isinstance(sentences, list):
        problems.add(FORM, path)
        return info
    name = "video_id" if key == "sentences" else "image_id"
    counts: dict[str, int] = {}
    for place, row in enumerate(sentences):
        video, text = (row.get(name), row.get("caption")) if isinstance(row, dict) else (None, None)
        if not isinstance(video, str) or not isinstance(text, str):
            problems.add(f'{key}[{place}] should be {{"{name}": …, "caption": …}}, both texts', path)
            continue
        counts[video] = counts.get(video, -1) + 1
        info.captions.append(Caption(video, str(counts[video]), text))
    _add_videos(raw.get("videos", []), info, problems)
    return info


def _add_videos(videos: Any, info: Info, problems: Problems) -> None:
    """Add the videos with their splits; one twice, and an unknown split, are problems."""
    if not isinstance(videos, list):
        problems.add(f"videos {FORM}", info.path)
        return
    for place, row in enumerate(videos):
        video, split = (row.get("video_id"), row.get("split", "")) if isinstance(row, dict) else (None, None)
        if not isinstance(video, str):
            problems.add(f"videos[{place}] has no video_id", info.path)
        elif video in info.splits:
            problems.add(f"videos[{place}]: '{video}' stands again; remove one of the two", info.path)
        elif split and split not in SPLITS:
            problems.add(f"videos[{place}]: '{video}' has the split {split!r}{meant(str(split), SPLITS)}", info.path)
        else:
            info.splits[video] = SPLITS.get(str(split), "")
