"""The grids blocks and systems_kf.yaml on msrvtt_kf: every model on the same imported features, with three seeds.

python benchmarks/compare_kf.py DATA WORK [ARGS]

DATA and WORK as for msrvtt_kf.py. ARGS go to both `laff compare`, such as `--workers 2 --set train.epochs=8`. conse and
minilm play the part of clip-ft, the frames of conse that of its frames. Killed, the same command goes on. The tables
are WORK/work/compare/{blocks,systems_kf}/.
"""

import sys
from pathlib import Path

from arguments import data_and_work
from msrvtt_kf import laff

GRIDS = ("blocks", str(Path(__file__).with_name("systems_kf.yaml")))


def main() -> int:
    """Both comparisons; the worse exit status."""
    data, work, more = data_and_work(__doc__)
    return max(laff(data, work, "compare", [grid, *more]) for grid in GRIDS)


if __name__ == "__main__":
    sys.exit(main())
