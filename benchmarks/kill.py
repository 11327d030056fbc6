"""Kill `laff run` at random moments, start it again, and see whether all ends as in a run that nobody disturbed.

    .venv/bin/python benchmarks/kill.py --kills 10 --seed 1

Makes a small demo collection, runs it once undisturbed, and takes the times of its phases. Then, for each kill: a fresh
workspace, a run that gets SIGKILL at a random moment of a phase (the phases take turns), the same command again. Equal
are shards (all their arrays), models (best.pt), run files, per-query ranks and metrics.json; no shard that was whole
when the kill came may be written again, no decoder process may outlive the run, no temporary file may stay.
Exits with 1 if any of that fails.
"""

from __future__ import annotations

import argparse
import itertools
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PHASES = {  # what is killed: the stage whose line starts it, and the one whose line ends it
    "extraction": ("x3d", "gru"),
    "finetune": ("finetune", "x3d"),
    "gru": ("gru", "train"),
    "train": ("train", "rank"),
    "rank": ("rank", "evaluate"),
}
OFTEN = ("finetune.checkpoint=1", "gru.fit.checkpoint=1", "train.checkpoint=1")  # seconds: something to go on from
STARTS = re.compile(rb"([a-z0-9-]+): \d+ to make")


class Run:
    """One `laff run` and the times at which its stages started."""

    def __init__(self, command: list[str]) -> None:
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.started: dict[str, float] = {}
        self.said = b""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        while chunk := self.process.stderr.read1(65536):  # type: ignore[attr-defined]
            self.said += chunk
            for name in STARTS.findall(self.said):
                self.started.setdefault(name.decode(), time.perf_counter())

    def finish(self) -> int:
        """Its exit status, when it is over."""
        code = self.process.wait()
        self._reader.join()
        return code

    def wait_for(self, stage: str) -> bool:
        """Whether the stage has started; False if the run ended without it."""
        while stage not in self.started:
            if self.process.poll() is not None:
                return False
            time.sleep(0.002)
        return True


def workers(pid: int) -> list[int]:
    """The processes that this one has started (Linux)."""
    pids = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        pids += [int(child) for child in task.read_text().split()]
    return pids


