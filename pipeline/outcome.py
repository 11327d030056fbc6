"""The outcome of a run, and its summary for the person who started it."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.graph import models
from pipeline.graph.graph import Graph
from pipeline.shell import command
from pipeline.store import ledger
from pipeline.views import results_table
from pipeline.views.printed import PLAIN, Paper
from pipeline.views.tables import duration
from pipeline.wording import number_of

ENDS = ("report", "evaluate", "rank")  # steps whose results the summary names
FLAWS = {"": "frames are missing", ledger.JUMPS: "their times jump", ledger.SHORT: "they end before their windows do"}
CACHE = "from the cache"


@dataclass
class Outcome:
    """What a run made, what failed, and where the results are."""

    made: dict[str, int] = field(default_factory=dict)  # stage -> units
    seconds: dict[str, float] = field(default_factory=dict)
    keys: dict[str, set[str]] = field(default_factory=dict)  # stage -> keys of the units that it made
    elapsed: float = 0.0  # seconds of the whole run
    cached: dict[str, int] = field(default_factory=dict)  # stage -> units that were there before
    saved: float = 0.0  # seconds that the cached units took when they were made
    failures: list[dict[str, str]] = field(default_factory=list)
    notes: list[dict[str, str]] = field(default_factory=list)  # on videos that are used in spite of a flaw
    videos_made: dict[str, int] = field(default_factory=dict)  # stage -> videos in the shards that it made
    videos: int = 0  # of the collection
    random: list[str] = field(default_factory=list)  # stages with random weights
    stages: list[str] = field(default_factory=list)  # all stages of the run, cached ones too
    ends: dict[str, str] = field(default_factory=dict)  # step -> its stage, of rank, evaluate and report
    places: dict[str, str] = field(default_factory=dict)  # stage -> its folder below the workspace, where not its name
    advice: str = ""  # what to do next, in words
    retry: str = ""  # the command that tries again what failed; '' where it is the same one with --retry-failed

    @property
    def lost(self) -> int:
        """The number of videos that failed."""
        return len({line["video"] for line in self.failures})

    def summary(self, work: Path, paper: Paper = PLAIN) -> str:
        """A text: what was made, what came from the cache, what failed, the results, and what to do next.

        Its commands can be typed in any folder. paper: what its table is printed on.
        """
        parts = [self._work(), self._flaws(work), self._results(work, paper), [self.advice] if self.advice else []]
        return "\n\n".join("\n".join(lines) for lines in parts if lines)

    def _work(self) -> list[str]:
        """A line for each stage that made something, and one for the whole run."""
        there = {stage: units for stage, units in self.cached.items() if units}
        before = f", which took {duration(self.saved)} when made" if self.saved >= 1 else ""
        number, _, word = number_of(sum(there.values()), "units").partition(" ")
        cache = f"{word} of {number_of(there, 'stages')}{before}"
        if not self.made:
            return ["nothing to do: everything is cached" + (f", {number} {cache}" if there else "")]
        width = max([len(CACHE), *map(len, self.made)])
        lines = []
        for stage, units in self.made.items():
            failed = len({line["video"] for line in self.failures if line["stage"] == stage})
            words = (
                f", but ALL {failed:,} videos failed" if 0 < self.videos <= failed else f", {_videos(failed)} failed"
            )
            lines.append(
                f"{stage:{width}} {units:5,} made in {self.seconds.get(stage, 0.0):8.1f} s{words if failed else ''}"
            )
        lines.append(f"{'all':{width}} {sum(self.made.values()):5,}      in {self.elapsed:8.1f} s")
        return lines + ([f"{CACHE:{width}} {number:>5} {cache}"] if there else [])

    def _flaws(self, work: Path) -> list[str]:
        """What failed or has a flaw, and the commands that say more; random weights."""
        lines, listing = [], f"`{command('failures', '-w', work)}`"
        if self.lost:
            lines.append(
                f"{self.lost:,} of {_videos(self.videos)} failed" if self.videos else f"{_videos(self.lost)} failed"
            )
            lines += [f"  {stage}: {kinds}" for stage, kinds in self._kinds().items()]
            lines.append(f"{listing} says why; {f'`{self.retry}`' if self.retry else '--retry-failed'} tries again")
        for kind, flaw in FLAWS.items():
            flawed = {
                line["video"]
                for line in self.notes
                if (line["exception"] if line["exception"] in FLAWS else "") == kind
            }
            if flawed:
                verb = "is" if len(flawed) == 1 else "are"
                lines.append(f"{_videos(len(flawed))} {verb} used though {flaw}: {listing} says which")
        if self.random:
            names = ", ".join(self.random)
            lines.append(f"RANDOM WEIGHTS in {names}: figures show that the machine runs, not how good it is")
        return lines

    def _kinds(self) -> dict[str, str]:
        """{stage: how many videos failed in it, and of which kinds}."""
        kinds: dict[str, Counter[str]] = {}
        for line in self.failures:
            kinds.setdefault(line["stage"], Counter())[line.get("exception") or "other"] += 1
        return {
            stage: ", ".join(f"{count:,} {kind}" for kind, count in counts.most_common())
            for stage, counts in kinds.items()
        }

    def _results(self, work: Path, paper: Paper) -> list[str]:
        """The table of metrics, and where results are."""
        folder = {step: (work / self.places.get(stage, stage)).absolute() for step, stage in self.ends.items()}
        if self.ends.get("evaluate") not in self.stages:  # what is there may be of other settings
            return []
        metrics = folder["evaluate"] / "metrics.json"
        if not metrics.is_file():
            return []
        figures = json.loads(metrics.read_text(encoding="utf-8"))
        lines = [results_table.text(figures, paper=paper), "", f"metrics: {metrics}"]
        if "rank" in folder:
            lines.append(f"runs: {folder['rank']}")
        if "report" in folder:
            lines.append(f"report: {(folder['report'] / 'index.html').as_uri()}")  # terminals open it with a click
        return lines


def _videos(count: int) -> str:
    return number_of(count, "videos")


def search_advice(graph: Graph, work: Path, names: Sequence[str] | None = None, sentence: str = "a sentence") -> str:
    """The commands that search with what these stages make, all stages if not given, or why that is not possible.

    Here and in the browser, a line each, by a trained model if there is one, else by a feature of both sides; '' where
    there is neither.
    """
    where: list[str | Path] = [
        "-w",
        work,
        *(word for package in sorted(graph.trusted) for word in ("--trust", package)),
    ]
    for stage in graph.stages_of("train") if graph.stages_of("train", names) else ():
        trained, missing = models.of(graph, stage), []
        for model in trained:
            imported = graph.imported(model.text)
            if not imported:
                option = [] if model.name == models.main(stage) else ["--model", model.name]
                return _searches(sentence, [*option, *where])
            missing += imported
        if not trained:
            continue
        texts = ", ".join(dict.fromkeys(missing))
        return f"`laff search` is not possible: {texts} came from files, which have no row for a new sentence"
    stages = graph.stages if names is None else names
    pair = next((name for name in stages if {"video", "text"} <= set(graph.stages[name].sides)), "")
    return _searches(sentence, ["--model", pair, *where]) if pair else ""


def _searches(sentence: str, options: Sequence[str | Path]) -> str:
    """The two commands that search."""
    return f"next: {command('search', sentence, *options)}\nin the browser: {command('serve', *options)}"
