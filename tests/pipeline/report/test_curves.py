"""Curves of trainings: from last.pt, from an earlier report, and of more models than can be drawn."""

from __future__ import annotations

from pathlib import Path

import torch

from pipeline.report import curves
from pipeline.report.curves import Training
from pipeline.report.kept import Kept

HISTORY = [{"epoch": n, "loss": 4.0 / n, "score": 0.1 * n if n < 3 else 0.1, "lr": 0.01} for n in (1, 2, 3)]
POSITION = {"history": HISTORY, "best_epoch": 2, "measure": "mrr", "averaged": {}, "seconds": 9.0}


def wanted(folder: Path, fingerprint: str = "f") -> curves.Wanted:
    return curves.Wanted("laff", "1", "triplet", folder, fingerprint)


def test_a_curve_outlives_its_checkpoint(tmp_path: Path) -> None:
    folder = tmp_path / "laff" / "seed1"
    folder.mkdir(parents=True)
    torch.save({"fingerprint": "f and lost videos", "position": POSITION, "model": {}}, folder / "last.pt")
    kept = Kept(tmp_path)
    training = curves.read(wanted(folder), kept)
    assert training is not None
    assert (training.name, training.best, training.measure) == ("laff seed 1", 2, "MRR")
    assert training.history == HISTORY
    kept.write()
    (folder / "last.pt").unlink()
    assert curves.read(wanted(folder), Kept(tmp_path)) == training
    assert curves.read(wanted(folder, "other"), Kept(tmp_path)) is None


def test_a_checkpoint_of_another_training_and_a_damaged_one_give_no_curve(tmp_path: Path) -> None:
    torch.save({"fingerprint": "other", "position": POSITION}, tmp_path / "last.pt")
    assert curves.read(wanted(tmp_path), Kept(tmp_path)) is None
    (tmp_path / "last.pt").write_bytes(b"no checkpoint")
    assert curves.read(wanted(tmp_path), Kept(tmp_path)) is None


def test_charts_mark_the_best_epoch_and_seeds_share_a_colour() -> None:
    trainings = [Training("laff", seed, "triplet", "MRR", HISTORY, 2, {}) for seed in ("1", "2")]
    trainings.append(Training("concat", "1", "triplet", "MRR", HISTORY, 1, {}))
    validation, loss, rate = curves.charts_of(trainings, ["laff", "concat"], "MRR", "triplet")
    assert [row[-1] for row in validation.rows] == ["2: 0.2", "2: 0.2", "1: 0.1"]
    assert validation.source.count('class="series s1"') == 4  # two curves and two rings
    assert loss.rows[0] == ["laff seed 1", "3", "4", "1.333"]
    assert rate.title == "Learning rate"


def test_lines_of_the_table() -> None:
    assert curves.line(Training("laff", "1", "triplet", "MRR", HISTORY, 2, {})) == [
        *("laff seed 1", "triplet", "3", "epoch 2", "MRR 0.2000", "1.333")
    ]
    averaged = {"first": 2, "last": 3, "score": 0.25}
    row = curves.line(Training("gru", "", "infonce", "MedR", HISTORY, 2, averaged))
    assert row == ["gru", "infonce", "3", "mean of epochs 2 to 3", "MedR 0.2", "1.333"]
