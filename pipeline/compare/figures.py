"""The figures of a comparison: metrics over seeds, significance, cost and time of every row, as one JSON-able table."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from pipeline import progress
from pipeline.analyze import cost
from pipeline.analyze.subject import Features
from pipeline.assembly import assemble
from pipeline.compare import quotes
from pipeline.compare.grid import Grid
from pipeline.compare.rows import Rows
from pipeline.evaluation.coverage import coverage
from pipeline.evaluation.results import TIES, protocol, summed, unusual
from pipeline.evaluation.significance import holm, randomisation
from pipeline.graph import models, step_facts
from pipeline.graph.graph import Stage
from pipeline.graph.models import Row
from pipeline.graph.options import ModelOptions
from pipeline.plan.accept import earlier_code
from pipeline.plan.context import Context
from pipeline.published import quote
from pipeline.published.same import Measured
from pipeline.ranking.ranks_file import WAYS, read_seeds
from pipeline.run_plan import random_stages
from pipeline.store.index import Index


def figures(context: Context, grid: Grid, compared: Rows, against: str) -> dict[str, Any]:
    """All that the table shows; `against` is the row that the others are tested against, '' for none.

    Where that row is left out, nothing is tested, and the table says so.
    """
    rank = context.graph.of_step("rank")
    train = context.stage(rank.sources[0])
    known = {row.name: row for row in models.rows(context.graph, rank)}
    how = step_facts.about("train").how
    lines = _lines(context, [known[name] for name in compared.names], "" if against in compared.left_out else against)
    _costs(context, train, lines)
    for name in compared.names:
        lines[name] |= _what(known[name], train, compared)
    return {
        "grid": grid.name,
        "about": grid.about,
        "collection": context.name,
        "protocol": protocol(context),
        "unusual": unusual(context),
        "ties": TIES,
        "roles": {f"${role}": name for role, name in compared.roles.items()},
        "training": {key: value for key, value in train.options.items() if key not in how},
        "coverage": coverage(context, train.name, models.ranked(context.graph, rank))["test"]["coverage"],
        "untrained": random_stages(context, context.graph.needed([rank.name])),
        "against": "" if against in compared.left_out else against,
        "untested": f"not tested: {against} is left out" if against in compared.left_out else "",
        "rows": lines,
        "notes": compared.notes,
        "left_out": compared.left_out,
        "quoted": quotes.as_json(quotes.tables(grid.quoted, measured(context, compared))),
        "quoted_figures": [line for table in grid.quoted for line in quote.lines(table)],
        "earlier_code": earlier_code(context, [rank.name]),
    }


def measured(context: Context, compared: Rows) -> Measured:
    """What the rows of a comparison are measured on, by the features that its train stage fuses."""
    video, text = (tuple(compared.features[side]) for side in ("video", "text"))
    random = frozenset(random_stages(context, [*video, *text]))
    return Measured(context.collection.protocol if context.collection else "", video, text, random=random)


def _what(row: Row, train: Stage, compared: Rows) -> dict[str, Any]:
    """The model of a row, and `differs`: how it differs from the train stage's settings, in words."""
    if row.second:
        plain = _what(replace(row, name=row.second.of, second=None), train, compared)
        return plain | {"differs": f"{row.second.of} {row.second.how.WORDS}; not comparable with plain rows"}
    if not row.models:
        video, text = row.features
        differs = f"{video} and {text} compared by their cosine, nothing trained"
        return {"uses": "", "params": {}, "options": {}, "video": [video], "text": [text], "differs": differs}
    (model,) = row.models
    entry = train.options_as(ModelOptions).baselines[row.name]
    params = {} if isinstance(entry, str) else entry.get("params", {})
    differences = [f"{key} {value}" for key, value in params.items()]
    differences += [f"{key} {value}" for key, value in model.options.items() if value != train.options[key]]
    for side, names in (("video", model.video), ("text", model.text)):
        if list(names) != compared.features[side]:
            differences.append(f"{side} features {', '.join(names)}")
    return {
        "uses": model.uses,
        "params": model.params,
        "options": model.options,
        "video": list(model.video),
        "text": list(model.text),
        "differs": ", ".join(differences),
    }


def _lines(context: Context, rows: list[Row], against: str) -> dict[str, dict[str, Any]]:
    """Metrics and significance of each row, both ways."""
    rank = context.graph.of_step("rank")
    lines: dict[str, dict[str, Any]] = {}
    precision: dict[str, dict[str, np.ndarray]] = {way: {} for way in WAYS}
    groups: dict[str, np.ndarray] = {}
    for row in rows:
        seeds = read_seeds(context.work.folder(rank.name), row)
        lines[row.name] = {way: summed([seed[way] for seed in seeds], row.seeds) for way in row.ways}
        lines[row.name] |= {"seeds": list(row.seeds) if row.models else [], "trained": bool(row.models)}
        if row.second:  # not comparable with the others: it is not tested, and changes no correction of theirs
            lines[row.name]["second"] = row.second.about()
            continue
        for way in WAYS:
            precision[way][row.name] = np.mean([seed[way].ranks.precision for seed in seeds], axis=0)
            groups[way] = seeds[0][way].groups
    others = [name for name in precision["t2v"] if name != against] if against else []
    with progress.bar("significance", len(WAYS) * len(others), "test") as bar:
        for way in WAYS:
            p_values = {}
            for name in others:
                p_values[name] = randomisation(precision[way][name], precision[way][against], groups[way])
                bar.advance()
            corrected = holm(p_values)
            for name in others:
                lines[name][way] |= {"p": p_values[name], "p_holm": corrected[name]}
    return lines


def _costs(context: Context, train: Stage, lines: dict[str, dict[str, Any]]) -> None:
    """Add to each row that is a model its parameters, FLOPs, and the epochs and seconds of its trainings."""
    trained_models = {model.name: model for model in models.of(context.graph, train)}
    encoders = assemble.joints(context, train)
    captions = assemble.rows(context, train, "test", lost=True)
    features = Features(context, trained_models, captions, assemble.split(context, captions, encoders), encoders)
    for counted in cost.measure(features):
        line = lines[counted.model]
        line |= {"parameters": counted.parameters, "flops_video": counted.video, "flops_caption": counted.caption}
        line["flops_pair"] = counted.pair
        index = context.work.index(train.name)
        trained = [_trained(index, f"{counted.model}/seed{seed}") for seed in trained_models[counted.model].seeds]
        line |= {key: [one[key] for one in trained] for key in ("epochs", "best_epoch", "seconds_epoch")}


def _trained(index: Index, key: str) -> dict[str, Any]:
    """Epochs of a training, its best epoch and seconds of an epoch; None where they were not recorded.

    Where weights are averaged, the best epoch is still the single one that did best on val.
    """
    import torch

    entry = index.entry(key)
    training = entry.training if entry else {}
    epochs = training.get("epochs")
    best = torch.load(index.folder / key / "best.pt", mmap=True, weights_only=True)
    return {
        "epochs": epochs,
        "best_epoch": best.get("best", best)["epoch"],
        "seconds_epoch": training["seconds"] / epochs if epochs else None,
    }
