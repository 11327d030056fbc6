"""The split that a name tells: msrvtt10ktrain, vatex_val1k5, kftest; and what is left of the name without it."""

import re

WORDS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
# The longest words first. A word may follow letters (msrvtt1kAval) and be followed by a size (vatex_test1k5).
SPLIT = re.compile(rf"[_.-]?({'|'.join(sorted(WORDS, key=len, reverse=True))})(?![a-z])", re.IGNORECASE)


def split_of(name: str) -> str:
    """The split that the last such word of a name tells, or ''."""
    words = SPLIT.findall(name)
    return WORDS[words[-1].lower()] if words else ""


def without_split(name: str) -> str:
    """A name without its last word of a split: clip_train -> clip; where nothing would be left, the whole name."""
    matches = list(SPLIT.finditer(name))
    if not matches:
        return name
    return (name[: matches[-1].start()] + name[matches[-1].end() :]).strip("_.-") or name
