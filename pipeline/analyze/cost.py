"""The cost of the configured models: parameters, and FLOPs of embedding one video and one caption."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.analyze.subject import Features

if TYPE_CHECKING:
    from fusion.features import Split

CAPTIONS = 64  # spread over test; the cost of a caption is their mean, since long ones cost more


@dataclass(frozen=True)
class Line:
    """The cost of one model: a line of the CSV."""

    model: str
    parameters: int
    video: int  # FLOPs to embed one video
    caption: int  # FLOPs to embed one caption, the mean of some captions of test
    pair: int  # FLOPs to score a caption with a video


def poster() -> list[dict[str, Any]]:
    """The two figures of the poster, each with its formula and the numbers put in."""
    from fusion.cost import POSTER_DIM, POSTER_TOKENS, POSTER_WIDTH, laff_flops, mhsa_flops

    sizes = POSTER_DIM, POSTER_WIDTH, POSTER_TOKENS
    dim, width, tokens = (f"{size:,}" for size in sizes)
    return [
        {
            "block": "LAFF",
            "formula": "2 (D d + n d)",
            "numbers": f"2 ({dim} x {width} + {tokens} x {width})",
            "flops": laff_flops(*sizes),
        },
        {
            "block": "MHSA",
            "formula": "2 (D d + n 4 d^2)",
            "numbers": f"2 ({dim} x {width} + {tokens} x 4 x {width}^2)",
            "flops": mhsa_flops(*sizes),
        },
    ]


def poster_text() -> str:
    """The poster's table as text."""
    from fusion.cost import POSTER_DIM, POSTER_TOKENS, POSTER_WIDTH

    lines = [
        f"  {line['block']}  {line['formula']:<17} = {line['numbers']:<38} = {line['flops']:>10,}  "
        f"{line['flops'] / 1e6:.2f} MFLOPs"
        for line in poster()
    ]
    return "\n".join(
        [
            "The poster's cost table: LAFF D d + d, MHSA D d + 4 d^2. Both of its figures follow from",
            f"D = {POSTER_DIM:,} (all eight video features side by side), d = {POSTER_WIDTH:,}, "
            f"n = {POSTER_TOKENS} features and 2 FLOPs a multiply-add:",
            *lines,
            "D d brings the features to width d. LAFF then needs one score for each, MHSA four projections for each.",
        ]
    )


def measure(features: Features, names: list[str] | None = None) -> list[Line]:
    """Count one forward of each model at its configured sizes; whether it is trained makes no difference."""
    from fusion import cost

    lines = []
    for name in names or list(features.models):
        model = features.untrained(features.models[name])
        test = features.of(features.models[name])
        lines.append(_line(name, model, test, cost))
    return lines


def _line(name: str, model: Any, test: "Split", cost: Any) -> Line:
    """The cost of one model; `cost` is the module fusion.cost."""
    import torch

    captions = np.unique(np.linspace(0, len(test) - 1, CAPTIONS).astype(np.int64))
    video = test.video_rows(torch.zeros(1, dtype=torch.int64))
    counted = cost.flops(model, video, test.text_rows(torch.from_numpy(captions)))
    return Line(name, cost.parameters(model), counted.video, counted.text, counted.pair)


def mega(value: int) -> str:
    """A count in millions, with the digits that matter; '-' for 0."""
    return "-" if not value else f"{value / 1e6:,.2f}" if value >= 1e4 else f"{value / 1e6:.4f}"


def table(lines: list[Line]) -> list[list[str]]:
    """The cells of the table for a terminal, a header first."""
    cells = [["model", "parameters (M)", "video (MFLOPs)", "caption (MFLOPs)", "pair (MFLOPs)"]]
    return cells + [
        [line.model, mega(line.parameters), mega(line.video), mega(line.caption), mega(line.pair)] for line in lines
    ]
