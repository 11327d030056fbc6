"""Collects the packages that a bare GPU machine lacks as wheels, for gpu.py to install there without a network.

    .venv/bin/python benchmarks/wheels.py [--python 3.12] [--folder wheels] [--limit 64]

What is carried follows from WANTED and MACHINE by what the packages say that they need; the versions are those that are
installed here. Printed are the sizes, with the checkout's own; more than --limit MiB in all is refused. Left out: dask,
which only workers need, decord, which reads only where decode.decoder says so, and gensim, which only learns word
vectors and would not fit beside PyAV.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
MIB = 1 << 20
MACHINE = (  # what the other machine has, with all that these need
    *("torch", "torchvision", "timm", "transformers", "h5py", "click", "numpy", "scipy", "pillow", "pyyaml", "tqdm"),
    *("matplotlib", "pytest"),
)
WANTED = ("av", "open_clip_torch", "pytorchvideo")  # what the kit needs beside that; what these need is carried too
SOURCE = ("pytorchvideo", "fvcore", "iopath")  # published as source: pure wheels are built from them
PLATFORMS = (*(f"manylinux_2_{n}_x86_64" for n in (28, 27, 24, 17)), "manylinux2014_x86_64", "manylinux1_x86_64")


def pinned(name: str) -> str:
    """The package in the version that is installed here, or whichever is published."""
    try:
        return f"{name}=={version(name)}"
    except PackageNotFoundError:
        return name


def needed(names: Iterable[str], python: str) -> set[str]:
    """These packages and all that they need on the other machine's Python, by their canonical names."""
    packages: set[str] = set()
    waiting = [canonicalize_name(name) for name in names]
    while waiting:
        if (name := waiting.pop()) in packages:
            continue
        packages.add(name)
        try:
            lines = requires(name) or []
        except PackageNotFoundError:  # needed there and not here
            continue
        for requirement in map(Requirement, lines):
            if requirement.marker is None or requirement.marker.evaluate({"python_version": python, "extra": ""}):
                waiting.append(canonicalize_name(requirement.name))
    return packages


def carried(python: str) -> list[str]:
    """The packages that travel, by their canonical names."""
    return sorted(needed(WANTED, python) - needed(MACHINE, python))


def collect(folder: Path, python: str) -> None:
    """Put the wheels into a folder, in place of those that it held."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.whl"):
        old.unlink()
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    where = ["--only-binary=:all:", "--implementation", "cp", "--python-version", python]
    where += [word for platform in PLATFORMS for word in ("--platform", platform)]
    names = [pinned(name) for name in carried(python) if name not in SOURCE]
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
    bytes_of = {path.name: path.stat().st_size for path in given.folder.glob("*.whl")}
    print(sizes(bytes_of, checkout(ROOT), given.limit))


if __name__ == "__main__":
    main()
