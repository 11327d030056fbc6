"""CPU-seconds and memory of commands as they are typed, with the start of Python; against another checkout.

    .venv/bin/python benchmarks/startup.py WORK [--before FOLDER] [--runs 5] [--only plan]

WORK: a workspace that `laff demo` made, copied for each checkout since a search notes what it has read; the other
checkout accepts its copy, where its code is not what made it. Each command is a process of its own; the two take turns.
"cold": without byte code and without what is noted beside it, as after an installation. Figures are the least of all
runs: user and system time, and the most memory held.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = {
    "--version": ["--version"],
    "--help": ["--help"],
    "plan": ["plan", "-w", "WORK"],
    "runs": ["runs", "-w", "WORK"],
    "search, the main model": ["search", "a red circle moves", "-w", "WORK"],
    "search, clip-ft": ["search", "a red circle moves", "-w", "WORK", "--model", "clip-ft"],
}
LEARNED = ("finetune", "clip-ft", "gru", "train")  # what a search asks for


def measured(checkout: Path, arguments: list[str], cache: Path) -> tuple[float, float]:
    """CPU-seconds and MiB of one command of a checkout, with its byte code in `cache`."""
    environment = os.environ | {"PYTHONPATH": str(checkout), "PYTHONPYCACHEPREFIX": str(cache)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, str(checkout / "cli.py"), *arguments]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    message = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: {message.decode()}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main() -> None:
    """Print a line for each command: cold and warm, for each checkout."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--before", type=Path, help="another checkout")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", default="", help="commands with this in their name")
    options = parser.parse_args()
    checkouts = {"before": options.before.resolve()} if options.before else {}
    checkouts["now"] = ROOT
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary)
        for name in checkouts:
            shutil.copytree(options.work.parent, home / name / "demo")  # its collection lies beside it
        if options.before:
            accept = ["accept", *LEARNED, "-w", str(home / "before" / "demo" / options.work.name)]
            measured(checkouts["before"], accept, home / "cache accept")
        for command, words in COMMANDS.items():
            if options.only not in command:
                continue
            figures: dict[str, list[tuple[float, float]]] = {}
            for run in range(options.runs + 1):
                for name, checkout in checkouts.items():
                    work = home / name / "demo" / options.work.name
                    arguments = [str(work) if word == "WORK" else word for word in words]
                    cache = home / f"cache {command} {name}"
                    shutil.rmtree(cache, ignore_errors=True) if run == 0 else None
                    state = "cold" if run == 0 else "warm"
                    figures.setdefault(f"{name} {state}", []).append(measured(checkout, arguments, cache))
            told = (
                f"{state} {min(cpu for cpu, _ in each):.2f} s, {min(held for _, held in each):.0f} MiB"
                for state, each in sorted(figures.items())
            )
            print(f"{command}: {'; '.join(told)}", flush=True)


if __name__ == "__main__":
    main()
