"""The runs of a workspace: how each differs from main, and its results."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from pipeline import files
from pipeline.files import JsonObject
from pipeline.graph.stages_file import StagesFile, shipped
from pipeline.store import memory
from pipeline.store.index import Index
from pipeline.store.memory import Memory
from pipeline.store.workspace import MAIN, RUNS
from pipeline.views import formats, printed, tables
from pipeline.views.figure_table import Cell, FigureTable, figure
from pipeline.views.printed import PLAIN, Paper

WAY = "t2v"
LAST = "the last one: commands that are given -w alone take it"
EVALUATE, METRICS = "evaluate", "metrics.json"  # the step whose results are listed, and its file


@dataclass(frozen=True)
class Run:
    """One run, as `laff runs` lists it."""

    name: str
    folder: Path  # where its train, rank, evaluate stand
    settings: Memory | None  # None where nothing is remembered
    last: bool  # whether it is the one that commands take
    results: JsonObject  # its metrics.json; {} where it has none yet
    evaluated: str  # when, '' where it was not

    @property
    def model(self) -> tuple[str, JsonObject]:
        """The first row of its results, which is the model itself, and its figures of t2v; ('', {}) without any."""
        models = self.results.get("models", {})
        name = next(iter(models), "")
        return (name, models[name][WAY]) if name else ("", {})

    def summary(self) -> JsonObject:
        """The run as `laff runs --json` gives it."""
        name, figures = self.model
        known = self.settings
        return {
            "name": self.name,
            "folder": str(self.folder),
            "last": self.last,
            "differs": list(known.differs) if known else [],
            "profile": known.profile if known else None,
            "set": list(known.sets) if known else [],
            "evaluated": self.evaluated,
            "model": name,
            WAY: figures,
        }


def listed(work: Path) -> list[Run]:
    """The runs of a workspace, main first, then by name."""
    last, named = memory.known(work), memory.runs(work)
    current = last.run if last else MAIN
    main = _run(MAIN, work, memory.known(work, MAIN), current)
    runs = [main] if main.settings or main.results else []
    return runs + [_run(name, work / RUNS / name, settings, current) for name, settings in named.items()]


def _run(name: str, folder: Path, settings: Memory | None, current: str) -> Run:
    place = folder / _evaluating(folder, settings)
    results = files.read_json(place / METRICS, {})
    entry = Index(place).entries.get(EVALUATE)  # a file's date would be that of a copy
    when = f"{datetime.fromisoformat(entry.time).astimezone():%Y-%m-%d %H:%M}" if entry and entry.time else "?"
    return Run(name, folder, settings, name == current, results, when if results else "")


def _evaluating(folder: Path, settings: Memory | None) -> str:
    """The stage that evaluates a run, by its stages file; else the folder that has results."""
    entries = StagesFile(settings.stages or shipped()).entries if settings else {}
    names = [name for name, entry in entries.items() if entry.get("step") == EVALUATE]
    return next(iter([*names, *sorted(file.parent.name for file in folder.glob(f"*/{METRICS}"))]), EVALUATE)


def table(runs: Sequence[Run], form: str = "text", paper: Paper = PLAIN) -> str:
    """The table of runs in one of `formats.FORMATS`: each with the metrics of its model; * marks the last."""
    header = next((tables.metrics_of(figures) for run in runs for _, figures in [run.model] if figures), [])
    rows: list[list[Cell]] = []
    for run in runs:
        name, figures = run.model
        cells = [figure(figures[metric], metric) if metric in figures else "" for metric in header]
        differs = "; ".join(run.settings.differs) if run.settings else "" if run.name == MAIN else "not known"
        rows.append([f"{run.name}{' *' if run.last else ''}", differs, run.evaluated or "not yet", name, *cells])
    listed_runs = FigureTable(["run", "differs from main in", "evaluated", "model", *header], rows, left=4)
    if form == "text":
        return f"{printed.columns(listed_runs, paper)}\n* {LAST}"
    return formats.written([replace(listed_runs, notes=[f"* {LAST}"])], form).removesuffix("\n")
