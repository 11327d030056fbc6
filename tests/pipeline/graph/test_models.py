"""Which models are trained, and which rows ranked."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import LaffError
from pipeline.graph import models
from pipeline.plan.context import Context
from pipeline.plan.steps import units
from pipeline.store.index import Entry

Surroundings = Callable[..., Context]


def test_only_singles_are_averaged(collect: Callable[..., Path], surroundings: Surroundings):
    """A baseline whose name begins like the singles' is none of them, and one video feature makes no singles."""
    context = surroundings(collect(), ["train.baselines={laff-wide: fusion.concat.Concat}"])
    train, rank = context.stage("train"), context.stage("rank")
    assert [(model.name, model.single) for model in models.of(context.graph, train)] == [
        ("laff", False),
        ("laff-wide", False),
    ]
    assert [row.name for row in models.rows(context.graph, rank)] == ["laff", "laff-wide"]


def test_models_are_found_once_for_a_stage(
    collect: Callable[..., Path], surroundings: Surroundings, monkeypatch: pytest.MonkeyPatch
):
    """A plan asks for them for each row of results; with 200 models it would read 200 times 200 entries."""
    context = surroundings(collect(), ["train.baselines={one: fusion.concat.Concat, two: fusion.concat.Concat}"])
    read: list[object] = []
    real = models.baselines.read
    monkeypatch.setattr(models.baselines, "read", lambda *given: read.append(given) or real(*given))
    graph, train = context.graph, context.stage("train")
    found = models.of(graph, train)
    assert len(units(context, "rank")) == 2 * len(models.rows(graph, context.stage("rank")))
    assert len(read) == 2
    found.clear()  # the list is the caller's own
    assert [model.name for model in models.of(graph, train)] == ["laff", "one", "two"]
    alone = replace(train, options=train.options | {"baselines": {}})
    assert [model.name for model in models.of(graph, alone)] == ["laff"]  # another stage of the same name


def test_a_baseline_takes_the_stage_s_params(collect: Callable[..., Path], surroundings: Surroundings):
    context = surroundings(collect(), ["train.baselines={concat: fusion.concat.Concat}", "train.width=16"])
    (laff, concat) = models.of(context.graph, context.stage("train"))
    assert (laff.params["width"], concat.params["width"]) == (16, 16)
    assert laff.seeds == concat.seeds == (1, 2)
    assert context.recipes.model(context.stage("train"), laff) != context.recipes.model(context.stage("train"), concat)


MORE = """
stages:
  ingest: {step: ingest, params: {shard_videos: 2, shard_captions: 4}}
  decode: {step: decode, from: ingest}
  x3d: {step: extract, uses: extractors.x3d.X3D, from: decode, params: {size: XS, frames: 13, weights: random}}
  colours: {step: extract, uses: extractors.brightness.Brightness, from: decode}
  bow: {step: extract, uses: extractors.bow.Bow, from: ingest, params: {threshold: 1}}
  w2v: {step: extract, uses: extractors.w2v.W2v, from: ingest}
  gru: {step: extract, uses: extractors.gru.Gru, from: [ingest, w2v, x3d]}
  train: {step: train, uses: fusion.laff.LAFF, from: [x3d, bow], params: {seeds: [1], singles: false}}
  rank: {step: rank, from: train}
"""
OWN = "laff: {uses: fusion.laff.LAFF, video: [x3d], text: [bow]}"
FURTHER = (  # a model on a feature that lacks a video of train, and on text features that learn, one inside the model
    "train.from=[x3d, colours, bow, w2v, gru]",
    "train.joint=[gru]",
    "train.own=false",
    "train.seeds=[1,2]",
    f"train.baselines={{{OWN}, further: {{uses: fusion.concat.Concat, video: [colours], text: [w2v, gru]}}}}",
)


def test_a_further_model_changes_no_other(collect: Callable[..., Path], surroundings: Surroundings):
    """Neither the recipe nor the items of the models that there are, so nothing is trained again."""
    yaml = collect(train={"v1": ["a cat"], "v2": ["a dog"]})
    lose(surroundings(yaml, FURTHER, MORE))
    with_further = {unit.key: unit for unit in units(surroundings(yaml, FURTHER, MORE), "train")}
    assert list(with_further) == ["laff/seed1", "laff/seed2", "further/seed1", "further/seed2"]
    (alone,) = units(surroundings(yaml, text=MORE), "train")
    assert alone == with_further[alone.key]


