"""Scores of runs: values of each topic, what they cover, and whether runs differ by more than chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from pipeline.errors import LaffError, meant
from pipeline.evaluation.significance import holm, randomisation
from pipeline.runfiles.qrels import Judgements
from pipeline.runfiles.run import Run
from pipeline.runfiles.topics import listed
from pipeline.score import own, sampled, standard
from pipeline.score.inputs import Inputs
from pipeline.score.measures import LAFF, STANDARD, TREC, TREC_INFAP, TRECVID, Measure, named, usual


@dataclass(frozen=True)
class Row:
    """The values of one run, for T topics."""

    values: dict[str, np.ndarray]  # measure -> [T] float64; topics that the run does not answer have the worst
    answered: np.ndarray  # [T] bool, topics that the run has
    depth: int  # items of its longest list


@dataclass(frozen=True)
class Scores:
    """The values of all runs."""

    measures: list[Measure]
    topics: list[str]  # [T] judged topics with a relevant item, in the order of the judgements
    rows: dict[str, Row]  # by the name of the run
    notes: list[str] = field(default_factory=list)
    against: str = ""  # the run that others are compared with
    p: dict[str, dict[str, float]] = field(default_factory=dict)  # measure -> other run -> p, corrected

    def means(self, run: str, answered_only: bool = False, topics: Sequence[str] | None = None) -> dict[str, float]:
        """Mean (MedR: median) of each measure over topics.

        answered_only: over the topics that the run answers, in place of all; topics: over these of them.
        """
        row = self.rows[run]
        kept = row.answered.copy() if answered_only else np.ones(len(self.topics), bool)
        if topics is not None:
            kept &= np.isin(self.topics, list(topics))
        return {measure.name: measure.sum_up(row.values[measure.name][kept]) for measure in self.measures}


def score(inputs: Inputs, measures: Sequence[str] = (), against: str = "") -> Scores:
    """Score all runs. A topic that a run lacks counts as not found: 0, or the last place.

    Args:
        inputs: The runs, and what they are scored by.
        measures: Names; without them those that suit the judgements.
        against: The run that the others are compared with; without it the first.

    Raises LaffError for unknown measures or runs, judgements without a relevant item, and a package that is missing.
    """
    judgements, notes = inputs.judgements, list(inputs.notes)
    chosen = named(measures) if measures else usual(judgements.stratified)
    if not measures and not judgements.stratified:
        if standard.installed():
            chosen += named(STANDARD)
        else:
            notes.append(f"{', '.join(STANDARD)} are left out: {standard.LACKS}")
    if against and against not in inputs.runs:
        raise LaffError(f"--against {against}: no such run{meant(against, inputs.runs)}")
    topics = np.flatnonzero(judgements.relevant() > 0).tolist()
    if not topics:
        raise LaffError("no item is judged relevant, so there is nothing to score; are these the right judgements?")
    names = [judgements.topics[topic] for topic in topics]
    relevant = set(names)
    if without := [topic for topic in judgements.topics if topic not in relevant]:
        notes.append(f"left out, for no item is judged relevant: {listed(without, len(judgements.topics))}")
    notes += _about(judgements, chosen)
    rows = {name: _row(run, judgements, topics, chosen) for name, run in inputs.runs.items()}
    for name, run in inputs.runs.items():
        notes += _coverage(name, run, rows[name], names, judgements)
    first = against or next(iter(rows))
    p = {measure.name: _differences(rows, first, measure.name, names) for measure in chosen if not measure.is_median}
    return Scores(chosen, names, rows, notes, first if len(rows) > 1 else "", p if len(rows) > 1 else {})


def _row(run: Run, judgements: Judgements, topics: list[int], measures: Sequence[Measure]) -> Row:
    by_rule = {rule: [measure.name for measure in measures if measure.rule == rule] for rule in (LAFF, TRECVID, TREC)}
    values: dict[str, np.ndarray] = {}
    if names := by_rule[LAFF]:
        ranks = own.relevant_ranks(run, judgements, topics)
        values |= {name: ranks.values(name) for name in names}
    if names := by_rule[TRECVID]:
        estimates = sampled.estimates(run, judgements, topics)
        values |= {name: estimates[name] for name in names}
    if names := by_rule[TREC]:
        values |= standard.values(run, judgements, topics, names)
    if any(measure.rule == TREC_INFAP for measure in measures):
        values[TREC_INFAP] = sampled.trec_estimates(run, judgements, topics)
    answered = np.isin([judgements.topics[topic] for topic in topics], run.topics)
    return Row(values, answered, run.depth)


def _about(judgements: Judgements, measures: Sequence[Measure]) -> list[str]:
    """What the judgements mean for the measures."""
    rules = {measure.rule for measure in measures}
    pooled = int((judgements.values < 0).sum())
    notes = []
    if TRECVID in rules and not judgements.stratified:
        notes.append("the judgements have no strata: infAP and its like take each topic as one stratum")
    if pooled and rules & {LAFF, TREC}:
        notes.append(
            f"{pooled:,} items were pooled and not judged; R@k, mAP and trec_eval's measures count them as not relevant"
        )
    if _only_relevant(judgements):
        notes.append("the judgements list relevant items only; all others count as not relevant")
    if judgements.stratified and TREC_INFAP in rules:
        notes.append("the judgements have strata, which trec_eval's infAP does not know: it is not TRECVID's infAP")
    return notes


def _only_relevant(judgements: Judgements) -> bool:
    """Whether no item is judged not relevant, as in judgements that are made of captions."""
    return bool((judgements.values > 0).all())


def _coverage(name: str, run: Run, row: Row, topics: Sequence[str], judgements: Judgements) -> list[str]:
    """What a run lacks, and what nobody judged of it."""
    notes = []
    if missing := [topic for topic, answered in zip(topics, row.answered, strict=True) if not answered]:
        notes.append(f"{name} lacks judged topics, which count as 0: {listed(missing, len(topics))}")
    known = set(judgements.topics)
    if strange := [topic for topic in run.topics if topic not in known]:
        notes.append(f"{name} has topics without judgements, which count nowhere: {listed(strange)}")
    places, total, unjudged, answered, cut = run.places, 0, 0, 0, 0
    for number, topic in enumerate(judgements.topics):
        if (place := places.get(topic)) is not None:
            items = run.of(place)[0]
            judged, values, _ = judgements.of(number)
            total += len(items)
            unjudged += len(items) - int(np.isin(items, judged[values >= 0]).sum())
            relevant = judged[values > 0]
            answered += bool(len(relevant))
            cut += bool(len(relevant)) and not np.isin(relevant, items).any()
    if cut:
        notes.append(
            f"{name}: {cut:,} of {answered:,} topics have no relevant item in their list (of {run.depth:,} items at "
            "most), so MRR and mAP count 0 for them, where full scores (`laff evaluate`) give a little more"
        )
    if unjudged and not _only_relevant(judgements):
        notes.append(f"{name}: {unjudged:,} of {total:,} listed items ({unjudged / total:.0%}) were not judged")
    return notes


def _differences(rows: dict[str, Row], first: str, measure: str, topics: Sequence[str]) -> dict[str, float]:
    """{other run: p}: the randomisation test over topics, with Holm's correction over the runs.

    Topics `VIDEO#n`, the captions of one video, are exchanged together.
    """
    groups = np.array([topic.rpartition("#")[0] or topic for topic in topics])
    values = rows[first].values[measure]
    others = {name: row.values[measure] for name, row in rows.items() if name != first}
    return holm({name: randomisation(other, values, groups) for name, other in others.items()})
