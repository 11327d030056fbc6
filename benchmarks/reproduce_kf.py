"""`laff reproduce` on msrvtt_kf: Tables 11 and 12 of the LAFF paper, whose parts other features play.

python benchmarks/reproduce_kf.py DATA WORK [ARGS]

DATA and WORK as for msrvtt_kf.py. ARGS go to both commands, such as `--dry-run` or `--set train.epochs=3`. The data are
no published protocol and the features are others, so nothing is compared: the tables say "other features, other
protocol". They are WORK/work/compare/reproduce-tab-{11,12}/reproduction.*.
"""

import sys

from arguments import data_and_work
from msrvtt_kf import laff

ROLES = {
    "tab-11": {"rx101": "effnet-lite0", "re152": "effnet-lite1", "wsl": "effnet-lite2", "clip": "conse"}
    | {"clip-text": "minilm"},
    "tab-12": {"x3d": "effnet-lite0", "ircsn": "effnet-lite1", "tf": "effnet-lite2", "clip-ft": "conse"}
    | {"clip-ft-text": "minilm", "clip-ft-frames": "conse-frames", "c3d": "-"},
}


def main() -> int:
    """Both tables; the worse exit status."""
    data, work, more = data_and_work(__doc__)
    statuses = []
    for table, roles in ROLES.items():
        words = [word for feature, stage in roles.items() for word in ("--stand-in", f"{feature}={stage}")]
        statuses.append(laff(data, work, "reproduce", [table, *words, *more]))
    return max(statuses)


if __name__ == "__main__":
    sys.exit(main())
