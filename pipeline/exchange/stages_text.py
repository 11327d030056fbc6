"""The stages file of an import, as text: a stage for each feature, and what learns to fuse them."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline import yamls
from pipeline.exchange.found import Feature, Part

OWN = ("ingest", "bow", "w2v", "gru", "train", "vectors", "rank", "evaluate", "report")  # stages that are added
WIDEST = 512  # columns of a head: what enters a fusion untransformed is no wider


@dataclass(frozen=True)
class Recipe:
    """What the stages file is made of."""

    features: Sequence[Feature]
    pairs: Sequence[tuple[Feature, Feature]]  # features of one model for both sides
    words: Part | None  # word vectors
    learns: bool  # whether there are captions to learn from
    ranks: bool  # whether there are captions to rank for

    @property
    def raw(self) -> list[str]:
        """The stages whose rows enter a fusion untransformed."""
        fitting = [pair for pair in self.pairs if pair[0].width <= WIDEST]
        return list(dict.fromkeys(feature.stage for pair in fitting for feature in pair))

    @property
    def fused(self) -> list[str]:
        """The stages that are fused: all but features of frames."""
        of_captions = ["bow", "w2v", "gru"] if self.learns else []
        return [feature.stage for feature in self.features if feature.level == "video"] + of_captions


def entry(feature: Feature) -> str:
    """The entry of a feature, as it stands under `stages:`."""
    parts = feature.files.parts
    files = [str(part.path.absolute()) for part in parts]
    params: dict[str, object] = {"side": feature.side}
    if feature.level == "frame":
        params["level"] = "frame"
    params |= {key: value for key, value in (("array", parts[0].array), ("ids", parts[0].id_array)) if value}
    each = {"video": "a video", "text": "a caption"}[feature.side] if feature.level == "video" else "a frame"
    lines = [f"  {feature.stage}: # {feature.width} numbers {each}", "    step: import", "    from: ingest"]
    lines += ["    params:", *(f"      {key}: {yamls.inline(value)}" for key, value in params.items())]
    if len(files) == 1:
        lines.append(f"      file: {yamls.inline(files[0])}")
    else:
        lines += ["      file:", *(f"        - {yamls.inline(file)}" for file in files)]
    if any(part.prefix for part in parts):
        of = [part.of for part in parts]
        lines.append(f"      of: {yamls.inline(of if len(of) > 1 else of[0])} # whose ids the files have")
    return "\n".join(lines)


def text_of(recipe: Recipe, head: str) -> str:
    """The whole stages file; head: its first lines, comments."""
    blocks = ["  ingest:\n    step: ingest", *map(entry, recipe.features)]
    if recipe.learns:
        blocks += _of_captions(recipe.words)
    if recipe.learns or (recipe.ranks and recipe.pairs):
        blocks += _learning(recipe)
    return (
        f"{head}\nthreads: 2 # CPU threads, on which the last bits of a training depend\n\nstages:\n"
        + "\n\n".join(blocks)
        + "\n"
    )


def _of_captions(words: Part | None) -> list[str]:
    """Features that laff makes of captions."""
    w2v, gru = "", ""
    if words:
        w2v = f"\n    params: {{vectors: {yamls.inline(str(words.path.absolute()))}}}"
        gru = f"\n    params: {{vector_dim: {words.width}}}"
    return [
        "  bow:\n    step: extract\n    uses: extractors.bow.Bow\n    from: ingest",
        f"  w2v:\n    step: extract\n    uses: extractors.w2v.W2v\n    from: ingest{w2v}",
        f"  gru:\n    step: extract\n    uses: extractors.gru.Gru\n    from: [ingest, w2v]{gru}",
    ]


def _learning(recipe: Recipe) -> list[str]:
    """The stages that learn, rank and evaluate."""
    params = [f"      raw: {yamls.inline(recipe.raw)} # enter untransformed: image-text pairs"]
    if recipe.learns:
        params.append("      baselines: {concat: fusion.concat.Concat}")
    else:
        params.append("      own: false # nothing to learn from: only the pairs are ranked")
    params.append("      singles: false # true: each video feature alone, too")
    pairs = {video.stage: [video.stage, text.stage] for video, text in recipe.pairs}
    rank = f"\n    params: {{pairs: {yamls.inline(pairs)}}}" if pairs else ""
    train = (
        f"  train:\n    step: train\n    uses: fusion.laff.LAFF\n    from: {yamls.inline(recipe.fused)}\n    params:\n"
    )
    return [
        train + "\n".join(params),
        "  vectors: # of every video, for search and rank\n    step: vectors\n    from: train",
        f"  rank:\n    step: rank\n    from: [train, vectors]{rank}",
        "  evaluate:\n    step: evaluate\n    from: rank",
        "  report:\n    step: report\n    from: evaluate",
    ]
