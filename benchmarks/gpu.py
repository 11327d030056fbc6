"""What laff does on a GPU, in one command that ends within nine minutes: right answers, speed, memory.

    python benchmarks/gpu.py [--only PART[,PART…]] [--out FILE] [--device cpu --small] [--wheels FOLDER]

Parts, each in a process of its own with a time limit, so that one that crashes, hangs or runs out of memory costs
nothing of the others, and what it had found so far is kept:

    search     exact search of 30 queries among 1.08 million videos
    oom        batches that are halved while others hold nearly all of the GPU's memory
    train      epochs of LAFF at the size of MV-test3k, and whether a step waits for the GPU
    backbones  .clip .timm .tf .x3d .ircsn at published sizes: speed, precision, the batch that `auto` finds
    extract    videos to features, and how busy the GPU is
    tests      pytest -m gpu
    variants   a training step with TF32, CUDA graphs and torch.compile beside the plain one

Prints a table, and one JSON as the last line, which --out writes to a file too. Packages that this Python lacks are
installed from FOLDER (`wheels.py` fills it), into a scratch folder. `--device cpu --small` tries the kit itself.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from gpu_parts import process, table

ROOT = Path(__file__).resolve().parent.parent
PARTS: dict[str, float] = {  # seconds for each, in the order in which they run; the next ones have what one leaves
    "about": 25,
    "search": 35,
    "oom": 35,
    "train": 75,
    "backbones.clip": 25,
    "backbones.timm": 20,
    "backbones.tf": 25,
    "backbones.x3d": 45,
    "backbones.ircsn": 45,
    "extract": 100,
    "tests": 55,
    "variants": 50,
}


def chosen(only: str) -> list[str]:
    """The parts that `--only` names, and those below a name; SystemExit for one that there is not."""
    names = [name for name in only.split(",") if name]
    heads = {part.partition(".")[0] for part in PARTS}
    if unknown := [name for name in names if name not in PARTS and name not in heads]:
        raise SystemExit(f"no part '{unknown[0]}'; there are {', '.join(PARTS)}")
    below = {part for part in PARTS for name in names if part == name or part.startswith(f"{name}.")}
    return [part for part in PARTS if not names or part in below or part == "about"]


def lacking(folder: Path) -> list[Path]:
    """The wheels of a folder whose packages this Python does not have."""

    def there(wheel: Path) -> bool:
        try:
            return bool(version(wheel.name.partition("-")[0]))
        except PackageNotFoundError:
            return False

    return [wheel for wheel in sorted(folder.glob("*.whl")) if not there(wheel)]


def installed(wheels: list[Path], site: Path) -> str:
    """Install wheels into a folder; "" or what went wrong."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"]
    command += ["--no-deps", "--no-compile", "--upgrade", "--target", str(site), *map(str, wheels)]
    pip = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return pip.stdout[-2000:] if pip.returncode else ""


def environment(site: Path, device: str) -> dict[str, str]:
    """What the parts' processes are given: this checkout, the installed wheels, and a GPU or none."""
    paths = [str(ROOT), str(site), os.environ.get("PYTHONPATH", "")]
    variables = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "PYTHONUNBUFFERED": "1"}
    variables |= {
        "HF_HUB_OFFLINE": "1",
        "LAFF_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "OMP_WAIT_POLICY": "passive",
        "GOMP_SPINCOUNT": "10000",
    }
    return variables | ({"CUDA_VISIBLE_DEVICES": ""} if device == "cpu" else {})


def run(options: argparse.Namespace, work: Path) -> dict[str, Any]:
    """All chosen parts, one after the other."""
    begin = time.monotonic()
    wheels, site = lacking(options.wheels), work / "site"
    trouble = installed(wheels, site) if wheels else ""
    results: dict[str, Any] = {
        "command": shlex.join([Path(sys.executable).name, *sys.argv]),
        "began": time.strftime("%Y-%m-%d %H:%M:%S %z"),
        "device": options.device,
        "small": options.small,
        "carried": [wheel.name for wheel in wheels],
        "trouble": trouble,
        "parts": {},
    }
    end = begin
    for name in chosen(options.only):
        end += PARTS[name] * options.patience
        limit = end - time.monotonic()
        rows_file = work / f"{name}.json"
        command = [sys.executable, __file__, "--part", name, "--rows", str(rows_file), "--seconds", f"{limit:.0f}"]
        command += ["--device", options.device, "--work", str(work), *(["--small"] if options.small else [])]
        print(f"{name} …", file=sys.stderr, flush=True)
        results["parts"][name] = process.run(
            command, environment(site, options.device), limit, rows_file, work / f"{name}.log"
        )
    results["seconds"] = round(time.monotonic() - begin, 1)
    return results


def main() -> int:
    """The kit, or (--part) one part in this process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="parts by name, with commas between them (default: all)")
    parser.add_argument("--out", type=Path, help="a file for the JSON")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--small", action="store_true", help="every part at a small size")
    parser.add_argument("--wheels", type=Path, default=ROOT / "wheels", help="folder of wheels (default: wheels)")
    parser.add_argument("--work", type=Path, help="scratch folder (default: a new one, deleted in the end)")
    parser.add_argument("--patience", type=float, default=1.0, help="multiplies the time limits")
    for hidden in ("--part", "--rows", "--seconds"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        from gpu_parts import report

        return report.do(
            options.part, options.device, options.small, options.work, Path(options.rows), float(options.seconds)
        )
    with tempfile.TemporaryDirectory(prefix="laff-gpu-") as scratch:
        work = (options.work or Path(scratch)).absolute()
        work.mkdir(parents=True, exist_ok=True)
        results = run(options, work)
    print(table.text(results))
    line = json.dumps(results)
    print(line)
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(line + "\n", encoding="utf-8")
    return int(any(part["ended"] != "ok" for part in results["parts"].values()))


if __name__ == "__main__":
    sys.exit(main())
