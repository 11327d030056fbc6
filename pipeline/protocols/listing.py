"""What can be prepared, in words: all data sets with their protocols, or one with the files that it reads."""

from collections.abc import Sequence

from pipeline.files import JsonObject
from pipeline.protocols.dataset import DataSet
from pipeline.protocols.prepared import SPLITS, Counts

FORM = "laff prepare DATASET FILE|FOLDER... --protocol NAME --videos FOLDER --out FOLDER"


def overview(data_sets: Sequence[DataSet]) -> str:
    """All data sets with their protocols."""
    parts = [FORM]
    for data_set in data_sets:
        parts += ["", f"{data_set.name}: {data_set.title}", *_protocols(data_set)]
    return "\n".join(
        [*parts, "", "`laff prepare DATASET` says which files a data set reads, and where they come from."]
    )


def details(data_set: DataSet) -> str:
    """A data set, its protocols with their published counts, and its files."""
    lines = [f"{data_set.name}: {data_set.title}", "", "protocols, the first of them by default:"]
    for protocol in data_set.protocols:
        lines.append(f"  {protocol.name:12}{protocol.about}")
        lines += [
            f"  {'':12}{split}: {_counts(protocol.counts[split])}" for split in SPLITS if split in protocol.counts
        ]
    lines += ["", "files:", *(f"  {file}" for file in data_set.files)]
    return "\n".join([*lines, "", FORM.replace("DATASET", data_set.name)])


def summary(data_set: DataSet) -> JsonObject:
    """A data set as `laff prepare --json` gives it: its files, and its protocols with their published counts."""
    protocols = [
        {
            "name": one.name,
            "about": one.about,
            "counts": {
                split: {"videos": counts.videos, "captions": counts.captions, "unchecked": list(counts.unchecked)}
                for split, counts in one.counts.items()
            },
        }
        for one in data_set.protocols
    ]
    return {"name": data_set.name, "title": data_set.title, "files": list(data_set.files), "protocols": protocols}


def _protocols(data_set: DataSet) -> list[str]:
    return [f"  {protocol.name:12}{protocol.about}" for protocol in data_set.protocols]


def _counts(counts: Counts) -> str:
    """The published numbers, in words."""
    numbers = [(what, getattr(counts, what)) for what in ("videos", "captions")]
    return ", ".join(
        f"{number:,} {what}{' (unchecked)' if what in counts.unchecked else ''}" for what, number in numbers if number
    )
