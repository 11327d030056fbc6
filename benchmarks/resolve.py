"""Shows on which machines and Pythons the packages of requirements.txt can be installed from wheels alone.

    python benchmarks/resolve.py [--extras] [--find-links FOLDER]

A table: machines by Pythons; `yes`, or the package that has no wheel there. The versions are the pinned ones, with all
that they ask for; nothing is installed, and only metadata is fetched (some minutes). uv resolves, for it evaluates
markers for the other machine, which pip does not: for pip, sys_platform is always that of the machine that it runs on.
uv comes from PyPI into a folder of its own, unless one is on the path.

Packages of SOURCE are published as source and consist of Python alone, so they are the same wheels everywhere: each is
built once, into --find-links or a folder that goes away, and named. --extras: the requirements of the extras too.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ("pytorchvideo", "fvcore", "iopath")  # published as source, of pure Python
MACHINES = {  # name -> uv's, which says the oldest system too: those that torch's wheels ask for
    "Linux x86-64": "x86_64-manylinux_2_28",
    "Linux aarch64": "aarch64-manylinux_2_28",
    "macOS arm64": "aarch64-apple-darwin",
}
MACOS = "14.0"  # the oldest for torch's wheels
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
EXTRAS = {"trec": (), "exchange": (), "zero-shot": ("--no-deps",), "shots": ("--no-deps",)}
LACKS = re.compile(r"(?:Because|because|and) (\S+?)(?:==\S+)? has no (?:usable |source |)?wheels")


def pure_wheels(folder: Path) -> list[str]:
    """Build the wheels of SOURCE into a folder, in the versions that resolve; returns their names."""
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    pins = re.findall(rf"^(?:{'|'.join(SOURCE)})==\S+", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.M)
    named = {pin.partition("==")[0] for pin in pins}
    names = [*pins, *(name for name in SOURCE if name not in named)]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", str(folder), *names], check=True)
    wheels = [path.name for path in sorted(folder.glob("*.whl")) if path.name.partition("-")[0] in SOURCE]
    if strange := [name for name in wheels if not name.endswith("-none-any.whl")]:
        raise SystemExit(f"not of pure Python: {', '.join(strange)}")
    return wheels


def uv(folder: Path) -> str:
    """The command uv: the one on the path, or a new one from PyPI in a folder."""
    if found := shutil.which("uv"):
        return found
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--target", str(folder), "uv"], check=True)
    return str(folder / "bin" / "uv")


def resolved(program: str, machine: str, python: str, file: Path, wheels: Path, options: tuple[str, ...]) -> str:
    """`yes` if all packages that a file asks for have wheels there; else those that have none, or uv's words."""
    command = [program, "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--only-binary", ":all:"]
    command += ["--python-platform", machine, "--python-version", python, "--find-links", str(wheels), *options]
    environment = os.environ | {"MACOSX_DEPLOYMENT_TARGET": MACOS}
    process = subprocess.run([*command, str(file)], capture_output=True, text=True, env=environment, check=False)
    if process.returncode == 0:
        return "yes"
    said = " ".join(process.stderr.split())
    return ", ".join(dict.fromkeys(LACKS.findall(said))) or said[:200]


def table(rows: dict[str, list[str]]) -> str:
    """Rows with the Pythons above them, in columns."""
    lines = [["", *PYTHONS], *([name, *cells] for name, cells in rows.items())]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def main() -> int:
    """Print the table; 1 where a machine with a Python below 3.14 lacks a wheel that all need."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--extras", action="store_true", help="a row for each extra too")
    parser.add_argument("--find-links", type=Path, help="where to keep the wheels that are built (default: nowhere)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        wheels = given.find_links or Path(temporary, "wheels")
        print(f"built once, the same everywhere: {', '.join(pure_wheels(wheels))}\n", flush=True)
        program = uv(Path(temporary, "uv"))
        files: dict[str, tuple[Path, tuple[str, ...]]] = {"": (ROOT / "requirements.txt", ())}
        if given.extras:
            files |= {f", {name}": (ROOT / f"requirements-{name}.txt", options) for name, options in EXTRAS.items()}
        rows = {
            f"{machine}{extra}": [resolved(program, word, python, file, wheels, options) for python in PYTHONS]
            for extra, (file, options) in files.items()
            for machine, word in MACHINES.items()
        }
    print(table(rows))
    return int(any(cell != "yes" for machine in MACHINES for cell in rows[machine]))


if __name__ == "__main__":
    sys.exit(main())
