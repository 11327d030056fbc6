"""The outcome of a run, and its summary for the person who started it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.graph import models
from pipeline.graph.graph import Graph
from pipeline.store import ledger
from pipeline.views import results_table

ENDS = ("report", "evaluate", "rank")  # steps whose results the summary names


@dataclass
class Outcome:
    """What a run made, what failed, and where the results are."""

    made: dict[str, int] = field(default_factory=dict)  # stage -> units
    seconds: dict[str, float] = field(default_factory=dict)
    failures: list[dict[str, str]] = field(default_factory=list)
    notes: list[dict[str, str]] = field(default_factory=list)  # on videos that are used in spite of a flaw
    videos_made: dict[str, int] = field(default_factory=dict)  # stage -> videos in the shards that it made
    videos: int = 0  # of the collection
    random: list[str] = field(default_factory=list)  # stages with random weights
    stages: list[str] = field(default_factory=list)  # all stages of the run, cached ones too
    ends: dict[str, str] = field(default_factory=dict)  # step -> its stage, of rank, evaluate and report
    places: dict[str, str] = field(default_factory=dict)  # stage -> its folder below the workspace, where not its name
    advice: str = ""  # what to do next, once models are trained

    @property
    def lost(self) -> int:
        """The number of videos that failed."""
        return len({line["video"] for line in self.failures})

    def summary(self, work: Path) -> str:
        """A text: what was made, what failed, the table of results, and what to do next."""
        lines = [] if self.made else ["nothing to do: everything is cached"]
        width = max([12, *map(len, self.made)])
        for stage, units in self.made.items():
            failed = len({line["video"] for line in self.failures if line["stage"] == stage})
            failures = (
                f", but ALL {failed} videos failed" if 0 < self.videos <= failed else f", {failed} video(s) failed"
            )
            lines.append(
                f"{stage:{width}} {units:5,} made in {self.seconds.get(stage, 0.0):8.1f} s{failures if failed else ''}"
            )
        if self.lost:
            lines.append(f"{self.lost} video(s) failed: `laff failures -w {work}` says why; --retry-failed tries again")
        flaws = {ledger.JUMPS: "their times jump", ledger.SHORT: "they end before their windows do"}
        for kind, flaw in (("", "frames are missing"), *flaws.items()):
            videos = {
                note["video"]
                for note in self.notes
                if (note["exception"] if note["exception"] in flaws else "") == kind
            }
            if videos:
                lines.append(f"{len(videos)} video(s) are used though {flaw}: `laff failures -w {work}` says which")
        if self.random:
            names = ", ".join(self.random)
            lines.append(f"RANDOM WEIGHTS in {names}: figures show that the machine runs, not how good it is")
        folder = {step: work / self.places.get(stage, stage) for step, stage in self.ends.items()}
        if self.ends.get("evaluate") in self.stages:  # otherwise the results there may be of other settings
            metrics = folder["evaluate"] / "metrics.json"
            if metrics.is_file():
                lines += ["", results_table.text(json.loads(metrics.read_text(encoding="utf-8"))), ""]
                words = {"report": "report {}/index.html", "evaluate": "metrics {}/metrics.json", "rank": "runs {}"}
                lines.append(", ".join(words[step].format(folder[step]) for step in words if step in folder))
        lines += [self.advice] if self.advice and lines[-1] != self.advice else []
        return "\n".join(lines)


def search_advice(graph: Graph, work: Path, names: Sequence[str] | None = None) -> str:
    """The command that searches with what these stages make, all stages if not given, or why that is not possible.

    A trained model if there is one, else a feature of both sides; '' where there is neither.
    """
    for stage in graph.stages_of("train") if graph.stages_of("train", names) else ():
        trained, missing = models.of(graph, stage), []
        for model in trained:
            imported = graph.imported(model.text)
            if not imported:
                option = "" if model.name == models.main(stage) else f" --model {model.name}"
                return f'next: laff search "a sentence"{option} -w {work}'
            missing += imported
        if not trained:
            continue
        texts = ", ".join(dict.fromkeys(missing))
        return f"`laff search` is not possible: {texts} came from files, which have no row for a new sentence"
    stages = graph.stages if names is None else names
    pair = next((name for name in stages if {"video", "text"} <= set(graph.stages[name].sides)), "")
    return f'next: laff search "a sentence" --model {pair} -w {work}' if pair else ""
