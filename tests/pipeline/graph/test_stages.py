"""stages.yaml: the shipped file loads, every kind of mistake has its message, and all are told at once."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest

import cli
from pipeline.errors import LaffError
from pipeline.graph import stages
from pipeline.graph.graph import Graph
from pipeline.graph.stages_file import StagesFile
from pipeline.parts.code import ROOT
from pipeline.store.workspace import COMPARISONS, MAIN, RUNS
from pipeline.wording import number_of

SHIPPED = ROOT / "stages.yaml"
STEPS = "decode, evaluate, extract, finetune, import, ingest, rank, report, train, vectors"
SMALL = """
threads: 3
stages:
  ingest: {step: ingest}
  decode: {step: decode, from: ingest}
  colour: {step: extract, uses: extractors.brightness.Brightness, from: decode}
  bow: {step: extract, uses: extractors.bow.Bow, from: ingest}
  train: {step: train, uses: fusion.laff.LAFF, from: [colour, bow]}
profiles:
  quick: {colour: {frames: 2, on: cpu}, train: {from: [bow, colour], heads: 1}}
"""


def load(tmp_path: Path, text: str, profile: str | None = None, sets: Sequence[str] = ()) -> Graph:
    path = tmp_path / "stages.yaml"
    path.write_text(text, encoding="utf-8")
    return stages.load(path, profile, sets)


def mistakes(tmp_path: Path, text: str, profile: str | None = None, sets: Sequence[str] = ()) -> list[str]:
    """The lines of the error, its head checked."""
    with pytest.raises(LaffError) as error:
        load(tmp_path, text, profile, sets)
    head, *lines = str(error.value).split("\n")
    assert head in (
        f"{tmp_path}/stages.yaml: {number_of(lines, 'problems')}",
        _head(tmp_path, profile, sets, len(lines)),
    )
    assert all(line.startswith("  - ") for line in lines)
    return [line[4:] for line in lines]


def _head(tmp_path: Path, profile: str | None, sets: Sequence[str], lines: int) -> str:
    """Of an error that the file without profile and settings does not have."""
    said = "".join([f" --profile {profile}" if profile else "", *(f" --set {text}" for text in sets)])
    return f"{tmp_path}/stages.yaml with{said}: {number_of(lines, 'problems')}"


@pytest.mark.parametrize("profile", [None, "small"])
def test_the_shipped_file(profile: str | None):
    graph = stages.load(SHIPPED, profile)
    shipped = {
        *("ingest", "decode", "finetune", "clip-ft", "x3d", "ircsn", "tf", "timm", "bow", "w2v", "gru"),
        *("train", "vectors", "rank", "evaluate", "report"),
    }
    assert shipped <= set(graph.stages)  # a new feature is one entry more
    order = list(graph.stages)
    assert all(order.index(source) < order.index(name) for name in order for source in graph.stages[name].sources)
    assert graph.stages["clip-ft"].sides == ("video", "text")
    assert graph.stages["clip-ft"].borrowed
    assert {name for name in shipped if graph.stages[name].fitted} == {"finetune", "bow", "w2v", "gru", "train"}
    random = {"finetune", "clip-ft", "x3d", "ircsn", "tf"} if profile else set()
    assert {name for name in shipped if graph.stages[name].random} == random


@pytest.mark.parametrize("name", ["i3d_rgb", "a-b_c", "2d_", "X"])
def test_names_of_stages(tmp_path: Path, name: str):
    assert name in load(tmp_path, SMALL.replace("colour", name)).stages


@pytest.mark.parametrize("name", ["_a", "-a", "a/b", "a b", "é", '"a\\n"'])
def test_names_that_are_none(tmp_path: Path, name: str):
    assert "should be made of letters, digits, - and _" in mistakes(tmp_path, SMALL.replace("colour:", f"{name}:"))[0]


def test_a_file_that_was_parsed_is_used_and_left_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """One parse for any number of graphs: profile and settings change a copy."""
    (tmp_path / "stages.yaml").write_text(SMALL + "weights:\n")
    file = StagesFile(tmp_path / "stages.yaml")
    before = deepcopy(file.content)
    monkeypatch.delattr("pipeline.yamls.load")
    changed = stages.load(file, "quick", ["train.heads=3", "train.seeds=[5]"])
    assert changed.stages["colour"].params["frames"] == 2
    assert changed.stages["train"].params["heads"] == 3
    assert file.content == before
    assert stages.load(file) == stages.load(file)
    assert stages.load(file).stages["colour"].params["frames"] == 8
    assert stages.load(file).path == tmp_path / "stages.yaml"


def test_params_and_options_are_told_apart_and_completed(tmp_path: Path):
    text = SMALL.replace("from: decode}", "from: decode, params: {frames: 4, batch: 2}, on: gpu}")
    colour = load(tmp_path, text).stages["colour"]
    assert colour.params == {"frames": 4, "crop": 32, "scale": 255.0}
    assert colour.options == {
        "batch": 2,
        "timeout": 120.0,
        "memory": 4.0,
        "precision": "auto",
        "dtype": "float32",
        "fit": {},
    }
    assert colour.on == "gpu"  # the key `on` is a word


def test_profile_and_settings(tmp_path: Path):
    graph = load(tmp_path, SMALL, "quick")
    assert (graph.stages["colour"].params["frames"], graph.stages["colour"].on) == (2, "cpu")
    assert graph.stages["train"].sources == ("bow", "colour")
    assert graph.stages["train"].params["heads"] == 1
    sets = ["colour.frames=5", "colour.on=auto", "train.from=[colour, bow]", "train.lr=1e-3", "train.seeds=[1,2,3]"]
    graph = load(tmp_path, SMALL, "quick", sets)  # what is typed comes last
    assert (graph.stages["colour"].params["frames"], graph.stages["colour"].on) == (5, "auto")
    assert graph.stages["train"].sources == ("colour", "bow")
    assert graph.stages["train"].options["lr"] == 0.001
    assert graph.stages["train"].options["seeds"] == [1, 2, 3]


def test_weights_of_one_s_own_leave_the_profile_s_model_behind():
    """Profile small goes with random weights: its four frames of 64 pixels are nothing for real ones."""
    shipped = ROOT / "stages.yaml"
    small = stages.load(shipped, "small", ["x3d.batch=4"]).stages["x3d"]
    assert (small.params["size"], small.params["frames"], small.params["crop"]) == ("XS", 4, 64)
    for sets in (["x3d.weights=x3d-m-k400", "x3d.clips=2"], ["x3d.clips=2", "x3d.weights=x3d-m-k400"]):
        mine = stages.load(shipped, "small", sets).stages["x3d"]
        assert (mine.params["size"], mine.params["frames"], mine.params["crop"]) == ("M", None, None)
        assert mine.params["clips"] == 2  # typed, so it stays
    tuned = stages.load(shipped, "small", ["finetune.weights=metaclip-vit-b-32"]).stages["finetune"]
    assert tuned.params["model"] == "ViT-B-32-quickgelu"
    assert (tuned.options["epochs"], tuned.options["lr"]) == (5, 1e-6)  # 0.001 is for models that know nothing yet
    for sets in (["x3d.weights='random'"], ["x3d.weights=x3d-m-k400", "x3d.weights=random"]):
        same = stages.load(shipped, "small", sets).stages["x3d"]
        assert same == replace(small, options=small.options | {"batch": "auto"})


def test_a_setting_inside_a_mapping():
    graph = stages.load(SHIPPED, "small", ["gru.fit.epochs=3"])
    assert graph.stages["gru"].options["fit"]["epochs"] == 3
    assert graph.stages["gru"].options["fit"]["lr"] == 0.001  # the profile's


def test_needed_takes_what_is_read_and_no_more():
    graph = stages.load(SHIPPED)
    assert graph.needed(["x3d"]) == [name for name in graph.stages if name in {"ingest", "decode", "x3d"}]
    assert graph.needed(["bow"]) == ["ingest", "bow"]
    assert not {"timm", "clip-ft-frames"} & set(graph.needed(["report"]))
    with pytest.raises(LaffError) as error:
        graph.needed(["x3"])
    assert str(error.value) == "stages.yaml has no stage 'x3'; did you mean 'x3d'?"
    with pytest.raises(LaffError, match=r"stages\.yaml has no stage 'nosuch'; known: ingest, "):
        stages.load().needed(["nosuch"])


def test_the_profile_modern_fuses_published_encoders_and_fine_tunes_nothing():
    graph = stages.load(SHIPPED, "modern")
    needed = set(graph.needed(["report"]))
    assert {"clip", "hf-video", "x3d", "ircsn", "bow", "w2v", "gru"} <= needed
    assert not {"finetune", "clip-ft", "hf"} & needed
    used = {
        name: graph.weights[str(graph.stages[name].params["weights"])] for name in ("clip", "hf-video", "x3d", "ircsn")
    }
    assert all(
        entry.uses == graph.stages[name].uses and entry.source.startswith("https://") for name, entry in used.items()
    )
    assert graph.stages["hf-video"].params["frames"] == 16  # the entry's


def test_a_joint_encoder_needs_what_its_stage_reads_and_not_its_stage():
    graph = stages.load(SHIPPED, None, ["train.joint=[gru]"])
    reads = graph.reads("train")
    assert "gru" not in reads
    assert "w2v" in reads
    assert "ingest" in reads
    assert "gru" not in graph.needed(["report"])


def test_all_mistakes_at_once(tmp_path: Path):
    text = """
