"""Fine-tuning with every aggregator of frames on droid, profile small: seconds, validation score, killed and resumed.

python benchmarks/frames.py DATA WORK [EPOCHS [NAME]...]

DATA holds droid/; names as in the table choose aggregators, without any it takes all. Each is trained twice, once to
the end and once killed with SIGKILL in the middle and started again; "equal" says whether both left the same best
model, and the same last weights, state of the optimizer, random numbers and history, bit for bit. The loss is that of
the last epoch, the score that of the best one. Frames are two a second, so that videos shorter than 4 seconds are
padded. The models are tiny and start from random weights, so the scores show that the machine works, not which
aggregator is best.
"""

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch
from arguments import data_and_work

ROOT = Path(__file__).resolve().parent.parent
STEP = 5  # of the 11 of an epoch: the least that is done of the last one when the kill comes
AGGREGATORS = {
    "mean (LAFF's)": ("mean.Mean", "{}"),
    "meanP": ("mean.Mean", "{pre_norm: true}"),
    "meanP, squeeze excitation": ("excitation.Excitation", "{}"),
    "meanP, expansion excitation": ("excitation.Excitation", "{ratio: 0.25}"),
    "meanP, squeeze aggregation": ("aggregation.Aggregation", "{}"),
    "meanP, expansion aggregation": ("aggregation.Aggregation", "{ratio: 0.25}"),
    "meanP, squeeze EA": ("ea.EA", "{}"),
    "meanP, expansion EA": ("ea.EA", "{excite: 0.25, aggregate: 0.25}"),
    "meanP, squeeze E, expansion A": ("ea.EA", "{excite: 4, aggregate: 0.25}"),
    "meanP, expansion E, squeeze A": ("ea.EA", "{excite: 0.25, aggregate: 4}"),
    "EA, padding not masked": ("ea.EA", "{masked: false}"),
    "seqLSTM": ("lstm.SeqLSTM", "{}"),
    "seqLSTM, expansion aggregation": ("lstm.SeqLSTM", "{aggregate: 0.25}"),
    "excitation, LSTM, mean": ("lstm.SeqLSTM", "{excite: 4}"),
    "excitation, LSTM, aggregation": ("lstm.SeqLSTM", "{excite: 4, aggregate: 4}"),
    "seqTransf": ("transformer.SeqTransf", "{layers: 2}"),
    "seqTransf, expansion aggregation": ("transformer.SeqTransf", "{layers: 2, aggregate: 0.25}"),
    "excitation, transformer, mean": ("transformer.SeqTransf", "{layers: 2, excite: 4}"),
    "excitation, transformer, aggregation": ("transformer.SeqTransf", "{layers: 2, excite: 4, aggregate: 4}"),
    "content weights (AFA)": ("content.Content", "{}"),
    "tightTransf": ("tight.TightTransf", "{layers: 2}"),
    "tightTransf, squeeze excitation": ("tight.TightTransf", "{layers: 2, excite: 4}"),
}


