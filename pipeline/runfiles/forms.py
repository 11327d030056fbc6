"""Run files of any form, by the ending of the name: .xml is TRECVID's, .csv a table, all else TREC; .gz packs."""

from __future__ import annotations

import codecs
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path

from pipeline.errors import LaffError
from pipeline.runfiles import avs_rules, avs_xml, run_csv, trec
from pipeline.runfiles.numbered import Numbered
from pipeline.runfiles.opened import reading, suffix
from pipeline.runfiles.run import Answers, Run
from pipeline.runfiles.topics import listed

XML, CSV = ".xml", ".csv"
RUNS = (".trec", ".run", XML)  # endings that only run files have; .txt and .csv may be anything
MANY = 10_000  # files of a folder that are looked at for run files
SHOWN = 5  # of these that a message names


def is_avs(path: Path) -> bool:
    """Whether a file is written and read as TRECVID's XML."""
    return suffix(path) == XML


def read(path: Path, items: Numbered | None = None) -> Run:
    """The run of a file; items: where ids of items are numbered. LaffError with all mistakes, and if it is empty."""
    if path.is_dir():
        raise LaffError(f"{path}: is a folder, not a run file; {_within(path)}")
    reader = {XML: avs_xml.read, CSV: run_csv.read}.get(suffix(path), trec.read)
    if reader is not avs_xml.read and _is_xml(path):
        raise LaffError(f"{path}: begins as XML does; give an AVS run a name that ends in .xml")
    run = reader(path, items)
    if not run.topics:
        raise LaffError(f"{path}: lists no item; is this the right file? A TREC run has lines {trec.FORM}")
    return run


def _within(folder: Path) -> str:
    """Which run files are in a folder, in words."""
    paths = sorted(path for path in islice(folder.rglob("*"), MANY) if suffix(path) in RUNS and path.is_file())
    if not paths:
        return f"nothing in it has a name that ends in {', '.join(RUNS)}"
    return f"give one in it: {listed([str(path.relative_to(folder)) for path in paths], most=SHOWN)}"


def _is_xml(path: Path) -> bool:
    with reading(path, "run file") as file:
        return file.read(16).removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"<")


def write(
    path: Path,
    queries: Answers,
    tag: str,
    attributes: Mapping[str, str] | None = None,
    wanted: Sequence[str] = (),
) -> None:
    """Write a run, whole or not at all; the same answers give the same bytes.

    Args:
        path: The file.
        queries: Ids with what they found, best first.
        tag: The name of the system, of a TREC file; describes an AVS run that has no `desc`.
        attributes: Of an AVS file, as `avs_rules.attributes` makes them; None: the usual ones.
        wanted: The topics that an AVS file should have, all of them and no others.
    """
    if is_avs(path):
        values = attributes or avs_rules.attributes([])
        avs_xml.write_run(path, queries, {**values, "desc": values["desc"] or tag}, wanted)
    elif suffix(path) == CSV:
        run_csv.write_run(path, queries)
    else:
        trec.write_run(path, queries, tag)
