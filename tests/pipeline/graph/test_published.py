"""Entries of weights: the catalogue, stages.yaml's own over it, and what they fix of a stage's params."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from pipeline.errors import LaffError
from pipeline.graph import published, stages
from pipeline.graph.graph import Graph
from pipeline.weights import lookup

TEXT = """
weights:
  x3d-l-k400: {path: mine.pyth}
  mine: {uses: extractors.x3d.X3D, params: {size: S, crop: 96}, source: "https://x.org/mine.pyth", file: mine.pyth}
stages:
  ingest: {step: ingest}
  decode: {step: decode, from: ingest}
  x3d: {step: extract, uses: extractors.x3d.X3D, from: decode}
  finetune: {step: finetune, uses: extractors.clip_ft.ClipFt, from: decode, params: {weights: openai-clip-vit-b-16}}
  clip-ft: {step: extract, from: [decode, finetune], params: {level: frame}}
profiles:
  small: {x3d: {size: XS, weights: random}}
"""


def load(folder: Path, text: str = TEXT, profile: str | None = None, sets: Sequence[str] = ()) -> Graph:
    (folder / "stages.yaml").write_text(text)
    return stages.load(folder / "stages.yaml", profile, sets)


def mistakes(folder: Path, text: str = TEXT, sets: Sequence[str] = ()) -> list[str]:
    with pytest.raises(LaffError) as error:
        load(folder, text, None, sets)
    return [line[4:] for line in str(error.value).split("\n")[1:]]


def test_the_catalogue_has_no_mistake():
    assert {name: wrong for name, raw in published.catalogue().items() if (wrong := published.problems(raw))} == {}


def test_own_entries_change_single_keys(tmp_path: Path):
    graph = load(tmp_path)
    changed, as_published = graph.weights["x3d-l-k400"], published.catalogue()["x3d-l-k400"]
    assert (changed.path, changed.params, changed.source) == ("mine.pyth", {"size": "L"}, as_published["source"])
    assert graph.weights["mine"].file == "mine.pyth"
    assert graph.weights["x3d-m-k400"].path is None


@pytest.mark.parametrize(
    ("sets", "size", "crop"),
    [
        ([], "L", None),  # of the entry that the constructor names
        (["x3d.weights=x3d-m-k400"], "M", None),
        (["x3d.weights=mine"], "S", 96),
        (["x3d.weights=mine", "x3d.crop=64"], "S", 64),  # what the user gives comes first
        (["x3d.weights=./some.pyth"], "L", None),  # a file is no entry: the constructor's defaults
    ],
)
def test_an_entry_fixes_what_the_user_does_not_give(tmp_path: Path, sets: list[str], size: str, crop: int | None):
    params = load(tmp_path, TEXT, None, sets).stages["x3d"].params
    assert (params["size"], params["crop"]) == (size, crop)


def test_random_weights_take_nothing_of_an_entry(tmp_path: Path):
    params = load(tmp_path, TEXT, "small").stages["x3d"].params
    assert (params["size"], params["crop"], params["weights"]) == ("XS", None, "random")


def test_weights_of_another_extractor(tmp_path: Path):
    assert mistakes(tmp_path, TEXT, ["x3d.weights=timesformer-8x32-k400"]) == [
        "'x3d': weights 'timesformer-8x32-k400' are for extractors.tf.TimeSformer"
    ]


def test_further_weights_of_another_extractor(tmp_path: Path):
    entry = "  conse: {step: extract, uses: extractors.conse.Conse, from: decode}\n"
    text = TEXT.replace("profiles:", entry + "profiles:")
    assert mistakes(tmp_path, text, ["conse.sentences=x3d-xs-k400"]) == [
        "'conse': sentences 'x3d-xs-k400' are for extractors.x3d.X3D, not for extractors.bert.Bert"
    ]
    assert load(tmp_path, text, None, ["conse.sentences=all-mpnet-base-v2"]).stages["conse"].params["best"] == 10
    both = load(tmp_path, text, None, ["conse.weights=efficientnet-lite0"]).stages["conse"].params
    assert both["model"] == "tf_efficientnet_lite0"  # the entry of timm's class, which this one derives from


def test_a_class_takes_the_weights_of_the_one_it_derives_from(tmp_path: Path):
    assert load(tmp_path).stages["finetune"].params["model"] == "ViT-B-16-quickgelu"
    assert published.family("extractors.clip_ft.ClipFt") == {"extractors.clip_ft.ClipFt", "extractors.clip.Clip"}


def test_a_borrowed_part_may_set_what_its_class_leaves_free(tmp_path: Path):
    graph = load(tmp_path)
    fitted, borrowed = graph.stages["finetune"].params, graph.stages["clip-ft"].params
    assert {key for key in fitted if fitted[key] != borrowed[key]} == {"level"}
    free = "frames, stride, fps, rule, level"
    assert mistakes(tmp_path, TEXT, ["clip-ft.model=ViT-L-14", "clip-ft.levl=frame", "clip-ft.frames=many"]) == [
        f"'clip-ft': model is as 'finetune' has it: --set finetune.model=…; free here: {free}",
        "'clip-ft': unknown parameter 'levl'; did you mean 'level'?",
        "'clip-ft': frames: 'many' should be a whole number",
    ]


def test_every_mistake_of_an_own_entry(tmp_path: Path):
    text = TEXT.replace(
        "  mine: {",
        "  flat: 3\n"
        "  bad: {uses: extractors.x3d.X3, source: 3, file: ../x, sha256: abc, licens: MIT}\n"
        "  odd: {uses: extractors.x3d.X3D, params: {sze: L, clips: few}, source: 'https://x.org', file: x,"
        " files: {../a: null, b: 12}}\n"
        "  mine: {",
    )
    assert mistakes(tmp_path, text) == [
        "weights 'flat' should be a mapping with source, file, uses, params, feature, files, sha256, licence, note, "
        "path, not 3",
        "weights 'bad': unknown key 'licens'; did you mean 'licence'?",
        "weights 'bad': source: 3 should be text",
        "weights 'bad': file: '../x' should be a name under $LAFF_WEIGHTS, not a path",
        "weights 'bad': sha256: 'abc' should be a sha256, 64 of 0-9a-f",
        "weights 'bad': uses extractors.x3d.X3: no class 'X3' in extractors.x3d; did you mean 'X3D'?",
        "weights 'odd': files: '../a' should lie inside the folder",
        "weights 'odd': files: b: 12 should be a sha256, 64 of 0-9a-f",
        "weights 'odd': source should end in / where `files` says what is fetched from it",
        "weights 'odd': params of extractors.x3d.X3D: unknown parameter 'sze'; did you mean 'size'?",
        "weights 'odd': params of extractors.x3d.X3D: clips: 'few' should be a whole number",
    ]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ('file: ".."', "file: '..' should be a name under $LAFF_WEIGHTS, not a path"),
        ('file: "a\\0b"', "file: 'a\\x00b' should be a name under $LAFF_WEIGHTS, not a path"),
        ('path: "a\\0b"', "path: 'a\\x00b' should be text"),
        ('files: {"a/./b": null}, source: "https://x.org/"', "files: 'a/./b' should lie inside the folder"),
        ('files: {"a//b": null}, source: "https://x.org/"', "files: 'a//b' should lie inside the folder"),
        *(
            (f'source: "{source}"', f"source: '{source}' should be package:MODULE/PATH, with a path inside the package")
            for source in ("package:../..", "package:nosuch.sub/x", "package:torch/../x", "package:torch", "package:")
        ),
    ],
)
def test_names_that_lead_elsewhere(tmp_path: Path, keys: str, said: str):
    wanted = {"source": 'source: "https://x.org/x"', "file": "file: x"}
    rest = ", ".join(text for key, text in wanted.items() if f"{key}:" not in keys)
    text = TEXT.replace("  mine: {", f"  odd: {{{', '.join(filter(None, (rest, keys)))}}}\n  mine: {{")
    assert mistakes(tmp_path, text) == [f"weights 'odd': {said}"]


def test_a_package_that_is_not_installed(tmp_path: Path):
    entry = "  odd: {source: 'package:nosuch/a/b.pth', file: b.pth}\n  mine: {"
    assert lookup.find(load(tmp_path, TEXT.replace("  mine: {", entry)).weights["odd"]) is None


def test_a_key_without_a_value_says_nothing(tmp_path: Path):
    entry = "  blank:\n    params:\n    files:\n    licence:\n    source: https://x.org/x\n    file: x\n  mine: {"
    blank = load(tmp_path, TEXT.replace("  mine: {", entry)).weights["blank"]
    assert (blank.params, blank.files, blank.licence) == ({}, {}, "")


def test_the_name_random_is_taken(tmp_path: Path):
    (wrong,) = mistakes(tmp_path, TEXT.replace("  mine: {", "  random: {path: a.pth}\n  mine: {"))
    assert wrong == "weights 'random': the name stands for random weights; give the entry another"


def test_any_model_of_open_clip_is_an_entry(tmp_path: Path):
    graph = load(tmp_path, TEXT, None, ["finetune.weights=open_clip:ViT-B-16-SigLIP/webli"])
    params = graph.stages["finetune"].params
    assert (params["model"], params["resize"], params["mean"]) == ("ViT-B-16-SigLIP", "squash", [0.5, 0.5, 0.5])
    assert graph.weights["open_clip:ViT-B-16-SigLIP/webli"].uses == "extractors.clip.Clip"
    (wrong,) = mistakes(tmp_path, TEXT, ["finetune.weights=open_clip:ViT-B-16-SigLIP/wbli"])
    assert "open_clip:ViT-B-16-SigLIP/webli" in wrong
    (wrong,) = mistakes(tmp_path, TEXT, ["finetune.weights=open_clip:ViT"])
    assert "should be open_clip:MODEL/TAG" in wrong
