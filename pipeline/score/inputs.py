"""What is to be scored: runs, judgements, texts and facets of topics, read together, so that ids mean the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path

from pipeline.errors import LaffError
from pipeline.items import queries
from pipeline.runfiles import forms, qrels
from pipeline.runfiles.numbered import Numbered
from pipeline.runfiles.opened import suffix
from pipeline.runfiles.qrels import Judgements
from pipeline.runfiles.run import Run
from pipeline.runfiles.topics import listed, matched
from pipeline.score import facets as facet_files
from pipeline.score.facets import Facets

ENDINGS = (".trec", ".run", ".txt", ".xml", ".csv")  # of run files, which their names do without


@dataclass
class Inputs:
    """Runs by name, and what they are scored by. Topics have the ids of the first run."""

    runs: dict[str, Run]
    judgements: Judgements
    texts: dict[str, str] = field(default_factory=dict)  # topic -> what is asked
    facets: Facets = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)  # what a reader of the figures should know


def read_runs(files: Sequence[Path], items: Numbered, notes: list[str], k: int = 0) -> dict[str, Run]:
    """Runs by the shortest names that tell their files apart, see `names_of`.

    Topics have the ids of the first run, where a leading 1 makes them differ.

    Args:
        files: The files.
        items: Where the ids of their items are numbered.
        notes: Gets what a reader of the figures should know.
        k: How many items of each topic count, the best; 0: all.

    Raises LaffError for a file that is given twice, and as of `forms.read`.
    """
    labels = names_of(files)
    runs: dict[str, Run] = {}
    for label, file in zip(labels, files, strict=True):
        run = forms.read(file, items)
        first = next(iter(runs.values()), run).topics
        run = run.renamed(_named(run.topics, first, label, notes))
        runs[label] = _cut(run, k, label, notes) if k else run
    return runs


def _cut(run: Run, k: int, label: str, notes: list[str]) -> Run:
    """The run with the best k items of each topic; a note where equal scores are divided."""
    if tied := run.tied_at(k):
        notes.append(
            f"{label}: -k {k} divides items of equal score in {listed(tied, len(run.topics))}: kept are the last ids "
            "(z before a), as TREC's programs rank them; the others count as not listed, for R@k, MedR, MRR and mAP too"
        )
    return run.ordered(k) if run.depth > k else run


def names_of(files: Sequence[Path]) -> list[str]:
    """The shortest names that tell files apart: without endings, with them, or the folders in which they differ.

    Raises LaffError for a file that is given twice.
    """
    if twice := [file for number, file in enumerate(files) if file.absolute() in map(Path.absolute, files[:number])]:
        raise LaffError(f"{twice[0]} is given twice; give each run once")
    names = [_name(file) for file in files]
    for other in ([file.name for file in files], _folders(files), [str(file) for file in files]):
        counts = Counter(names)
        names = [name if counts[name] == 1 else new for name, new in zip(names, other, strict=True)]
    return names


def _folders(files: Sequence[Path]) -> list[str]:
    """What files of one name have between the folders that they share and those: `laff/seed1` of `laff/seed1/t2v`."""
    groups: dict[str, list[int]] = {}
    for number, file in enumerate(files):
        groups.setdefault(file.name, []).append(number)
    folders = [""] * len(files)
    for name, group in groups.items():
        parts = [files[number].absolute().parent.parts for number in group]
        start = _shared(parts)
        end = _shared([part[start:][::-1] for part in parts])
        for number, part in zip(group, parts, strict=True):
            between = part[start : len(part) - end]
            folders[number] = "/".join(between or [name])
    return folders


def _shared(lists: Sequence[Sequence[str]]) -> int:
    """How many words lists have in common at their beginning."""
    return sum(1 for _ in takewhile(lambda words: len(set(words)) == 1, zip(*lists, strict=False)))


def _name(file: Path) -> str:
    ending = suffix(file)
    name = file.name.removesuffix(".gz")
    return (name[: -len(ending)] if ending in ENDINGS else name) or file.name


def read(
    runs: dict[str, Run], items: Numbered, qrels_file: Path, topics_file: Path | None = None, facets: str = ""
) -> Inputs:
    """Judgements, texts and facets for runs; topics whose ids differ by TRECVID's leading 1 are brought together.

    items: where the ids of the runs' items are numbered. Raises LaffError for files with mistakes, and where the runs
    and the judgements have no topic in common.
    """
    judgements = qrels.read(qrels_file, items)
    first = next(iter(runs.values())).topics
    notes: list[str] = []
    names = _named(judgements.topics, first, str(qrels_file), notes)
    judgements = judgements.renamed(names)
    for name, run in runs.items():
        if not set(run.topics) & set(judgements.topics):
            raise LaffError(
                f"{name} and {qrels_file} have no topic in common: {listed(run.topics, 0, 3)}, but "
                f"{listed(judgements.topics, 0, 3)}; give the judgements of these topics"
            )
    inputs = Inputs(runs, judgements, notes=notes)
    if topics_file:
        texts = dict(queries.load(topics_file))
        names = _named(list(texts), first, str(topics_file), notes)
        inputs.texts = {names.get(topic, topic): text for topic, text in texts.items()}
        judged = set(judgements.topics)
        if without := [topic for topic in inputs.texts if topic not in judged]:
            notes.append(f"topics of {topics_file} without judgements: {listed(without, len(texts))}")
        for name, run in runs.items():
            if missing := [topic for topic in inputs.texts if topic not in run.places]:
                notes.append(f"{name} lacks topics of {topics_file}: {listed(missing, len(texts))}")
    if facets:
        by_facet = facet_files.load(facets)
        names = _named([topic for members in by_facet.values() for topic in members], first, facets, notes)
        inputs.facets = {facet: [names.get(topic, topic) for topic in members] for facet, members in by_facet.items()}
        members = {topic for topics in inputs.facets.values() for topic in topics}
        if not members & set(judgements.topics):
            raise LaffError(
                f"facets {facets}: name none of the judged topics, which are {listed(judgements.topics, 0, 3)}"
            )
    return inputs


def _named(topics: Sequence[str], known: Sequence[str], where: str, notes: list[str]) -> dict[str, str]:
    """New names for topics that match the known ones only by a leading 1; a note gives an example."""
    names = matched(topics, known)
    if names:
        topic, name = next(iter(names.items()))
        notes.append(f"topics of {where} match by TRECVID's leading 1 only: {topic} is taken for {name}, and so on")
    return names
