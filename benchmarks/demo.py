"""`laff demo` of this checkout against that of another: seconds of the clock and of the CPU, stage by stage, in turns.

    .venv/bin/python benchmarks/demo.py [OTHER CHECKOUT] [--rounds 1] [--work FOLDER]

Each run makes its own collection and workspace in a new folder. At the end come the mAP of each model, mean and
standard deviation over the seeds. Let nothing else run.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def demo(checkout: Path, folder: Path) -> tuple[float, float, dict[str, float]]:
    """Run a demo -> seconds, CPU seconds, {stage: seconds}."""
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, str(checkout / "cli.py"), "demo", "--folder", str(folder)]
    told = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, text=True).stdout
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    lines = [line.split() for line in told.splitlines()]
    return seconds, cpu, {words[0]: float(words[4]) for words in lines if words[2:4] == ["made", "in"]}


def figures(folder: Path) -> dict[str, dict[str, float]]:
    """{model: mean and std over seeds of mAP}, text to video."""
    metrics = json.loads((folder / "work" / "evaluate" / "metrics.json").read_text())["models"]
    return {name: ways["t2v"]["mAP"] for name, ways in metrics.items()}


def main() -> None:
    """Print what each checkout takes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("other", type=Path, nargs="?", help="another checkout")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--work", type=Path, help="where the runs are kept")
    given = parser.parse_args()
    checkouts = {"this": ROOT} | ({"other": given.other.resolve()} if given.other else {})
    with tempfile.TemporaryDirectory() as scratch:
        place = given.work or Path(scratch)
        for number in range(given.rounds):
            for name, checkout in checkouts.items():
                seconds, cpu, stages = demo(checkout, place / f"{name}{number}")
                parts = ", ".join(f"{stage} {took:.1f}" for stage, took in stages.items())
                print(f"{name}: {seconds:.0f} s, {cpu:.0f} s of CPU: {parts}", flush=True)
        tables = [figures(place / f"{name}0") for name in checkouts]
        for model in tables[0]:
            others = [table[model] for table in tables if model in table]
            print(f"mAP of {model}: " + " and ".join(f"{one['mean']:.3f} ± {one['std'] or 0:.3f}" for one in others))


if __name__ == "__main__":
    main()
