"""The measures that `laff score` knows, by name, and the rule that each of them ranks and counts by."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.errors import Problems, meant
from pipeline.estimation import order
from pipeline.ranking.ranks import RULE

LAFF, TRECVID, TREC, TREC_INFAP = "laff", "TRECVID", "trec_eval", "trec_eval infAP"
RULES = {
    LAFF: f"places: {RULE}, the mean over all orders of the tie; items that a run does not list are not found",
    TRECVID: f"as sample_eval.pl: {order.RULE}; the first 1,000 items of a topic",
    TREC: f"as trec_eval, by the package pytrec_eval-terrier: {order.RULE}; scores in single precision",
    TREC_INFAP: f"trec_eval's infAP, another estimate than TRECVID's: {order.RULE}; scores in single precision; "
    "it knows no strata",
}
RECALL = re.compile(r"R@([1-9]\d{0,8})")
OWN = ("R@1", "R@5", "R@10", "MedR", "MRR", "mAP")
INFERRED = ("infAP", "infNDCG", "iP10", "iP100", "iP1000")
STANDARD = ("map", "recip_rank", "ndcg_cut_10")  # of trec_eval, shown where nobody asked for others
ALONE = ("map", "recip_rank", "Rprec", "bpref", "11pt_avg", "ndcg", "set_P", "set_recall", "set_F", "set_map")
AT_DEPTH = ("P", "recall", "success", "ndcg_cut", "map_cut")  # with a depth behind: P_10
DEPTH = re.compile(rf"({'|'.join(AT_DEPTH)})_([1-9]\d{{0,8}})")


@dataclass(frozen=True)
class Measure:
    """One measure: a value for each topic, and what sums them up."""

    name: str
    rule: str  # a key of RULES

    @property
    def is_median(self) -> bool:
        """Whether topics are summed up by their median, in place of their mean."""
        return self.name == "MedR"

    @property
    def worst(self) -> float:
        """The value of a topic that a run does not answer."""
        return np.inf if self.is_median else 0.0

    @property
    def sum_up(self) -> Callable[[np.ndarray], float]:
        """Values [T] of topics -> one; without topics NaN."""
        return lambda values: float((np.median if self.is_median else np.mean)(values)) if len(values) else float("nan")

    def text(self, value: float, depth: int) -> str:
        """A value with the digits that it deserves; depth: items of the run's longest list."""
        if np.isnan(value):
            return "-"
        if np.isinf(value):
            return f">{depth}"
        return f"{value:.{1 if RECALL.fullmatch(self.name) or self.is_median else 4}f}"


def named(names: Sequence[str]) -> list[Measure]:
    """Measures by name, each once. Raises one LaffError for all names that are none."""
    problems, measures = Problems(), dict[str, Measure]()
    for name in names:
        if rule := _rule(name):
            measures[name] = Measure(name, rule)
        else:
            problems.add(_unknown(name))
    problems.check("--measure")
    return list(measures.values())


def _rule(name: str) -> str:
    if name in OWN or RECALL.fullmatch(name):
        return LAFF
    if name in INFERRED:
        return TRECVID
    if name == TREC_INFAP:
        return TREC_INFAP
    return TREC if name in ALONE or DEPTH.fullmatch(name) else ""


def _unknown(name: str) -> str:
    if name in AT_DEPTH:
        return f"'{name}' needs a depth, such as {name}_10"
    known = [*OWN, *INFERRED, TREC_INFAP, *ALONE, *(f"{base}_10" for base in AT_DEPTH)]
    return f"no measure '{name}'{meant(name, known)}"


def usual(stratified: bool) -> list[Measure]:
    """The measures that suit judgements, where nobody names any."""
    return named([*INFERRED[:2]] if stratified else OWN)