def lose(context: Context) -> None:
    """`colours` has no row for the train video v2."""
    line = {"video": "v2", "stage": "colours", "reason": "no row", "exception": "Missing"}
    context.work.index("colours").record("00000.h5", Entry("", "", {}, [line]), {})


def test_what_a_model_depends_on(collect: Callable[..., Path], surroundings: Surroundings):
    """Its own features: the videos that they lack, the word vectors inside its encoder, how the encoder is made."""
    yaml = collect(train={"v1": ["a cat"], "v2": ["a dog"]})

    def look(*sets: str) -> dict[str, tuple[str, str]]:
        context = surroundings(yaml, [*FURTHER, *sets], MORE)
        return {unit.key: (unit.fingerprint, unit.content) for unit in units(context, "train")}

    first = look()
    for change in ("gru.hidden=32", "w2v.dim=100", "colours.frames=4"):
        now = look(change)
        assert {key for key in first if first[key] != now[key]} == {"further/seed1", "further/seed2"}, change
    lose(surroundings(yaml, FURTHER, MORE))
    now = look()
    assert {key for key in first if first[key] != now[key]} == {"further/seed1", "further/seed2"}


def test_mistakes_of_all_baselines_are_told_together(collect: Callable[..., Path], surroundings: Surroundings):
    baselines = (
        "{a: fusion.concat.Conca, b: {uses: fusion.laff.LAFF, vidoe: [x3d]}, "
        "c: {uses: fusion.laff.LAFF, text: [boww], options: {epochs: 0}}, e: {uses: fusion.laff.LAFF, params: [1]}}"
    )
    context = surroundings(collect(), [f"train.baselines={baselines}"])
    with pytest.raises(LaffError) as caught:
        models.of(context.graph, context.stage("train"))
    messages = str(caught.value).splitlines()
    assert messages[0] == "'train': 4 problems"
    for line, words in zip(
        messages[1:],
        (
            ["baseline 'a'", "no class 'Conca'", "did you mean 'Concat'"],
            ["baseline 'b'", "unknown key 'vidoe'; did you mean 'video'"],
            ["baseline 'c'", "text: no feature 'boww'; did you mean 'bow'", "epochs is 0"],
            ["baseline 'e'", "params should be a mapping, not [1]"],
        ),
        strict=True,
    ):
        assert all(word in line for word in words), line


def test_only_the_baselines(collect: Callable[..., Path], surroundings: Surroundings):
    """Without its own block a stage has its baselines; without those, nothing, and it needs nothing."""
    sets = ["train.own=false", "train.singles=false"]
    context = surroundings(collect(), [*sets, "train.baselines={concat: fusion.concat.Concat}"])
    assert [model.name for model in models.of(context.graph, context.stage("train"))] == ["concat"]
    context = surroundings(collect(), sets)
    assert models.of(context.graph, context.stage("train")) == []
    assert context.graph.reads("train") == ()
    context = surroundings(collect(), ["train.own=false", "train.from=[x3d, bow]"])
    with pytest.raises(LaffError, match="nothing to train: own is false, and one video feature makes no singles"):
        models.of(context.graph, context.stage("train"))


def test_a_baseline_that_says_what_the_stage_says_is_the_same_model(
    collect: Callable[..., Path], surroundings: Surroundings
):
    """So a comparison and a run share what they train."""
    entry = "{uses: fusion.laff.LAFF, video: [x3d], text: [bow]}"
    one = surroundings(collect(), ["train.width=32"])
    two = surroundings(collect(), ["train.width=32", "train.own=false", f"train.baselines={{laff: {entry}}}"])
    recipes = [c.recipes.model(c.stage("train"), models.of(c.graph, c.stage("train"))[0]) for c in (one, two)]
    assert recipes[0] == recipes[1]


CLIPS = """
stages:
  ingest: {step: ingest}
  decode: {step: decode, from: ingest}
  x3d: {step: extract, uses: extractors.x3d.X3D, from: decode, params: {size: XS, frames: 13, weights: random}}
  clip: {step: extract, uses: extractors.clip.Clip, from: decode, params: {model: tiny-64, weights: random}}
  pair-frames: {step: import, from: ingest, params: {file: a.npz, side: video, level: frame}}
  bow: {step: extract, uses: extractors.bow.Bow, from: ingest, params: {threshold: 1}}
  train: {step: train, uses: fusion.laff.LAFF, from: [x3d, clip, pair-frames, bow], params: {seeds: [1]}}
  rank: {step: rank, from: train}
"""
CLIP4CLIP = (
    "{uses: fusion.clip4clip.Clip4Clip, video: [pair-frames], text: [clip], params: {frames: [pair-frames], %s}}"
)

