"""The report of an import: how it understood the paths, what it wrote, and how to go on."""

import shlex
from collections.abc import Iterator

from pipeline.exchange.importing import STAGES, Imported
from pipeline.exchange.stages_text import OWN, WIDEST
from pipeline.files import JsonObject
from pipeline.views.figure_table import FigureTable
from pipeline.views.printed import PLAIN, Paper, columns

HEADER = ["stage", "of", "feature", "width", "files", "rows"]


def lines(imported: Imported, paper: Paper = PLAIN) -> Iterator[str]:
    """The report, line by line; of the table of features, all of its lines are one."""
    recipe, described, out = imported.recipe, imported.described, imported.order.out
    yield from imported.forms
    if described:
        for split, videos in described.ids.items():
            if videos:
                name = f" ({imported.sets[split]})" if split in imported.sets else ""
                yield f"{split}{name}: {len(videos):,} videos, {len(described.captions[split]):,} captions"
        if described.val_is_test:
            yield "val: the videos of test"
    yield ""
    yield columns(FigureTable(HEADER, list(_features(imported)), left=3), paper)
    yield ""
    if recipe.words:
        yield f"word vectors, which w2v and gru start from: {recipe.words.path}, {recipe.words.width} numbers a word"
    yield from _pairs(imported)
    yield from (f"note: {note}" for note in imported.notes)
    if imported.written:
        yield f"wrote {', '.join(map(str, imported.written))}"
    if kept := [path for path in imported.files if path not in imported.written]:
        yield f"up to date already: {', '.join(map(str, kept))}"
    collection = shlex.quote(str(imported.collection)) if imported.collection else "COLLECTION.yaml"
    yield f"next: laff run -c {collection} --stages {shlex.quote(str(out / STAGES))} -w WORK"
    if not imported.collection:
        yield "COLLECTION.yaml says which videos and captions are in which split; docs/collections.md shows one"
    names = [feature.stage for feature in recipe.features if feature.level == "video"]
    yield (
        f"into stages of your own: copy the entries of {out / STAGES} that you want, and fuse them by "
        f"--set 'train.from=[…, {', '.join(names or [recipe.features[0].stage])}]'"
    )


def summary(imported: Imported) -> JsonObject:
    """The report for a program: what was written, and what each feature was taken for."""
    features = [
        {
            "stage": one.stage,
            "side": one.side,
            "level": one.level,
            "feature": one.files.name,
            "width": one.width,
            "files": [str(part.path) for part in one.files.parts],
            "rows": one.covered if imported.described else sum(len(part.ids) for part in one.files.parts),
        }
        for one in imported.recipe.features
    ]
    return {
        "stages": str(imported.order.out / STAGES),
        "collection": str(imported.collection) if imported.collection else None,
        "wrote": list(map(str, imported.written)),
        "features": features,
        "pairs": [[video.stage, text.stage] for video, text in imported.recipe.pairs],
        "notes": list(imported.notes),
    }


def _features(imported: Imported) -> Iterator[list[str]]:
    """The rows of the table of features; HEADER names their cells."""
    described = imported.described
    for one in imported.recipe.features:
        of = {"video": "videos", "text": "captions"}[one.side] if one.level == "video" else "frames"
        total = 0
        if described:
            of_split = described.ids if one.side == "video" else described.captions
            total = sum(map(len, of_split.values())) + (len(described.queries) if one.side == "text" else 0)
        covered = (
            f"{one.covered:,} of {total:,}" if described else f"{sum(len(part.ids) for part in one.files.parts):,}"
        )
        yield [one.stage, of, one.files.name, f"{one.width}", f"{len(one.files.parts)}", covered]


def _pairs(imported: Imported) -> Iterator[str]:
    """What the import took for pairs, and how to say otherwise."""
    chosen = bool(imported.order.pairs)
    for video, text in imported.recipe.pairs:
        how = "as told" if chosen else "guessed from their names and equal widths; --pair VIDEO=TEXT says another"
        enters = "" if video.width <= WIDEST else f"; wider than a head ({WIDEST}), so they are not in train.raw"
        yield f"pair of one image-text model: {video.stage} and {text.stage} ({how}){enters}"
    if not imported.recipe.pairs and {one.side for one in imported.recipe.features} == {"video", "text"}:
        yield "no pair of one image-text model is known by its names; if there is one, say --pair VIDEO=TEXT"
    late = [one.stage for one in imported.recipe.features if one.level == "frame"]
    if late:
        yield f"features of frames are read by models that name them alone, not by default: {', '.join(late)}"
    for one in imported.recipe.features:
        if any(part.prefix for part in one.files.parts):
            of = ", ".join(f"{part.path.name} of {part.of or 'the whole'}" for part in one.files.parts)
            yield f"'{one.stage}' has files of several collections, told by their ids: {of}"
    of_captions = [name for name in OWN if name in imported.recipe.fused]
    if of_captions:
        yield f"laff makes of the captions: {', '.join(of_captions)}"
    if "gru" in of_captions:
        captions = f"{len(imported.described.captions['train']):,} " if imported.described else ""
        others = ", ".join(name for name in imported.recipe.fused if name != "gru")
        yield (
            f"gru is trained first, on the {captions}captions of train, which takes longest of all (an hour for some "
            "130,000 on a CPU): --set gru.fit.epochs=N shortens it, "
            f"--set 'train.from=[{others}]' fuses without it"
        )
