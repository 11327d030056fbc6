"""Second scoring: rows of a rank stage, scored again by another method, become rows of their own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pipeline.errors import LaffError, Problems, did_you_mean
from pipeline.parts.binding import Params, bind
from pipeline.parts.classes import part

WAYS = ("t2v", "v2t")  # videos for captions, captions for videos
PAIR = "[video feature with level: frame, text feature]"  # what frame-max compares
SIGN = "+"  # between the name of a row and a method; no row of a person's may have it in its name

Asked = Mapping[str, Mapping[str, Any] | None] | Sequence[str]
"""The value of `rank.rescore`: {method: its params}, or a list of methods."""


@dataclass(frozen=True)
class DualSoftmax:
    """Dual softmax at inference (CAMoE, arXiv 2109.04290): a score times its share among all queries of the item."""

    WORDS = "scored again with all test queries at once (dual softmax, transductive)"
    TRANSDUCTIVE = True  # the rank of a query depends on the other queries of test
    WAYS = ("t2v", "v2t")

    rows: list[str] = field(default_factory=list)  # the rows to score again; []: all
    scale: float = 100.0  # of the scores in the softmax: CLIP's, whose logits are cosines times 100

    def __post_init__(self) -> None:
        if not 0 < self.scale < float("inf"):
            raise LaffError(f"scale is {self.scale}; it should be above 0")


@dataclass(frozen=True)
class QbNorm:
    """QB-Norm (CVPR 2022), its dynamic inverted softmax: videos that many captions of train like count less."""

    WORDS = "scored again against a bank, the captions of train (QB-Norm)"
    TRANSDUCTIVE = False
    WAYS = ("t2v",)  # queries that it leaves alone keep another scale

    rows: list[str] = field(default_factory=list)  # the rows to score again; []: all
    beta: float = 20.0  # of the scores in the softmax, the paper's inverse temperature
    k: int = 1  # best videos of each caption of train, which a query's best video has to be among

    def __post_init__(self) -> None:
        if not 0 < self.beta < float("inf") or self.k < 1:
            raise LaffError(f"beta is {self.beta} and k {self.k}; they should be above 0, and at least 1")


@dataclass(frozen=True)
class FrameMax:
    """CLIPRerank (arXiv 2401.08449): the best items scored again by a video's best frame."""

    WORDS = "its best items scored again by their best frame (CLIPRerank)"
    TRANSDUCTIVE = False
    WAYS = ("t2v", "v2t")

    pair: list[str]  # [video feature with level: frame, text feature], compared by their cosine
    rows: list[str] = field(default_factory=list)  # the rows to score again; []: all
    k: int = 1000  # best items of a query that are scored again
    weight: float = 0.4  # of the row's own score; the best frame has the rest
    scaling: Literal["none", "min-max"] = "none"  # min-max: both scores of a query's best items to 0..1 before

    def __post_init__(self) -> None:
        if self.k < 1 or not 0 <= self.weight <= 1:
            raise LaffError(f"k is {self.k} and weight {self.weight}; they should be at least 1, and 0 to 1")
        if len(self.pair) != 2:
            raise LaffError(f"pair should be {PAIR}, not {self.pair!r}")


Method = DualSoftmax | QbNorm | FrameMax
METHODS: dict[str, type[Method]] = {"dual-softmax": DualSoftmax, "qb-norm": QbNorm, "frame-max": FrameMax}


@dataclass(frozen=True)
class Second:
    """How a row of results comes from another one."""

    method: str  # a key of METHODS
    of: str  # the row that is scored again
    how: Method

    @property
    def name(self) -> str:
        """The name of the row."""
        return f"{self.of}{SIGN}{self.method}"

    @property
    def features(self) -> tuple[str, ...]:
        """(video feature, text feature) that it reads beside those of the row."""
        return tuple(self.how.pair) if isinstance(self.how, FrameMax) else ()

    @property
    def params(self) -> Params:
        """What shapes its scores."""
        return {key: value for key, value in vars(self.how).items() if key != "rows"}

    def about(self) -> Params:
        """What it is, as metrics.json says it."""
        what = {"method": self.method, "of": self.of, "transductive": self.how.TRANSDUCTIVE, "words": self.how.WORDS}
        return what | self.params


def entries(asked: Asked) -> dict[str, Params]:
    """{method: its params} as a person gave them."""
    return {name: dict(asked[name] or {}) for name in asked} if isinstance(asked, Mapping) else {n: {} for n in asked}


def methods(asked: Asked) -> dict[str, Method]:
    """{method: its params, completed and checked}. One LaffError with all mistakes, without the name of the stage."""
    problems = Problems()
    read: dict[str, Method] = {}
    for name, given in entries(asked).items():
        if name not in METHODS:
            problems.add(f"rescore: no method '{name}'{did_you_mean(name, METHODS)}; known: {', '.join(METHODS)}")
            continue
        kind = METHODS[name]
        params, mistakes = bind(given, part(f"{__name__}.{kind.__name__}").parameters)
        # What `pair` should be its type does not say.
        lacks_pair = kind is FrameMax and "pair" not in given
        mistakes = [f"{text}: {PAIR}" if lacks_pair and "'pair'" in text else text for text in mistakes]
        problems.extend([f"rescore: {name}: {mistake}" for mistake in mistakes])
        try:
            if not mistakes:
                read[name] = kind(**params)
        except LaffError as error:
            problems.add(f"rescore: {name}: {error}")
    if problems:
        raise LaffError("; ".join(problems), problems)
    return read


def seconds(asked: Asked, known: Sequence[str]) -> list[Second]:
    """The rows that `rank.rescore` adds to the rows `known`: all of one method, then all of the next.

    One LaffError with all mistakes, without the name of the stage.
    """
    problems = Problems()
    added = []
    for name, how in methods(asked).items():
        for row in how.rows:
            if row not in known:
                problems.add(f"rescore: {name}: no row '{row}'{did_you_mean(row, known)}; rows are {', '.join(known)}")
        added += [Second(name, row, how) for row in known if row in (how.rows or known)]
    if problems:
        raise LaffError("; ".join(problems), problems)
    return added


def among(asked: Asked, known: Sequence[str]) -> dict[str, Params]:
    """`rank.rescore` for other rows: without rows that are not `known`, and methods that name none of these.

    LaffError with all mistakes in the methods and their params.
    """
    methods(asked)
    kept: dict[str, Params] = {}
    for name, given in entries(asked).items():
        rows = given.get("rows") or known
        if some := [row for row in rows if row in known]:
            kept[name] = given | {"rows": some}
    return kept


def lacking(asked: Asked, known: Sequence[str]) -> dict[str, str]:
    """{row that `rank.rescore` names and `among` leaves out: why}."""
    return {
        f"{row}{SIGN}{method}": f"there is no row '{row}'"
        for method, given in entries(asked).items()
        for row in given.get("rows") or ()
        if row not in known
    }
