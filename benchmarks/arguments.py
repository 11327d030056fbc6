"""The arguments of the benchmarks that read DATA, work in WORK, and pass the rest on."""

import argparse
from pathlib import Path


def data_and_work(text: str | None) -> tuple[Path, Path, list[str]]:
    """DATA, WORK, and all that comes after them; --help prints `text`, that of the script."""
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, metavar="DATA")
    parser.add_argument("work", type=Path, metavar="WORK")
    parser.add_argument("more", nargs=argparse.REMAINDER, metavar="ARGS")
    given = parser.parse_args()
    return given.data, given.work, given.more
