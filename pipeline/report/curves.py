"""Training curves: loss, validation and learning rate of every model and seed, and of what the encoders learned."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.graph import models
from pipeline.plan.accept import made_as
from pipeline.report.kept import Kept
from pipeline.report.material import Material
from pipeline.report.metrics import named
from pipeline.report.section import Section
from pipeline.views.charts import Chart, legend, lines
from pipeline.wording import number_of

TOGETHER = 6  # models of a chart: as many as have a colour of their own
CHARTED = 24  # models that are drawn; all have a line in the table
MEASURES = {"mrr": "MRR", "map": "mAP", "medr": "MedR", "meanr": "MeanR", "r1": "R@1", "r5": "R@5", "r10": "R@10"}
EXACT = ("MRR", "mAP")


@dataclass(frozen=True)
class Training:
    """One training: its epochs in order, and which one was kept."""

    model: str
    seed: str  # '' of what has no seeds
    loss: str  # its name
    measure: str  # of the scores, as people write it
    history: Sequence[Mapping[str, float]]  # of each epoch: epoch, loss, score, lr
    best: int  # the epoch; 0 where nothing learned
    averaged: Mapping[str, float]  # of averaged weights: first and last epoch, score

    @property
    def name(self) -> str:
        """Model and seed."""
        return f"{self.model} seed {self.seed}" if self.seed else self.model


def section(material: Material, kept: Kept) -> Section | None:
    """The curves of all trainings of this run; None where nothing was trained here."""
    wanted = list(_wanted(material))
    found = [training for one in wanted if (training := read(one, kept))]
    if not wanted:
        return None
    drawn = [training for training in found if training.history]
    known = {training.name for training in drawn}
    lost = [one.name for one in wanted if one.name not in known]
    blocks = []
    groups: dict[tuple[str, str], list[Training]] = {}
    for training in drawn:
        groups.setdefault((training.measure, training.loss), []).append(training)
    left = CHARTED
    for (measure, loss), members in groups.items():
        names = list(dict.fromkeys(training.model for training in members))[:left]
        left -= len(names)
        for start in range(0, len(names), TOGETHER):
            shown = names[start : start + TOGETHER]
            of_chart = [training for training in members if training.model in shown]
            blocks.append({"legend": legend(shown), "charts": charts_of(of_chart, shown, measure, loss)})
    more = len({training.model for training in drawn}) - (CHARTED - left)
    header = ["training", "loss", "epochs", "kept", "validation", "last loss"]
    values = {
        "blocks": blocks,
        "header": header,
        "rows": [line(training) for training in found],
        "lost": len(lost),
        "without": named(lost),
        "left": number_of(more, "further models", "are") if more > 0 else "",
    }
    return Section("curves", "Training", values)


@dataclass(frozen=True)
class Wanted:
    """Where a training left its last state."""

    model: str
    seed: str
    loss: str
    folder: Path
    fingerprint: str

    @property
    def name(self) -> str:
        """Model and seed."""
        return f"{self.model} seed {self.seed}" if self.seed else self.model


def _wanted(material: Material) -> Sequence[Wanted]:
    """All trainings of the stages of this report: the models first, the main one ahead."""
    context, train = material.context, material.train
    wanted = []
    if not train.packed and not train.idle:
        units = {unit.key: unit for unit in material.units(train.name)}
        trained = sorted(models.of(context.graph, train), key=lambda model: model.name != material.main)
        for model in trained:
            loss: str = model.training(train).loss
            for seed in model.seeds:
                unit = units[f"{model.name}/seed{seed}"]
                folder = context.work.folder(train.name) / unit.key
                fingerprint = made_as(context, train.name, unit) + unit.content
                wanted.append(Wanted(model.name, str(seed), loss, folder, fingerprint))
    for name in material.stages:
        stage = context.stage(name)
        if stage.fitted and stage.part and "task" in stage.part.methods and name != train.name:
            for unit in material.units(name):
                if unit.shard < 0:
                    loss = str(stage.options.get("loss") or _fit(stage.options).get("loss") or "its own")
                    fingerprint = made_as(context, name, unit) + unit.content
                    wanted.append(Wanted(name, "", loss, context.work.folder(name), fingerprint))
    return wanted


def _fit(options: Mapping[str, Any]) -> Mapping[str, Any]:
    found = options.get("fit")
    return found if isinstance(found, Mapping) else {}


def read(wanted: Wanted, kept: Kept) -> Training | None:
    """A training as its last checkpoint has it, or as an earlier report read it; None where neither is there."""
    position = kept.value(
        f"history of {wanted.folder.parent.name}/{wanted.folder.name}", wanted.fingerprint, lambda: _position(wanted)
    )
    if not position:
        return None
    averaged = position.get("averaged") or {}
    measure = MEASURES.get(position.get("measure", "mrr"), str(position.get("measure")))
    history, best = position["history"], int(position["best_epoch"])
    return Training(wanted.model, wanted.seed, wanted.loss, measure, history, best, averaged)


def _position(wanted: Wanted) -> dict[str, Any] | None:
    """What last.pt says of the way of its training; None where it is gone, or another training's."""
    import torch

    try:
        last = torch.load(wanted.folder / "last.pt", map_location="cpu", weights_only=True, mmap=True)
        if not str(last["fingerprint"]).startswith(wanted.fingerprint):  # finetune adds which videos failed
            return None
        position = last["position"]
        return {key: position[key] for key in ("history", "best_epoch", "measure", "averaged") if key in position}
    except (OSError, RuntimeError, EOFError, KeyError, TypeError, ValueError, pickle.UnpicklingError):
        return None


def charts_of(trainings: Sequence[Training], names: Sequence[str], measure: str, loss: str) -> list[Chart]:
    """Validation, loss and learning rate of some models; the seeds of a model share its colour."""
    colours = {training.name: names.index(training.model) for training in trainings}
    rings = {
        training.name: (float(training.best), training.history[training.best - 1]["score"])
        for training in trainings
        if 1 <= training.best <= len(training.history)
    }

    def curves(key: str) -> dict[str, list[tuple[float, float]]]:
        return {one.name: [(epoch["epoch"], epoch[key]) for epoch in one.history] for one in trainings}

    seeds = "; the seeds of a model share its colour" if any(training.seed for training in trainings) else ""
    about = f"{measure} on val after each epoch; a ring marks the best epoch{seeds}."
    validation = lines("Validation", about, curves("score"), ("epoch", measure), rings, colours)
    axes = ("epoch", "loss")
    losses = lines("Loss", f"Mean of the steps of an epoch, {loss}.", curves("loss"), axes, None, colours)
    rates = lines("Learning rate", "At the end of each epoch.", curves("lr"), ("epoch", "rate"), None, colours)
    return [validation, losses, rates]


def line(training: Training) -> list[str]:
    """The line of a training in the table."""
    digits = 4 if training.measure in EXACT else 1
    best, kept = "", f"epoch {training.best}"
    if training.averaged:
        kept = f"mean of epochs {training.averaged['first']:.0f} to {training.averaged['last']:.0f}"
        best = f"{training.measure} {training.averaged['score']:.{digits}f}"
    elif 1 <= training.best <= len(training.history):
        best = f"{training.measure} {training.history[training.best - 1]['score']:.{digits}f}"
    last = f"{training.history[-1]['loss']:.4g}" if training.history else ""
    return [training.name, training.loss, str(len(training.history)), kept, best, last]