thread: 3
threads: 0
weights:
  w: {source: https://x.org/w, sha: 3}
stages:
  ingest: {step: ingest, form: nothing}
  decode: {step: decod, from: ingest}
  un.der: {step: extract}
  flat: 3
  list: {step: extract, uses: extractors.brightness.Brightness, from: ingest, params: [1]}
  colour:
    step: extract
    uses: extractors.brightness.Brightness
    from: decod
    on: tpu
    params: {frame: 3, crop: big, bach: 2, timeout: x}
  bow: {step: extract, uses: extractors.bow.Bo, from: ingest}
  bare: {step: extract, from: ingest}
  blind: {step: train}
  evil: {step: extract, uses: os.system, from: ingest}
  inner: {step: extract, uses: pipeline.run.Request, from: ingest}
"""
    assert mistakes(tmp_path, text, None, ["colour=3", "colou.frames=3", "x.y=3"]) == [
        "unknown key 'thread'; did you mean 'threads'?",
        "threads: 0 should be a whole number of CPU threads, 1 to 1024",
        "stage name 'un.der' should be made of letters, digits, - and _, a letter or digit first: "
        "it is a folder and a command",
        "'flat' should be a mapping with step, uses, from, params, on",
        "'list': params should be a mapping, not [1]",
        "'ingest' has an unknown key 'form'; did you mean 'from'?",
        f"'decode' has the unknown step 'decod'; did you mean 'decode'? (known: {STEPS})",
        "--set colour=3: should be stage.param=value",
        "--set colou.frames=3: no stage 'colou'; did you mean 'colour'?",
        "--set x.y=3: no stage 'x'; known: ingest, decode, list, colour, bow, bare, blind, evil, inner",
        "weights 'w': unknown key 'sha'; did you mean 'sha256'?",
        "weights 'w': file is missing",
        "'colour' reads 'decod', which no stage makes; did you mean 'decode'?",
        "'colour': on is 'tpu'; it should be one of auto, gpu, cpu",
        "'colour': timeout: 'x' should be a number",
        "'colour' cannot use extractors.brightness.Brightness: crop: 'big' should be a whole number",
        "'colour' cannot use extractors.brightness.Brightness: unknown parameter 'frame'; did you mean 'frames'?",
        "'colour' cannot use extractors.brightness.Brightness: unknown parameter 'bach'; did you mean 'batch'?",
        "'blind' names no part: step 'train' needs `uses:`",
        "'bow' cannot use extractors.bow.Bo: no class 'Bo' in extractors.bow; did you mean 'Bow'?",
        "'bare' names no part: add `uses:`, or read from a finetune stage",
        "'evil' cannot use os.system: "
        "'os' is not trusted: parts come from extractors.* and fusion.*, or from --trust os",
        "'inner' cannot use pipeline.run.Request: parts come from extractors.* and fusion.*, not from pipeline.*",
        "'colour' works on videos, so its from should lead to a stage of step 'decode'",
        "'list' works on videos, so its from should lead to a stage of step 'decode'",
        "'blind' reads no video feature",
        "'blind' reads no text feature",
    ]


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        ("train.from=[bow]", "'train' reads no video feature"),
        ("train.from=[colour]", "'train' reads no text feature"),
        ("train.from=[colour, bow, decode]", "'train' reads 'decode', which makes no features"),
        ("train.joint=[gru]", "'train': joint names 'gru', which is not in its from"),
        ("train.joint=[bow]", "'train': 'bow' has no encoder that could be trained inside the model"),
        ("train.from=3", "'train' reads '3', which no stage makes"),
        ("train.from=colour,bow", "'train' reads 'colour,bow', which no stage makes; several are written [colour,bow]"),
        (
            "train.from=",  # the shell gives the rest of `train.from= [colour, bow]` to the command
            "--set train.from=: there is no value; the shell cuts at spaces, so quote what has some: "
            "--set 'train.from=[a, b]' (null stands for nothing, \"''\" for no text)",
        ),
        (
            "train.from=[colour,",
            "--set train.from=[colour,: the bracket is not closed; the shell cuts at spaces, so quote what has some: "
            "--set 'train.from=[colour, …'",
        ),
        ("train.seeds=1,2", "'train': seeds: '1,2' should be a list of whole numbers, such as [1, 2]"),
        (
            "train.baselines=fusion.concat.Concat",
            "'train': baselines: 'fusion.concat.Concat' should be a mapping: further models, such as "
            "{mine: fusion.mine.Mine}: the name of a block or model; or, to change more, a mapping {uses: …, params: "
            "…, video: […], text: […], options: …}",
        ),
        (
            "train.loss=tripled",
            "'train': loss: 'tripled' should be one of 'triplet', 'triplet-caption', 'triplet-both', 'triplet-sum', "
            "'triplet-sum-caption', 'triplet-sum-both', 'triplet-mean', 'triplet-mean-caption', 'triplet-mean-both', "
            "'infonce', 'dual-softmax'; did you mean 'triplet'?",
        ),
        ("train.head=3", "'train' cannot use fusion.laff.LAFF: unknown parameter 'head'; did you mean 'heads'?"),
        (
            "train.dims={}",
            "'train' cannot use fusion.laff.LAFF: unknown parameter 'dims'; known: heads, width, "
            "dropout, raw, norm, epochs, batch, lr, optimizer, weight_decay, decay, plateau, plateau_patience, clip, "
            "patience, warmup, loss, mask, prior, checkpoint, threads, precision, best, average, init, joint_rates, "
            "seeds, own, baselines, singles, joint",
        ),
        ("ingest.shard=3", "'ingest': unknown parameter 'shard'; known: shard_videos, shard_captions"),
        ("bow.fit={epochs: 3}", "'bow': fit: its part is not trained step by step, so there is nothing to set"),
        ("decode.from=train", "stages form a loop: "),
        ("colour.from=ingest", "'colour' works on videos, so its from should lead to a stage of step 'decode'"),
    ],
)
def test_one_mistake_by_a_setting(tmp_path: Path, sets: str, message: str):
    lines = mistakes(tmp_path, SMALL, None, [sets])
    if message.endswith(": "):  # where the loop begins does not matter
        [line] = lines
        assert line.startswith(message)
        assert {"decode", "colour", "train"} == set(line[len(message) :].split(" -> "))
    else:
        assert lines == [message]


def test_mistakes_of_the_file_are_not_put_down_to_settings(tmp_path: Path):
    with pytest.raises(LaffError) as error:
        load(tmp_path, SMALL.replace("{step: extract", "{step: extrakt"), None, ["bow.threshold=1", "colour.frame=2"])
    assert str(error.value).startswith(f"{tmp_path}/stages.yaml: ")
    with pytest.raises(LaffError) as error:
        load(tmp_path, SMALL, None, ["bow.threshold=1", "colour.frame=2"])
    assert str(error.value).startswith(_head(tmp_path, None, ["bow.threshold=1", "colour.frame=2"], 1))


def test_a_misspelt_setting_of_a_fit():
    with pytest.raises(LaffError) as error:
        stages.load(SHIPPED, None, ["gru.fit={epoch: 3}"])
    assert str(error.value).split("\n")[1:] == [
        "  - 'gru': fit: unknown parameter 'epoch'; did you mean 'epochs'?",
    ]


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        (
            "rank.from=[]",
            "'rank' reads nothing; step 'rank' reads one stage of step 'train', and may read one of 'vectors' behind "
            "it",
        ),
        ("evaluate.from=train", "'evaluate' reads train; step 'evaluate' reads one stage of step 'rank'"),
        (
            "report.from=[evaluate, rank]",
            "'report' reads evaluate, rank; step 'report' reads one stage of step 'evaluate'",
        ),
        ("finetune.from=ingest", "'finetune' works on videos, so its from should lead to a stage of step 'decode'"),
    ],
)
def test_a_stage_reads_what_its_step_works_on(sets: str, message: str):
    with pytest.raises(LaffError) as error:
        stages.load(SHIPPED, None, [sets])
    assert str(error.value).split("\n")[1:] == [f"  - {message}"]


def test_a_broken_part_is_told_once(tmp_path: Path):
    """That train gets no feature from it follows, and is left out."""
    text = SMALL.replace("brightness.Brightness", "brightness.Brigtness")
    assert mistakes(tmp_path, text) == [
        "'colour' cannot use extractors.brightness.Brigtness: "
        "no class 'Brigtness' in extractors.brightness; did you mean 'Brightness'?"
    ]


def test_steps_that_stand_once(tmp_path: Path):
    text = SMALL.replace("profiles:", "  again: {step: decode, from: ingest}\nprofiles:")
    assert mistakes(tmp_path, text) == ["2 stages have step 'decode'; one is allowed"]


def test_profiles_that_fit_nothing(tmp_path: Path):
    assert mistakes(tmp_path, SMALL, "quik") == ["no profile 'quik'; did you mean 'quick'? (known: quick)"]
    assert mistakes(tmp_path, SMALL.partition("profiles")[0], "quick") == ["no profile 'quick' (known: none)"]
    assert mistakes(tmp_path, SMALL.replace("{colour: {", "{color: {"), "quick") == [
        "profile 'quick' changes 'color', which is no stage; did you mean 'colour'?"
    ]
    assert mistakes(tmp_path, SMALL.replace("{frames: 2, on: cpu}", "3"), "quick") == [
        "profile 'quick': 'colour' should be a mapping, not 3"
    ]


def test_files_of_another_form(tmp_path: Path):
    for text in ("", "[1]", "stages: [1]", "stage: {}"):
        with pytest.raises(LaffError) as error:
            load(tmp_path, text)
        assert str(error.value) == f"{tmp_path}/stages.yaml: has no 'stages:' mapping; see the README for its form"
    assert mistakes(tmp_path, SMALL.replace("profiles:", "weights: [w]\nprofiles:")) == [
        "weights: should be a mapping, not ['w']"
    ]
    with pytest.raises(LaffError) as error:
        load(tmp_path, SMALL.replace("  bow:", "  colour: {step: extract}\n  bow:"))
    assert str(error.value) == f"{tmp_path}/stages.yaml:7: not valid YAML: 'colour' stands twice"


def test_a_setting_that_is_no_yaml(tmp_path: Path):
    with pytest.raises(LaffError) as error:
        load(tmp_path, SMALL, None, ["train.from=[colour]]"])
    assert str(error.value).startswith("--set train.from:1: not valid YAML: ")


def test_trust(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A package of one's own is used only where it is named."""
    package = tmp_path / "lab"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "grey.py").write_text(
        "class Grey:\n    sides = ('video',)\n    def __init__(self, *, bins: int = 8): ..."
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    text = SMALL.replace("extractors.brightness.Brightness", "lab.grey.Grey")
    assert mistakes(tmp_path, text) == [
        "'colour' cannot use lab.grey.Grey: 'lab' is not trusted: "
        "parts come from extractors.* and fusion.*, or from --trust lab"
    ]
    colour = stages.load(tmp_path / "stages.yaml", trusted=["lab"]).stages["colour"]
    assert colour.params == {"bins": 8}
    assert colour.sides == ("video",)


def test_a_class_without_sides(tmp_path: Path):
    text = SMALL.replace("uses: extractors.bow.Bow", "uses: extractors.base.VideoExtractor")
    assert mistakes(tmp_path, text) == [
        "'bow' cannot use extractors.base.VideoExtractor: the class says no `sides` (as ('video',) or ('text',))"
    ]


def test_a_step_that_computes_on_the_cpu_only(tmp_path: Path):
    text = SMALL.replace("{step: decode, from: ingest}", "{step: decode, from: ingest, on: gpu}")
    assert mistakes(tmp_path, text) == ["'decode': on: gpu has no effect on step 'decode'; it computes on the CPU"]
    assert load(tmp_path, SMALL, sets=["colour.on=gpu"]).stages["colour"].on == "gpu"


def test_the_part_of_a_stage_is_set_like_a_param(tmp_path: Path):
    graph = load(tmp_path, SMALL, sets=["train.uses=fusion.concat.Concat"])
    assert graph.stages["train"].uses == "fusion.concat.Concat"


def test_another_class_leaves_out_what_it_has_no_parameter_for():
    """SEA has no heads and no raw, which the shipped file gives to LAFF; what is given to SEA itself is checked."""
    shipped = stages.load(ROOT / "stages.yaml", "small", ["train.uses=fusion.sea.SEA"]).stages["train"]
    assert shipped.params == {"width": 64, "dropout": 0.2}
    with pytest.raises(LaffError, match=r"cannot use fusion\.sea\.SEA: unknown parameter 'heads'"):
        stages.load(ROOT / "stages.yaml", None, ["train.uses=fusion.sea.SEA", "train.heads=4"])


def test_a_profile_that_is_a_list(tmp_path: Path):
    text = SMALL.replace("  quick: {", "  broken: [a]\n  quick: {")
    assert mistakes(tmp_path, text, "broken") == ["profile 'broken' should be a mapping of stages, not ['a']"]


@pytest.mark.parametrize("name", ["compare", "main", *cli.main.commands])
def test_a_stage_may_not_be_called_as_what_laff_has_already(tmp_path: Path, name: str) -> None:
    """Its folder would be that of comparisons or runs, its command one of ours, which comes first."""
    x3d = f"{{step: extract, uses: extractors.x3d.X3D, from: {name}}}"
    text = f"stages: {{ingest: {{step: ingest}}, {name}: {{step: decode, from: ingest}}, x3d: {x3d}}}"
    what = "the first run" if name == "main" else "a command"
    assert mistakes(tmp_path, text) == [
        f"'{name}' is the name of {what} of laff; call the stage something else, such as my-{name}"
    ]


def test_folders_of_ours_are_commands_too() -> None:
    assert {COMPARISONS, RUNS, "analyze"} <= {*stages.VERBS} == {*cli.main.commands}
    assert stages.FIRST_RUN == MAIN
