"""The grids blocks and systems on msrvtt_kf: every model on the same imported features, with three seeds.

python benchmarks/compare_kf.py DATA WORK [ARGS]

DATA and WORK as for msrvtt_kf.py. ARGS go to both `laff compare`, such as `--workers 2 --set train.epochs=8`. conse and
minilm play the part of clip-ft, the frames of conse that of its frames. Killed, the same command goes on. The tables
are WORK/work/compare/{blocks,systems}/.
"""

import sys
from pathlib import Path

from msrvtt_kf import laff

ROLES = {"lead": "conse", "lead-text": "minilm", "lead-frames": "conse-frames"}


def main() -> int:
    """Both comparisons; the worse exit status."""
    data, work, *more = sys.argv[1:]
    roles = [text for role, name in ROLES.items() for text in ("--role", f"{role}={name}")]
    return max(laff(Path(data), Path(work), "compare", [*grid, *more]) for grid in (["blocks"], ["systems", *roles]))


if __name__ == "__main__":
    sys.exit(main())