MHSA = "{uses: fusion.mhsa.MHSA, params: {raw: [clip]}}"


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("fusion.spaces.Spaces", "it is no block and no model: its constructor has neither dims nor video_dims"),
        ("fusion.cpu.dropout.Dropout", "it is no block and no model"),
        (
            "{uses: fusion.laff_ml.LAFFml, params: {frames: [pair-framez]}}",
            "frames: 'pair-framez' is no video feature of the model; did you mean 'pair-frames'?",
        ),
        (
            "{uses: fusion.laff_ml.LAFFml, video: [x3d], params: {frames: [pair-frames]}}",
            "frames: 'pair-frames' is no video feature of the model; it has x3d",
        ),
        (
            "{uses: fusion.laff_ml.LAFFml, params: {frames: [x3d]}}",
            "frames: 'x3d' holds one row a video; give its stage level: frame",
        ),
        (
            "{uses: fusion.mhsa.MHSA, params: {raw: [x3dd]}}",
            "raw: 'train' reads no feature 'x3dd'; did you mean 'x3d'?",
        ),
        ("{uses: fusion.mhsa.MHSA, params: {raw: [bow]}}", "raw: 'bow' counts words, so its rows are sparse"),
        (CLIP4CLIP % "aggregate_params: {excite: four}", "aggregate_params: excite: 'four' should be a number"),
        (CLIP4CLIP % "aggregate_params: {exite: 4}", "unknown parameter 'exite'; did you mean 'excite'?"),
        (
            CLIP4CLIP % "aggregate: fusion.frames.transformer.SeqTransf, aggregate_params: {start: tex}",
            "aggregate_params: start: 'tex' should be one of 'text', 'random'",
        ),
        (CLIP4CLIP % "aggregate: fusion.frames.sequential.Sequential", "Sequential is no aggregator of frames"),
        (CLIP4CLIP % "aggregate: fusion.frames.eaa.EA", "aggregate: no module 'fusion.frames.eaa'"),
    ],
)
def test_features_and_parts_that_a_baseline_misnames(
    collect: Callable[..., Path], surroundings: Surroundings, entry: str, message: str
):
    context = surroundings(collect(), [f"train.baselines={{mine: {entry}}}"], CLIPS)
    with pytest.raises(LaffError) as caught:
        models.of(context.graph, context.stage("train"))
    messages = str(caught.value).splitlines()
    assert "baseline 'mine'" in messages[1]
    assert message in messages[1]
    assert len(messages) == 2


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        (["train.uses=fusion.spaces.Spaces"], "fusion.spaces.Spaces: it is no block and no model"),
        (["train.raw=[x3d, bow]"], "fusion.laff.LAFF: raw: 'bow' counts words"),
        (["train.raw=[x3e]"], "fusion.laff.LAFF: raw: 'train' reads no feature 'x3e'; did you mean 'x3d'?"),
        (
            ["train.uses=fusion.laff_ml.LAFFml", "train.frames=[pair-framez]"],
            "fusion.laff_ml.LAFFml: frames: 'pair-framez' is no video feature of the model",
        ),
    ],
)
def test_features_and_parts_that_the_stage_misnames(
    collect: Callable[..., Path], surroundings: Surroundings, sets: list[str], message: str
):
    text = CLIPS
    for one in sets:
        if one.startswith("train.uses="):
            text = text.replace("fusion.laff.LAFF", one.removeprefix("train.uses="))
    context = surroundings(collect(), [one for one in sets if "uses" not in one], text)
    with pytest.raises(LaffError) as caught:
        models.of(context.graph, context.stage("train"))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("raw_of_file", "sets", "told"),
    [
        ("[clip]", ["train.from=[x3d, bow]"], ""),  # a default for the features that the file names
        ("[clip]", ["train.from=[x3d, bow]", "train.raw=[clip]"], "no feature 'clip'; add it to train.from"),
        ("[clip]", ["train.raw=[clip]", "train.from=[x3d, bow]"], "no feature 'clip'; add it to train.from"),
        ("[pair]", [], "no feature 'pair'; add it to train.from, or take it out of raw"),
        ("[pair]", ["train.from=[x3d, bow]"], ""),
        ("[]", ["train.from=[x3d, bow]", f"train.baselines={{m: {MHSA}}}"], "'m'"),
    ],
)
def test_a_raw_feature_is_one_of_from_unless_another_from_was_set(
    collect: Callable[..., Path], surroundings: Surroundings, raw_of_file: str, sets: list[str], told: str
):
    text = CLIPS.replace("{seeds: [1]}", f"{{seeds: [1], raw: {raw_of_file}}}")
    text = text.replace("  bow:", "  pair: {step: import, from: ingest, params: {file: a.npz, side: video}}\n  bow:")
    context = surroundings(collect(), sets, text)
    if not told:
        assert models.of(context.graph, context.stage("train"))[0].params["raw"] == [raw_of_file[1:-1]]
        return
    with pytest.raises(LaffError) as caught:
        models.of(context.graph, context.stage("train"))
    assert told in str(caught.value)
    assert "raw: 'train' reads no feature" in str(caught.value)


