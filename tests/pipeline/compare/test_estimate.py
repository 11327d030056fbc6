"""What a comparison would train, and how long that takes: by hand, with real steps, and told before it happens."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from click.testing import CliRunner

import cli
from pipeline.compare import estimate
from pipeline.compare.estimate import Cost, costs, dear, text
from pipeline.compare.request import requested
from pipeline.compare.run import Asked, compare
from pipeline.graph.models import Model
from pipeline.opening import open_context
from pipeline.run import run

ROLES = {"lead": "pair", "lead-text": "words"}
LAFF = Cost("laff", (1, 2, 3), 0, 64, 2036, 80, 0.091)
MHSA = replace(LAFF, row="mhsa", seconds=0.949)


def command(small: Any, *words: str) -> str:
    roles = [word for role, name in ROLES.items() for word in ("--role", f"{role}={name}")]
    result = CliRunner().invoke(cli.main, ["compare", str(small.grid), *roles, *words, *small.options()])
    assert result.exit_code == 0, result.output
    return result.stdout


def row(shown: str, name: str) -> str:
    """A line of the table behind the row's name, with single blanks."""
    (line,) = (line for line in shown.splitlines() if line.startswith(f"{name} ") and "times as long" not in line)
    return " ".join(line.split()[1:])


def costs_of(small: Any, *sets: str) -> list[Cost]:
    return costs(open_context(requested(small.request(*sets), str(small.grid))[0]))


def slow(monkeypatch: pytest.MonkeyPatch, **seconds: float) -> None:
    """A step takes so long, by the model's name."""

    def seconds_of(watch: Any, model: Model) -> float:
        return seconds[model.name]

    monkeypatch.setattr("pipeline.compare.estimate.Watch.seconds", seconds_of)


def test_a_dry_run_lists_what_would_be_trained_and_makes_nothing(small) -> None:
    shown = command(small, "--dry-run")
    assert "mine on small: 4 to train, 0 trained already" in shown
    assert "to be made first: ingest (1), pair (1), other (1), words (1), bow (2);" in shown
    assert row(shown, "laff") == "1, 2 8 6 3 ? ?"
    assert "left out: frames: no stage makes a video feature 'clip-ft-frames'" in shown
    assert not small.work.exists()


def test_a_dry_run_tells_times_and_what_is_made_already(small, monkeypatch: pytest.MonkeyPatch) -> None:
    """48 captions in steps of 8 are 6 an epoch, 3 epochs: 18 steps of 10 s with one seed, of 5 s with two."""
    run(small.request(), ("train",))  # laff with seed 1
    slow(monkeypatch, laff=10.0, late=5.0)
    before = sorted(small.work.rglob("*"))
    shown = command(small, "--dry-run")
    assert "mine on small: 3 to train, 1 trained already" in shown
    assert row(shown, "laff") == "2 8 6 3 10.0 s 3 min"
    assert row(shown, "late") == "1, 2 8 6 3 5.0 s 3 min"
    assert "together up to 6 min on this machine" in shown
    assert "to be made first" not in shown
    assert sorted(small.work.rglob("*")) == before


def test_a_dry_run_tells_what_would_be_replaced(small) -> None:
    run(small.request(), ("train",))
    shown = command(small, "--dry-run", "--set", "bow.threshold=2")
    assert "to be made first: bow (2); how long a step takes is measured when they are there" in shown
    assert "`laff compare` asks first: it would replace bow" in shown


def test_steps_are_really_made(small) -> None:
    """A wider model takes longer; one that cannot be made here has no time and stops nobody."""
    run(small.request(), ("train",))
    small.grid.write_text(
        "models: {laff: fusion.laff.LAFF, wide: {uses: fusion.laff.LAFF, params: {heads: 8, width: 4096}}, "
        "steps: {uses: fusion.laff.LAFF, options: {batch: 5, epochs: 7}}}"
    )
    laff, wide, steps = costs_of(small, "train.seeds=[1, 2]")
    assert 0 < laff.seconds < wide.seconds < 5
    assert (laff.seeds, laff.done, wide.seeds, wide.done) == ((2,), 1, (1, 2), 0)
    assert (steps.batch, steps.steps, steps.epochs) == (5, 10, 7)
    assert steps.whole == pytest.approx(2 * 7 * 10 * steps.seconds)
    if not torch.cuda.is_available():
        assert [cost.seconds for cost in costs_of(small, "train.on=gpu")] == [None] * 3


def test_times_of_a_training_by_hand() -> None:
    assert LAFF.each == pytest.approx(0.091 * 2036 * 80)  # 4 h 7 min
    assert LAFF.whole == pytest.approx(3 * 0.091 * 2036 * 80)
    assert replace(LAFF, seconds=None).whole is None
    shown = text([LAFF, MHSA], [], "blocks on mine")
    assert row(shown, "laff") == "1, 2, 3 64 2,036 80 91 ms 12 h 21 min"
    assert row(shown, "mhsa") == "1, 2, 3 64 2,036 80 949 ms 5 d 9 h"
    assert "together up to 5 d 21 h" in shown


def test_a_row_that_takes_ten_times_as_long_is_told() -> None:
    (sentence,) = dear([LAFF, MHSA, replace(LAFF, row="concat", seconds=0.3)])
    assert sentence.startswith(
        "mhsa takes 10 times as long to train as laff: 949 ms a step against 91 ms, up to 5 d 9 h for 3 seeds. A smal"
    )
    assert dear([LAFF, replace(MHSA, seconds=0.9)]) == []
    assert dear([LAFF, replace(MHSA, seeds=())]) == []  # it is trained already
    assert len(dear([replace(LAFF, seeds=()), MHSA])) == 1
    assert dear([replace(LAFF, steps=1, epochs=3), replace(MHSA, steps=1, epochs=3)]) == []  # seconds: not worth a word
    assert dear([replace(LAFF, seconds=None), MHSA]) == dear([replace(LAFF, seconds=0.0), MHSA]) == dear([]) == []


def test_it_is_told_before_the_training(
    small, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With features that are made by the comparison itself."""
    slow(monkeypatch, laff=0.5, late=50.0)
    monkeypatch.setattr(estimate, "WORTH", 1.0)
    comparison = compare(small.request(), Asked(str(small.grid), roles=ROLES))
    said = capsys.readouterr().err
    warning = "late takes 100 times as long to train as laff: 50.0 s a step against 500 ms, up to 30 min for 2 seeds."
    assert said.index("bow: 2 to make") < said.index(warning) < said.index("compare/mine/train: 4 to make")
    assert comparison.outcome.made["bow"] == 2
    assert comparison.outcome.made["compare/mine/train"] == 4
    assert "mine on small: 0 to train, 4 trained already" in command(small, "--dry-run")