def alive(pid: int) -> bool:
    """Whether a process still does something."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def whole_shards(work: Path) -> dict[str, tuple[int, int]]:
    """{shard: inode and mtime} of all features that stand under their final names."""
    digests = {}
    for path in work.rglob("*.h5"):
        name = str(path.relative_to(work))
        if not name.startswith(("finetune/", "ingest/", "rank/")):
            digests[name] = (path.stat().st_ino, path.stat().st_mtime_ns)
    return digests


def contents(work: Path) -> dict[str, Any]:
    """{file or array: what it holds} of all results."""
    import h5py
    import torch

    def plain(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return value.numpy().tobytes()
        return {key: plain(item) for key, item in value.items()} if isinstance(value, dict) else value

    values: dict[str, Any] = {}
    for path in work.rglob("*"):
        name = str(path.relative_to(work))
        if path.suffix == ".h5" and not name.startswith("ingest/"):
            with h5py.File(path) as file:
                for key, data in file.items():
                    values[f"{name}:{key}"] = data[:].tobytes() if data.dtype != object else data[:].tolist()
        elif path.name == "best.pt":
            values[name] = plain(torch.load(path, map_location="cpu", weights_only=True)["state"])
        elif name.endswith((".trec.gz", ".csv", "metrics.json")):
            values[name] = path.read_bytes()
    return values


def newest(work: Path) -> str:
    """The file that was written last, and when: shows what was under way."""
    files = [(path.stat().st_mtime, path) for path in work.rglob("*") if path.is_file()]
    when, path = max(files, default=(time.time(), work))
    return f"{path.relative_to(work)} {time.time() - when:.2f} s before"


def one_kill(command: list[str], work: Path, phase: str, share: float, length: float, expected: dict[str, Any]) -> str:
    """Kill a fresh run in a phase, run again -> what is wrong with the end; '' if nothing is."""
    shutil.rmtree(work, ignore_errors=True)
    run = Run(command)
    if not run.wait_for(PHASES[phase][0]):
        run.finish()
        return f"{phase} never started:\n{run.said.decode(errors='replace')[-2000:]}"
    time.sleep(share * length)
    decoders = workers(run.process.pid)
    run.process.send_signal(signal.SIGKILL)
    if run.finish() != -signal.SIGKILL:
        return "the run was over before the kill; nothing was tested"
    before = whole_shards(work)
    partial = len(list(work.rglob("*.partial")))
    print(
        f"   killed: {list(run.started)[-1]} under way, {len(before)} shards whole, {partial} half-written file(s), "
        f"{len(decoders)} decoder(s), newest {newest(work)}",
        flush=True,
    )
    end = time.monotonic() + 10
    while any(map(alive, decoders)) and time.monotonic() < end:
        time.sleep(0.01)
    wrong = [f"decoder {pid} lives on" for pid in decoders if alive(pid)]
    again = Run(command)
    if code := again.finish():
        return f"the second run ended with {code}:\n{again.said.decode(errors='replace')[-2000:]}"
    after = whole_shards(work)
    wrong += [f"{name} was made twice" for name in before if after.get(name) != before[name]]
    wrong += [f"{path.relative_to(work)} was left behind" for path in work.rglob("*.partial")]
    values = contents(work)
    wrong += [f"{name} differs" for name in sorted({*values, *expected}) if values.get(name) != expected.get(name)]
    return "; ".join(wrong)


def main() -> int:
    """Run the kills and print what came of each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1, help="of the moments")
    parser.add_argument("--folder", type=Path, help="where to work (default: a temporary folder, removed afterwards)")
    parser.add_argument("--videos", type=int, nargs=3, default=(64, 16, 24), metavar=("TRAIN", "VAL", "TEST"))
    parser.add_argument("--set", dest="sets", action="append", default=[], help="as that of laff run")
    options = parser.parse_args()

    sys.path.insert(0, str(ROOT))
    from pipeline.demo import make_collection

    with tempfile.TemporaryDirectory(prefix="laff-kill-") as temporary:
        folder = (options.folder or Path(temporary)).absolute()
        train, val, test = options.videos
        collection = make_collection(folder / "collection", train=train, val=val, test=test)
        sets = ["ingest.shard_videos=16", "ingest.shard_captions=64", *OFTEN, *options.sets]

        def command(work: Path) -> list[str]:
            words = [word for text in sets for word in ("--set", text)]
            where = ["-c", str(collection), "-w", str(work), "--stages", str(ROOT / "stages.yaml")]
            return [sys.executable, str(ROOT / "cli.py"), "run", *where, "--profile", "small", *words]

        shutil.rmtree(folder / "undisturbed", ignore_errors=True)
        start = time.perf_counter()
        run = Run(command(folder / "undisturbed"))
        if code := run.finish():
            print(run.said.decode(errors="replace")[-3000:])
            print(f"the undisturbed run ended with {code}")
            return 1
        lengths = {phase: run.started[last] - run.started[first] for phase, (first, last) in PHASES.items()}
        expected = contents(folder / "undisturbed")
        print(f"undisturbed: {time.perf_counter() - start:.1f} s, {len(expected)} arrays, models and files to compare;")
        print("   " + ", ".join(f"{phase} {seconds:.1f} s" for phase, seconds in lengths.items()), flush=True)
        moments = random.Random(options.seed)
        bad = 0
        for number, phase in zip(range(1, options.kills + 1), itertools.cycle(PHASES), strict=False):
            share = moments.random()
            print(f"{number}. seed {options.seed}: {phase} at {share:.0%} of its {lengths[phase]:.1f} s", flush=True)
            wrong = one_kill(command(folder / "killed"), folder / "killed", phase, share, lengths[phase], expected)
            print(f"   {'NOT EQUAL: ' + wrong if wrong else 'all equal, no shard made twice'}", flush=True)
            bad += bool(wrong)
        print(f"{options.kills - bad} of {options.kills} kills ended as the undisturbed run")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
