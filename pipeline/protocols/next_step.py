"""What to do with a prepared collection next: complete it, import features for it, or plan a run."""

from pathlib import Path

from pipeline.protocols.dataset import Protocol
from pipeline.protocols.finding import Files
from pipeline.protocols.prepared import SPLITS, Prepared


def next_step(prepared: Prepared, protocol: Protocol, video_files: Files | None, file: Path, command: str) -> str:
    """What to do next, in a line.

    video_files: of its videos; None where it names none. file: its collection.yaml. command: how `laff` is called.
    """
    lacking = [split for split in SPLITS if not prepared.captions[split]]
    if prepared.val_is_test:
        lacking.remove("val")
    if prepared.queries and "test" in lacking:
        lacking.remove("test")
    if prepared.queries and not prepared.ids["train"] and not prepared.ids["val"]:
        return (
            f"name {file} as `test:` of a collection whose train and val are others (docs/collections.md, Several "
            "collections as one)"
        )
    if files := list(dict.fromkeys(protocol.files[split] for split in lacking if split in protocol.files)):
        without = f"without captions of {_and(lacking)} nothing can be {_for(lacking)}"
        return f"run this again with {' and '.join(files)}: {without}"
    if lacking:
        random = "--protocol random draws all three splits by video"
        hint = "`val: test` there chooses the best epoch by test" if lacking == ["val"] else random
        return f"give {file} captions of {_and(lacking)}, without which nothing can be {_for(lacking)}: {hint}"
    if video_files and not video_files.paths:
        return f"put videos into {video_files.folder}, and run this again"
    if not video_files:
        return f"{command} import FEATURES --out FOLDER -c {file}"
    return f"{command} plan -c {file} -w WORK"


def _and(splits: list[str]) -> str:
    return " and ".join([", ".join(splits[:-1]), splits[-1]] if len(splits) > 1 else splits)


def _for(lacking: list[str]) -> str:
    """What cannot be done without captions of these splits."""
    return "evaluated" if lacking == ["test"] else "learned" if "test" not in lacking else "learned or evaluated"
