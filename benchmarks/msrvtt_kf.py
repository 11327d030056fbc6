"""LAFF, concatenation and conse alone on msrvtt_kf, from imported features; or another command of laff there.

python benchmarks/msrvtt_kf.py DATA WORK [COMMAND] [ARGS]

DATA is the folder msrvtt_kf (video.npz, frames.npz, text.npz, glove50.txt, split lists). COMMAND is `run` if not said,
or another that takes -c and -w; ARGS go to it, such as `--set train.joint=[gru]`. compare_kf.py makes the comparisons
of blocks and systems here. Not comparable with published MSR-VTT figures: it is a test bed of 1,432 videos.
"""

import subprocess
import sys
from pathlib import Path

from arguments import data_and_work

HERE = Path(__file__).resolve().parent


def collection(data: Path, work: Path) -> Path:
    """Write WORK/collection.yaml; the feature files are found beside it through links."""
    work.mkdir(parents=True, exist_ok=True)
    for name in ("video.npz", "frames.npz", "text.npz", "glove50.txt"):
        link = work / name
        if not link.exists():
            link.symlink_to((data / name).resolve())
    lines = ["name: msrvtt_kf"]
    for split in ("train", "val", "test"):
        ids, captions = (data / f"{split}{ending}" for ending in (".txt", ".caption.txt"))
        lines.append(f"{split}: {{ids: {ids.resolve()}, captions: {captions.resolve()}}}")
    path = work / "collection.yaml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def laff(data: Path, work: Path, command: str, arguments: list[str]) -> int:
    """One command of laff on this collection; its exit status."""
    path = collection(data, work)
    where = ["--stages", str(HERE / "msrvtt_kf.yaml"), "-c", str(path), "-w", str(work / "work")]
    return subprocess.call([sys.executable, str(HERE.parent / "cli.py"), command, *arguments, *where])


def main() -> int:
    """Run the whole graph, or the command that is named; the table comes at the end."""
    data, work, more = data_and_work(__doc__)
    command = more.pop(0) if more and not more[0].startswith("-") else "run"
    return laff(data, work, command, more)


if __name__ == "__main__":
    sys.exit(main())
