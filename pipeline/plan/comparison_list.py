"""The comparisons of a workspace, as `laff runs` lists them: when each was made, of how many rows, and its best row."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline import files
from pipeline.files import JsonObject
from pipeline.plan.run_list import WAY, local
from pipeline.store.index import Index
from pipeline.store.workspace import COMPARISONS
from pipeline.views import formats, tables
from pipeline.views.figure_table import Cell, FigureTable, figure
from pipeline.views.printed import PLAIN, Paper
from pipeline.wording import number_of

TABLE, RANK = "table.json", "rank"  # of a comparison: the file with its figures, and the stage that ranks its rows
BEST_BY = "mAP"


@dataclass(frozen=True)
class Comparison:
    """One grid that `laff compare` was given here."""

    name: str  # of its folder: GRID, or GRID@SETTINGS
    folder: Path
    figures: JsonObject  # its table.json; {} where it has none yet
    ranked: int  # rows and seeds that are ranked
    time: str  # when the last of them was, ISO 8601 in UTC; '' where none was

    @property
    def best(self) -> tuple[str, JsonObject]:
        """The row with the best mean average precision, and its figures of t2v; ('', {}) without any."""
        rows = {name: line[WAY] for name, line in self.figures.get("rows", {}).items() if BEST_BY in line.get(WAY, {})}
        name = max(rows, key=lambda row: float(rows[row][BEST_BY]["mean"]), default="")
        return name, rows.get(name, {})

    @property
    def state(self) -> str:
        """When it was made, or how far it has come."""
        if self.figures:
            return local(self.time) if self.time else "?"
        return f"not yet, {number_of(self.ranked, 'runs')} ranked" if self.ranked else "not yet, nothing ranked"

    def summary(self) -> JsonObject:
        """The comparison as `laff runs --json` gives it."""
        name, figures = self.best
        return {
            "name": f"{COMPARISONS}/{self.name}",
            "kind": "comparison",
            "folder": str(self.folder),
            "last": False,
            "rows": list(self.figures.get("rows", {})),
            "evaluated": local(self.time) if self.figures and self.time else "",
            "state": self.state,
            "model": name,
            WAY: figures,
        }


def listed(work: Path) -> list[Comparison]:
    """The comparisons of a workspace, by name."""
    folders = sorted(path for path in (work / COMPARISONS).glob("*") if path.is_dir())
    return [_comparison(folder) for folder in folders]


def _comparison(folder: Path) -> Comparison:
    entries = Index(folder / RANK).entries
    time = max((entry.time for entry in entries.values()), default="")
    return Comparison(folder.name, folder, files.read_json(folder / TABLE, {}), len(entries), time)


def table(comparisons: Sequence[Comparison], form: str = "text", paper: Paper = PLAIN) -> str:
    """The table of comparisons in one of `formats.FORMATS`: each with its best row."""
    header = next((tables.metrics_of(figures) for one in comparisons for _, figures in [one.best] if figures), [])
    rows: list[list[Cell]] = []
    for one in comparisons:
        name, figures = one.best
        cells = [figure(figures[metric], metric) if metric in figures else "" for metric in header]
        count = f"{len(one.figures.get('rows', {})):,}" if one.figures else ""
        rows.append([f"{COMPARISONS}/{one.name}", one.state, count, name, *cells])
    head = ["comparison", "made", "models", f"best by {BEST_BY}", *header]
    return formats.written([FigureTable(head, rows, left=4, groups=())], form, paper).removesuffix("\n")
