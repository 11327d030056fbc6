"""Objects of your own in JSON: a line each, or a list; with a video, a caption or several, and perhaps a split."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.protocols import own, reading
from pipeline.protocols.dataset import DataSet, Order
from pipeline.protocols.prepared import Prepared
from pipeline.protocols.sources import Source

FORM = "should be an object, such as {{{}: …, {}: …}}; the {} should be text, the {} a text or a list of texts"


def read(order: Order) -> Prepared:
    """Read all files; their keys are found by name or by --column."""
    prepared = Prepared()
    files: list[tuple[Path, list[own.Row]]] = []
    for one in [*order.sources.of("jsonl"), *order.sources.of("json")]:
        objects = list(_objects(one, order))
        keys = dict.fromkeys(key for _, content in objects[:100] if isinstance(content, dict) for key in content)
        columns = own.chosen(list(keys), order, one.path) if objects else {}
        if columns:
            prepared.choice = "keys: " + ", ".join(f"{what} = {column}" for what, column in columns.items())
            files.append((one.path, list(_rows(objects, columns, one, order))))
    if not files and not order.problems:
        order.problems.add("none of the files has objects of JSON: .jsonl with one a line, or .json with a list")
    return own.read(files, order, prepared)


def _objects(source: Source, order: Order) -> Iterator[tuple[int, Any]]:
    """(line or number, object) of each object of a file."""
    if source.form == "json":
        content = reading.json_of(source.path, order.problems)
        if content is not None and not isinstance(content, list):
            order.problems.add("should be a list of objects, or .jsonl with an object a line", source.path)
        yield from enumerate(content if isinstance(content, list) else [], 1)
        return
    for number, line in reading.lines(source.path, order.problems):
        try:
            yield number, json.loads(line)
        except ValueError as error:
            what = f"{reading.not_json(error)}; each line should be an object of its own"
            order.problems.add(what, source.path, number)
        except RecursionError:
            order.problems.add("is nested too deeply; a line should be an object of texts", source.path, number)


def _rows(objects: list[tuple[int, Any]], columns: dict[str, str], source: Source, order: Order) -> Iterator[own.Row]:
    video, caption = columns["video"], columns["caption"]
    for number, content in objects:
        id_, texts = (content.get(video), content.get(caption)) if isinstance(content, dict) else (None, None)
        texts = [texts] if isinstance(texts, str) else reading.texts_of(texts)
        split = content.get(columns.get("split", ""), source.split) if isinstance(content, dict) else ""
        if isinstance(id_, int) and not isinstance(id_, bool):
            id_ = str(id_)
        if isinstance(id_, str) and texts is not None and isinstance(split, str | None):
            yield own.Row(id_, texts, split or "", number)
        else:
            where = number if source.form == "jsonl" else 0
            place = "" if where else f"item {number} "
            order.problems.add(place + FORM.format(video, caption, video, caption), source.path, where)


DATA_SET = DataSet(
    name="jsonl",
    title="objects of your own, JSON lines or a list in JSON",
    files=(
        'one or more .jsonl files, an object a line: {"video": …, "caption": …}; or .json with a list of them',
        "a caption may be a list of texts; keys are found by their names as the columns of csv are, or by --column",
        "without a key of splits, --fractions and --seed draw them by video",
    ),
    protocols=own.PROTOCOLS,
    read=read,
    choices=own.CHOICES,
)
