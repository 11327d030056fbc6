"""Collects the packages that a bare GPU machine lacks as wheels, for gpu.py to install there without a network.

    .venv/bin/python benchmarks/wheels.py [--python 3.12] [--folder wheels] [--limit 64]

That machine has torch, torchvision, timm, transformers, h5py, click, numpy, scipy, pillow, pyyaml, tqdm and pytest. The
versions are those that are installed here. Printed are the sizes, with the checkout's own; more than --limit MiB in all
is refused. Left out: gensim, which only learns word vectors and would not fit beside PyAV.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MIB = 1 << 20
BINARY = ("av", "open_clip_torch", "ftfy", "wcwidth", "dask", "locket", "partd", "parameterized", "termcolor", "yacs")
SOURCE = ("pytorchvideo", "fvcore", "iopath")  # published as source: pure wheels are built from them
PLATFORMS = (*(f"manylinux_2_{n}_x86_64" for n in (28, 27, 24, 17)), "manylinux2014_x86_64", "manylinux1_x86_64")


def pinned(name: str) -> str:
    """The package in the version that is installed here, or whichever is published."""
    try:
        return f"{name}=={version(name)}"
    except PackageNotFoundError:
        return name


def collect(folder: Path, python: str) -> None:
    """Put the wheels into a folder, in place of those that it held."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.whl"):
        old.unlink()
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    where = ["--only-binary=:all:", "--implementation", "cp", "--python-version", python]
    where += [word for platform in PLATFORMS for word in ("--platform", platform)]
    names = [pinned(name) for name in BINARY]
    subprocess.run([*pip, "download", "--no-deps", *where, "--dest", str(folder), *names], check=True)
    names = [pinned(name) for name in SOURCE]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", str(folder), *names], check=True)


def checkout(root: Path) -> int:
    """Bytes of the files that git knows or does not ignore."""
    command = ["git", "-C", str(root), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split("\0")
    return sum((root / name).lstat().st_size for name in listed if name and (root / name).is_file())


def sizes(wheels: dict[str, int], project: int, limit: float) -> str:
    """A line for each, the largest first, and the sum. SystemExit with the same where it is more than `limit` MiB."""
    every = {"the checkout": project} | wheels
    lines = [f"{size / MIB:7.2f} MiB  {name}" for name, size in sorted(every.items(), key=lambda item: -item[1])]
    total = sum(every.values()) / MIB
    lines.append(f"{total:7.2f} MiB  in all, of {limit:g}")
    if total > limit:
        raise SystemExit("\n".join([*lines, "that is too much: carry fewer packages"]))
    return "\n".join(lines)


def main() -> None:
    """Collect, and say how large it is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default="3.12", help="the other machine's (default: 3.12)")
    parser.add_argument("--folder", type=Path, default=ROOT / "wheels")
    parser.add_argument("--limit", type=float, default=64, help="MiB that may travel (default: 64)")
    given = parser.parse_args()
    collect(given.folder, given.python)
    found = {path.name: path.stat().st_size for path in given.folder.glob("*.whl")}
    print(sizes(found, checkout(ROOT), given.limit))


if __name__ == "__main__":
    main()
