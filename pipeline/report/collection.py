"""The collection: how much each split has, how long videos and captions are, and what files they come from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.items.catalog import Catalog
from pipeline.plan.context import Context
from pipeline.plan.units import shard_key
from pipeline.report.material import Material
from pipeline.report.section import Section
from pipeline.rows import shards
from pipeline.views.charts import Chart, histogram
from pipeline.views.svg import ticks
from pipeline.wording import number_of

SHARDS = 100  # that are opened at most
CAPTIONS = 100_000  # that are looked at, at most
COLUMNS = ("seconds", "fps", "width", "height", "codec", "container")
KINDS = 8  # of codecs and sizes that are listed


def section(material: Material) -> Section:
    """Counts, histograms and kinds of files."""
    context = material.context
    charts, files, sentence = [], [], ""
    looks, part = _looks(context)
    if len(looks.get("seconds", ())):
        seconds = looks["seconds"]
        sentence = f"{amount(float(seconds.sum()))} of video in {part}"
        about = (
            f"How long videos are: half of them up to {np.median(seconds):,.1f} s, the longest {seconds.max():,.1f} s."
        )
        charts.append(histogram_of("Length of videos", about, seconds, ("seconds", "videos")))
        files = kinds(looks)
    charts += of_captions(context.catalog)
    values: dict[str, Any] = {
        "splits": _splits(material),
        "charts": charts,
        "files": files,
        "sentence": sentence,
        "protocol": material.figures["protocol"],
        "unusual": material.figures.get("unusual", []),
    }
    return Section("collection", "Collection", values)


def _splits(material: Material) -> list[list[str]]:
    rows = []
    for split, counts in material.figures["splits"].items():
        share = f"{counts['coverage']:.1%}" if counts["videos"] else ""
        rows.append([split, *(f"{counts[key]:,}" for key in ("videos", "covered")), share, f"{counts['captions']:,}"])
    return rows


def _looks(context: Context) -> tuple[dict[str, np.ndarray], str]:
    """Columns of what `decode` saw of the videos, of some shards where there are many; and of which, in words."""
    stages = context.graph.stages_of("decode")
    if not stages:
        return {}, ""
    stage = stages[0]
    entries = context.work.index(stage.name).entries
    keys = [shard_key(stage, "video", n) for n, rows in enumerate(context.catalog.shards("video")) if len(rows)]
    keys = [key for key in keys if key in entries]
    chosen = [keys[at] for at in np.unique(np.linspace(0, len(keys) - 1, min(SHARDS, len(keys))).astype(int))]
    found: dict[str, list[np.ndarray]] = {name: [] for name in COLUMNS}
    for key in chosen:
        try:
            columns = {name: shards.column(context.work.folder(stage.name) / key, name) for name in COLUMNS}
        except (OSError, KeyError):  # of an earlier version, or damaged since: `laff verify` finds it
            continue
        for name, column in columns.items():
            found[name].append(column)
    looks = {name: np.concatenate(columns) for name, columns in found.items() if columns}
    count = len(looks.get("seconds", ()))
    part = number_of(count, "videos")
    part = part if len(chosen) == len(keys) else f"a sample of {part}"
    return looks, part.replace("video", context.catalog.unit)


def amount(seconds: float) -> str:
    """A length of time with two digits of its unit."""
    if seconds < 120:
        return number_of(round(seconds), "seconds")
    return number_of(round(seconds / 60), "minutes") if seconds < 7200 else f"{seconds / 3600:,.1f} hours"


def histogram_of(title: str, about: str, values: np.ndarray, axes: tuple[str, str], whole: bool = False) -> Chart:
    """About a dozen bars; the few that are far longer than all others are counted in the last bar, which is said."""
    top = float(values.max())
    usual = float(np.quantile(values, 0.98))
    end = top if top <= 2 * usual else usual * 1.2
    steps = ticks(0, max(end, 1 if whole else 1e-3), 12)
    step = max(steps[1] - steps[0], 1) if whole else steps[1] - steps[0]
    edges = np.arange(int(np.ceil(end / step + 1e-9)) + 1) * step
    if edges[-1] <= end:
        edges = np.append(edges, edges[-1] + step)
    counts, _ = np.histogram(np.minimum(values, edges[-1] - step / 2), edges)
    beyond = int((values > edges[-1]).sum())
    said = f" The last bar also has {beyond:,} beyond it." if beyond else ""
    return histogram(title, about + said, edges.tolist(), counts.tolist(), axes)


def kinds(looks: dict[str, np.ndarray]) -> list[list[str]]:
    """[what, the most frequent kinds with their counts] of sizes, frame rates and codecs."""
    size = [f"{width} \u00d7 {height}" for width, height in zip(looks["width"], looks["height"], strict=True)]
    codec = [
        f"{_text(codec)} in {_text(container).partition(',')[0]}"
        for codec, container in zip(looks["codec"], looks["container"], strict=True)
    ]
    rates = [f"{fps:.4g} fps" for fps in looks["fps"]]
    rows = {"size": size, "frame rate": rates, "codec": codec}
    return [[name, _most(values)] for name, values in rows.items()]


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _most(values: Sequence[str]) -> str:
    counted = sorted(Counter(values).items(), key=lambda item: (-item[1], item[0]))
    shown = ", ".join(f"{name} ({count:,})" for name, count in counted[:KINDS])
    return shown + (f" and {number_of(len(counted) - KINDS, 'more kinds')}" if len(counted) > KINDS else "")


def of_captions(catalog: Catalog) -> list[Chart]:
    """Words of a caption, and captions of a video; of a sample where there are many."""
    described = np.flatnonzero(np.asarray(catalog.caption_video) >= 0)
    if not len(described):
        return []
    places = np.unique(np.linspace(0, len(described) - 1, min(CAPTIONS, len(described))).astype(int))
    words = np.array([len(catalog.texts[row].split()) for row in described[places].tolist()])
    part = "" if len(places) == len(described) else f", of a sample of {len(places):,}"
    about = f"How many words a caption has: {words.mean():.1f} on average, {words.max():,} at most{part}."
    charts = [histogram_of("Length of captions", about, words, ("words", "captions"), whole=True)]
    _, each = np.unique(np.asarray(catalog.caption_video)[described], return_counts=True)
    if each.min() < each.max():
        about = f"How many captions a video has: {each.mean():.1f} on average."
        charts.append(histogram_of("Captions of a video", about, each, ("captions", "videos"), whole=True))
    return charts