def main() -> int:
    """Print a line for each aggregator; 1 where a resumed training differs."""
    data, work, more = data_and_work(__doc__)
    data, work = data.resolve(), work.resolve()
    epochs = int(more[0]) if more else 2
    work.mkdir(parents=True, exist_ok=True)
    lines = ["name: droid", f"videos: {data / 'droid' / 'videos'}"]
    for split in ("train", "val", "test"):
        ids, captions = (data / "droid" / f"{split}{ending}" for ending in (".txt", ".caption.txt"))
        lines.append(f"{split}: {{ids: {ids}, captions: {captions}}}")
    (work / "collection.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for folder in ("whole", "killed"):  # decoded once each, before any time is taken
        run(work, folder, epochs, *AGGREGATORS["mean (LAFF's)"])
    good = True
    print(
        f"| aggregator | seconds of {epochs} epoch(s) | loss, last epoch | MRR, best epoch | killed at step | equal |"
    )
    print("|---|---|---|---|---|---|", flush=True)
    for name in more[1:] or AGGREGATORS:
        path, params = AGGREGATORS[name]
        forget(work / "whole")
        run(work, "whole", epochs, path, params)
        best, last = (state(work / "whole", name) for name in ("best", "last"))
        end = last["position"]
        step = killed(work, epochs, path, params, end["epoch"])
        run(work, "killed", epochs, path, params)
        equal = same(best, state(work / "killed", "best")) and same(
            untimed(last), untimed(state(work / "killed", "last"))
        )
        good &= equal
        figures = (end["history"][-1]["loss"], best["score"])
        row = (name, f"{end['seconds']:.1f}", *(f"{figure:.6f}" for figure in figures), step, "yes" if equal else "NO")
        print("| " + " | ".join(row) + " |", flush=True)
    return 0 if good else 1


def command(work: Path, folder: str, epochs: int, path: str, params: str) -> list[str]:
    """`laff finetune`, frames kept for the next aggregator; a checkpoint after every step where it is to be killed."""
    sets = [
        *(f"finetune.epochs={epochs}", f"finetune.aggregate=fusion.frames.{path}"),
        *(f"finetune.aggregate_params={params}", "finetune.keep_frames=true", "clip-ft.level=frame"),
        *("finetune.stride=1", "finetune.fps=2", "finetune.rule=first"),
        f"finetune.checkpoint={0 if folder == 'killed' else 60}",
    ]
    where = ["-c", str(work / "collection.yaml"), "-w", str(work / folder), "--stages", str(ROOT / "stages.yaml")]
    options = [word for text in sets for word in ("--set", text)]
    return [sys.executable, str(ROOT / "cli.py"), "finetune", *where, "--profile", "small", *options]


def run(work: Path, folder: str, epochs: int, path: str, params: str) -> None:
    """To the end; its messages only where it fails."""
    process = subprocess.run(command(work, folder, epochs, path, params), capture_output=True, text=True, check=False)
    if process.returncode:
        sys.exit(process.stdout + process.stderr)


def forget(work: Path) -> None:
    """Let nothing be fine-tuned yet; the decoded frames stay."""
    for name in ("best.pt", "last.pt", "index.jsonl"):
        (work / "finetune" / name).unlink(missing_ok=True)


def killed(work: Path, epochs: int, path: str, params: str, of: int) -> str:
    """Start a training and kill it in its last epoch, number `of`; the step of the last checkpoint that it left."""
    remains = work / "killed" / "finetune" / "last.pt"
    forget(work / "killed")
    with (work / "killed.log").open("w") as log:
        program = subprocess.Popen(command(work, "killed", epochs, path, params), stdout=log, stderr=log)
        while program.poll() is None:
            if remains.is_file():
                position = state(work / "killed", "last")["position"]
                if position["epoch"] == of - 1 and position["step"] >= STEP:
                    break
            time.sleep(0.01)
        program.kill()
        if program.wait() != -signal.SIGKILL:
            sys.exit(f"the training ended before it could be killed\n{(work / 'killed.log').read_text()}")
    position = state(work / "killed", "last")["position"]
    return f"{position['step']} of epoch {position['epoch'] + 1}"


def state(work: Path, name: str) -> dict[str, Any]:
    """A checkpoint of the fine-tuning; it appears whole."""
    content: dict[str, Any] = torch.load(work / "finetune" / f"{name}.pt", map_location="cpu", weights_only=True)
    return content


def untimed(content: Any) -> Any:
    """A checkpoint without what clocks say."""
    if isinstance(content, dict):
        return {key: untimed(value) for key, value in content.items() if key != "seconds"}
    return [untimed(member) for member in content] if isinstance(content, list | tuple) else content


def same(one: Any, other: Any) -> bool:
    """Equal numbers in equal places."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return torch.equal(one, other) if isinstance(one, torch.Tensor) else bool(one == other)


if __name__ == "__main__":
    sys.exit(main())
