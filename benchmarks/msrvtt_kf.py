"""LAFF, concatenation and conse alone on msrvtt_kf, from imported features.

python benchmarks/msrvtt_kf.py DATA WORK [ARGS]

DATA is the folder msrvtt_kf (video.npz, text.npz, glove50.txt, split lists). Further ARGS go to `laff run`, such as
`--set train.joint=[gru]`. Not comparable with published MSR-VTT figures: it is a test bed of 1,432 videos.
"""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def collection(data: Path, work: Path) -> Path:
    """Write WORK/collection.yaml; the feature files are found beside it through links."""
    work.mkdir(parents=True, exist_ok=True)
    for name in ("video.npz", "text.npz", "glove50.txt"):
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


def main() -> int:
    """Run the whole graph; the table comes at the end."""
    data, work, *more = sys.argv[1:]
    path = collection(Path(data), Path(work))
    command = [sys.executable, str(HERE.parent / "cli.py"), "run", "--stages", str(HERE / "msrvtt_kf.yaml")]
    return subprocess.call([*command, "-c", str(path), "-w", str(Path(work) / "work"), *more])


if __name__ == "__main__":
    sys.exit(main())