def test_what_the_models_of_a_stage_share_may_name_more(collect: Callable[..., Path], surroundings: Surroundings):
    """The stage's raw features are for models that have them; defaults of a class name what a collection may lack."""
    entries = "{few: {uses: fusion.mhsa.MHSA, video: [x3d], text: [bow]}, ml: fusion.laff_ml.LAFFml}"
    context = surroundings(collect(), ["train.raw=[clip]", f"train.baselines={entries}"], CLIPS)
    assert [model.params["raw"] for model in models.of(context.graph, context.stage("train"))[:2]] == [
        ["clip"],
        ["clip"],
    ]


@pytest.mark.parametrize(
    ("uses", "params", "heads", "width"),
    [
        ("fusion.laff.LAFF", "{}", 8, 128),  # d = 1,024, as in the paper
        ("fusion.laff.LAFF", "{heads: 16}", 16, 128),
        ("fusion.laff.LAFF", "{width: 32, heads: 2}", 2, 32),
        ("fusion.mhsa.MHSA", "{}", 4, 64),  # beside itself: the stage's
    ],
)
def test_mhsa_has_sizes_of_its_own(
    collect: Callable[..., Path], surroundings: Surroundings, uses: str, params: str, heads: int, width: int
):
    """LAFF's heads and width are of other columns; its dropout is as the stage has it."""
    text = CLIPS.replace("fusion.laff.LAFF", uses)
    entry = f"{{m: {{uses: fusion.mhsa.MHSA, params: {params}}}}}"
    sets = ["train.heads=4", "train.width=64", "train.dropout=0.3", f"train.baselines={entry}"]
    context = surroundings(collect(), sets, text)
    model = next(model for model in models.of(context.graph, context.stage("train")) if model.name == "m")
    assert [model.params[name] for name in ("heads", "width", "dropout")] == [heads, width, 0.3]


def test_an_aggregator_s_params_are_bound(collect: Callable[..., Path], surroundings: Surroundings):
    """A default that is written out makes no other model."""
    recipes = []
    for params in ("aggregate_params: {}", "aggregate_params: {relu6: true}"):
        context = surroundings(collect(), [f"train.baselines={{mine: {CLIP4CLIP % params}}}", "train.own=false"], CLIPS)
        recipes.append(
            context.recipes.model(context.stage("train"), models.of(context.graph, context.stage("train"))[0])
        )
    assert recipes[0] == recipes[1]
    assert recipes[0]["params"]["aggregate_params"]["relu6"] is True


def test_code_that_a_model_imports_is_in_its_recipe(collect: Callable[..., Path], surroundings: Surroundings):
    """LAFF-ml builds on LAFF's module, concatenation does not, though LAFF is the stage's own block."""
    sets = ["train.baselines={ml: fusion.laff_ml.LAFFml, concat: fusion.concat.Concat}"]
    context = surroundings(collect(), sets)
    stage = context.stage("train")
    code = {model.name: context.recipes.model(stage, model)["code"] for model in models.of(context.graph, stage)}
    assert {name: "fusion.laff" in modules for name, modules in code.items()} == {
        "laff": True,
        "ml": True,
        "concat": False,
    }
