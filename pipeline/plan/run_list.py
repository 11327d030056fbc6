"""The runs of a workspace: how each differs from main, its state, its results, and the command that repeats it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from pipeline import files
from pipeline.files import JsonObject
from pipeline.graph.stages_file import StagesFile, shipped
from pipeline.plan import repeating
from pipeline.store import circumstances, memory
from pipeline.store.circumstances import Circumstances
from pipeline.store.index import Index
from pipeline.store.memory import Memory
from pipeline.store.workspace import MAIN, RUNS
from pipeline.views import formats, tables
from pipeline.views.figure_table import Cell, FigureTable, figure
from pipeline.views.printed import PLAIN, Paper
from pipeline.wording import number_of

WAY = "t2v"
LAST = "the last run: commands that are given -w without --name take it"
TRAIN, EVALUATE, METRICS = "train", "evaluate", "metrics.json"  # two steps, and the file of results of the second
CLOCK = "%Y-%m-%d %H:%M"


@dataclass(frozen=True)
class Run:
    """One run, as `laff runs` lists it."""

    name: str
    folder: Path  # where its train, rank, evaluate stand
    settings: Memory | None  # None where nothing is remembered
    last: bool  # whether it is the one that commands take
    results: JsonObject  # its metrics.json; {} where it has none yet
    evaluated: str  # when, '' where it was not
    trained: int = 0  # models and seeds that are trained
    noted: Circumstances | None = None  # those of the last time that something of it was made
    command: str = ""  # that repeats it; '' where nothing is remembered

    @property
    def model(self) -> tuple[str, JsonObject]:
        """The first row of its results, which is the model itself, and its figures of t2v; ('', {}) without any."""
        models = self.results.get("models", {})
        name = next(iter(models), "")
        return (name, models[name][WAY]) if name else ("", {})

    @property
    def state(self) -> str:
        """When it was evaluated, or how far it has come; and whether what was begun last has not ended."""
        trained = f"{number_of(self.trained, 'models')} trained" if self.trained else "nothing trained"
        state = self.evaluated or f"not yet, {trained}"
        open_since = local(self.noted.time) if self.noted and self.noted.seconds is None else ""
        return f"{state}; begun {open_since}, not ended" if open_since else state

    def summary(self) -> JsonObject:
        """The run as `laff runs --json` gives it."""
        name, figures = self.model
        known = self.settings
        return {
            "name": self.name,
            "kind": "run",
            "folder": str(self.folder),
            "last": self.last,
            "differs": list(known.differs) if known else [],
            "profile": known.profile if known else None,
            "set": list(known.sets) if known else [],
            "evaluated": self.evaluated,
            "trained": self.trained,
            "state": self.state,
            "model": name,
            WAY: figures,
            "command": self.command,
            "circumstances": asdict(self.noted) if self.noted else None,
        }


def listed(work: Path) -> list[Run]:
    """The runs of a workspace, main first, then by name."""
    last, named = memory.known(work), memory.runs(work)
    current = last.run if last else MAIN
    main = _run(MAIN, work, work, memory.known(work, MAIN), current)
    runs = [main] if main.settings or main.results else []
    return runs + [_run(name, work, work / RUNS / name, settings, current) for name, settings in named.items()]


def _results(path: Path) -> JsonObject:
    """What evaluate has written; {} where it is missing or not as evaluate leaves it."""
    found = files.read_json(path, {})
    rows = found.get("models") if isinstance(found, dict) else None
    if not isinstance(rows, dict) or not all(
        isinstance(row, dict) and isinstance(row.get(WAY), dict) for row in [*rows.values()][:1]
    ):
        return {}
    results: JsonObject = found
    return results


def _run(name: str, work: Path, folder: Path, settings: Memory | None, current: str) -> Run:
    place = folder / _stage(EVALUATE, folder, settings)
    results = _results(place / METRICS)
    entry = Index(place).entries.get(EVALUATE)  # a file's date would be that of a copy
    when = local(entry.time) if entry and entry.time else "?"
    return Run(
        name,
        folder,
        settings,
        name == current,
        results,
        when if results else "",
        len(Index(folder / _stage(TRAIN, folder, settings)).entries),
        circumstances.last(work, name),
        repeating.command(work, settings) if settings else "",
    )


def local(time: str) -> str:
    """A time in UTC as that of this machine's zone, to the minute."""
    return f"{datetime.fromisoformat(time).astimezone():{CLOCK}}"


def _stage(step: str, folder: Path, settings: Memory | None) -> str:
    """The stage of a step in a run, by its stages file; for the one that evaluates else the folder that has results."""
    entries = StagesFile(settings.stages or shipped()).entries if settings else {}
    names = [name for name, entry in entries.items() if entry.get("step") == step]
    found = [file.parent.name for file in folder.glob(f"*/{METRICS}")] if step == EVALUATE else []
    return next(iter([*names, *sorted(found)]), step)


def table(runs: Sequence[Run], form: str = "text", paper: Paper = PLAIN) -> str:
    """The table of runs in one of `formats.FORMATS`: each with the metrics of its model; * marks the last."""
    header = next((tables.metrics_of(figures) for run in runs for _, figures in [run.model] if figures), [])
    rows: list[list[Cell]] = []
    for run in runs:
        name, figures = run.model
        cells = [figure(figures[metric], metric) if metric in figures else "" for metric in header]
        differs = "; ".join(run.settings.differs) if run.settings else "" if run.name == MAIN else "not known"
        seeds = ", ".join(map(str, figures.get("seed_numbers", [])))
        rows.append([f"{run.name}{' *' if run.last else ''}", differs, run.state, name, seeds, *cells])
    head = ["run", "differs from main in", "evaluated", "model", "seeds", *header]
    return formats.written([FigureTable(head, rows, notes=[f"* {LAST}"], left=5)], form, paper).removesuffix("\n")


def commands(runs: Sequence[Run], called: str = repeating.LAFF) -> str:
    """For each run a comment with its name, and the command that repeats it: lines for a shell.

    called: how this process was called, where it was not by `laff`.
    """
    lines = []
    for run in runs:
        command = (
            f"{called}{run.command.removeprefix(repeating.LAFF)}" if run.command else "# its settings are not known"
        )
        lines += [f"# {run.name}", command]
    return "\n".join(lines)
