"""Every command: its help, what it prints, and what it says when something is wrong."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import av
import click
import numpy as np
import pytest
from click.testing import CliRunner, Result

import cli
from pipeline import yamls
from pipeline.commands.sections import UNTITLED
from pipeline.graph.stages_file import StagesFile
from pipeline.progress import Bar
from pipeline.store.workspace import Workspace
from tests.forked import Forked

ROOT = Path(__file__).resolve().parent.parent
VERBS = tuple(cli.main.commands)
STAGES = tuple(StagesFile(ROOT / "stages.yaml").entries)
HEAVY = (
    "torch",
    "numpy",
    "h5py",
    "scipy",
    "av",
    "PIL",
    "open_clip",
    "timm",
    "gensim",
    "transformers",
    "matplotlib",
    "dask",
)


@pytest.fixture
def laff(monkeypatch: pytest.MonkeyPatch):
    """laff("plan", …): the command in this process, with the project's own stages.yaml in the current folder."""
    monkeypatch.chdir(ROOT)

    def call(*arguments: object) -> Result:
        words = [str(argument) for argument in arguments]
        result = CliRunner().invoke(cli.main, words)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception  # it would be a traceback for a person
        return result

    return call


def process(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "cli.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=120, check=False)


def wrong(result: Result) -> str:
    """The message of a command that failed as it should."""
    assert result.exit_code == 1, result.output
    assert result.output.startswith(("Error: ", "ingest")) or "\nError: " in result.output
    assert "Traceback" not in result.output
    return result.output


def where(tiny, *more: object) -> list[object]:
    return [*tiny.options(), *more]


# Help


def sections(output: str) -> dict[str, list[str]]:
    """The commands that a help text lists, by the title above them."""
    commands: dict[str, list[str]] = {}
    title = ""
    for line in output.partition("Options:")[2].splitlines():
        if line.endswith(":") and not line.startswith(" "):
            title = line.removesuffix(":")
        elif title and line.startswith("  ") and not line.startswith("   "):
            commands.setdefault(title, []).append(line.split()[0])
    return commands


def test_the_help_lists_every_verb_and_stage_once_and_under_a_title(laff) -> None:
    commands = sections(laff("--help").output)
    stages = commands.pop("Stages")
    assert stages == [name for name in STAGES if name not in VERBS]  # in the order of the file
    assert sorted(name for names in commands.values() for name in names) == sorted(VERBS)
    assert UNTITLED not in commands  # no verb was left without a section
    assert "search" in commands["Search"]
    assert {"run", "plan"} <= set(commands["Run"])


def test_no_verb_of_ours_has_a_stages_name() -> None:
    """A verb hides a stage of the same name, which then cannot be made by its name."""
    assert set(VERBS).isdisjoint(STAGES)


@pytest.mark.parametrize("width", [80, 100, 110])
@pytest.mark.parametrize("words", [(), ("weights",), ("analyze",)])
def test_summaries_are_whole_and_in_their_lines(words: tuple[str, ...], width: int, monkeypatch) -> None:
    """As in a terminal of that width: every summary is the first sentence of the command's help."""
    monkeypatch.chdir(ROOT)
    context = click.Context(cli.main)
    group = cli.main.get_command(context, words[0]) if words else cli.main
    assert isinstance(group, click.Group)
    output = CliRunner().invoke(cli.main, [*words, "--help"], terminal_width=width).output
    lists = output.partition("Options:")[2].partition("\n\n")[2]
    assert max(map(len, lists.splitlines())) <= width
    assert "..." not in lists
    flat = " ".join(lists.split())
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        first = (command.short_help or (command.help or "").partition("\n\n")[0]).partition(". ")[0]
        assert f"{name} {' '.join(first.split()).rstrip('.')} " in f"{flat} "


@pytest.mark.parametrize("name", [*VERBS, *STAGES])
def test_each_help_teaches(laff, name: str) -> None:
    result = laff(name, "--help")
    assert result.exit_code == 0
    command = cli.main.get_command(click.Context(cli.main), name)
    assert command is not None
    assert len(command.help or "") > 30
    assert (command.help or "").strip().split("\n")[0].rstrip().endswith((".", ":"))
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.help, f"{name} {option.opts} has no help"
    assert laff(name, "-h").output == result.output


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_says_what_it_is_made_of(laff, name: str) -> None:
    output = laff(name, "--help").output
    assert f"stage '{name}'" in output
    assert "step " in output
    if name in ("x3d", "ircsn", "tf", "gru"):
        assert f"extractors.{name}." in output


def test_examples_stand_in_the_help(laff) -> None:
    assert "laff run  -c collection.yaml -w WORK" in laff("--help").output
    assert "--set train.seeds=[1,2,3]" in laff("run", "--help").output
    assert 'laff search "' in laff("search", "--help").output


def test_help_imports_nothing_heavy() -> None:
    """What takes seconds to import would make --help take seconds."""
    code = (
        "import sys; sys.argv = ['laff', *sys.argv[1:]]\n"
        "import cli\n"
        "try:\n    cli.main()\n"
        "except SystemExit:\n    pass\n"
        "print('LOADED', *sorted({name.partition('.')[0] for name in sys.modules}))\n"
    )
    for words in (["--help"], ["run", "--help"], ["x3d", "--help"], ["--version"]):
        interpreter = subprocess.run(
            [sys.executable, "-c", code, *words], capture_output=True, text=True, cwd=ROOT, timeout=120, check=True
        )
        loaded = set(interpreter.stdout.rpartition("LOADED")[2].split())
        assert "click" in loaded
        assert loaded.isdisjoint(HEAVY), words


def test_help_reads_of_the_steps_and_imports_none() -> None:
    code = (
        "import sys, cli\ntry:\n    cli.main(sys.argv[1:])\nexcept SystemExit:\n    pass\nprint('LOADED', *sys.modules)"
    )
    for words in (["--help"], ["train", "--help"]):
        interpreter = subprocess.run(
            [sys.executable, "-c", code, *words], capture_output=True, text=True, cwd=ROOT, timeout=120, check=True
        )
        output, _, loaded = interpreter.stdout.rpartition("LOADED")
        assert "Train the fusion models on cached features" in output
        assert not [name for name in loaded.split() if name.startswith(("pipeline.steps", "pipeline.run"))]


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files whose YAML was parsed, one entry each time."""
    seen: list[str] = []
    parse = yamls.parse

    def spy(text: str, where: str) -> Any:
        seen.append(where)
        return parse(text, where)

    monkeypatch.setattr(yamls, "parse", spy)
    return seen


@pytest.mark.parametrize("words", [("--help",), ("-h",), (), ("train", "--help"), ("trian", "--help")])
def test_help_parses_the_stages_file_once(laff, parsed: list[str], words: tuple[str, ...]) -> None:
    laff(*words)
    assert parsed == ["stages.yaml"]


@pytest.mark.parametrize("words", [("run", "--help"), ("weights", "--help"), ("--version",)])
def test_what_names_no_stage_parses_nothing(laff, parsed: list[str], words: tuple[str, ...]) -> None:
    laff(*words)
    assert parsed == []


@pytest.mark.parametrize("verb", ["plan", "run", "report", "gc"])
def test_a_command_parses_the_stages_file_once(laff, ran, tmp_path: Path, parsed: list[str], verb: str) -> None:
    again = ran.copy(tmp_path / "again") if verb in ("run", "report") else ran
    assert laff(verb, *where(again)).exit_code == 0
    assert parsed.count(str(again.stages)) == 1
    assert "stages.yaml" not in parsed  # the one of the current folder


def test_the_stages_file_may_be_named_before_the_command(laff, tiny, tmp_path: Path) -> None:
    text = "stages:\n  ingest: {step: ingest}\n  colour: {step: extract, uses: extractors.brightness.Brightness}\n"
    (tmp_path / "mine.yaml").write_text(text)
    for words in (["--stages", tmp_path / "mine.yaml", "--help"], ["-h", f"--stages={tmp_path}/mine.yaml"]):
        output = laff(*words).output
        assert re.search(r"\nStages:\n  ingest +List all videos", output)
        assert re.search(r"\n  colour +Extract this feature", output)
        assert "x3d" not in output.partition("Stages:")[2]
    before = laff("--stages", tmp_path / "mine.yaml", "plan", "-c", tiny.collection, "-w", tmp_path / "w")
    assert "'colour' works on videos, so its from should lead to a stage of step 'decode'" in wrong(before)


def test_stages_files_in_any_state_have_help(laff, tmp_path: Path) -> None:
    """What cannot be a stage is no reason to tell nothing of the others."""
    file = tmp_path / "odd.yaml"
    file.write_text("stages: {7: {step: rank}, list: [1], none: , wrong: {step: ranc}, path: {step: ../cli}}")
    output = laff("--help", "--stages", file).output
    stages = [line.split(maxsplit=1) for line in output.partition("Stages:\n")[2].splitlines()]
    assert stages[0] == ["7", "Rank videos for captions and captions for videos"]
    assert stages[1:] == [[name, "Make this stage"] for name in ("list", "none", "wrong", "path")]
    for text in ("stages: [", "stages: 3", "[]"):
        file.write_text(text)
        result = laff("--help", "--stages", file)
        assert result.exit_code == 0
        assert "Stages:" not in result.output


def test_a_plan_does_without_the_models(ran) -> None:
    code = "import sys, cli\ntry:\n    cli.main()\nexcept SystemExit:\n    print('LOADED', *sorted(sys.modules))"
    interpreter = subprocess.run(
        [sys.executable, "-c", code, "plan", *ran.options()],
        **{"capture_output": True, "text": True, "cwd": ROOT, "timeout": 120, "check": True},
    )
    assert {"torch", "open_clip", "av"}.isdisjoint(interpreter.stdout.rpartition("LOADED")[2].split())


def test_the_version(laff) -> None:
    assert "version" in laff("--version").output


def test_it_runs_as_a_script_and_as_a_command(tmp_path: Path) -> None:
    assert "Text-to-video retrieval" in process("--help", cwd=tmp_path).stdout  # any folder will do
    installed = Path(sys.executable).parent / "laff"
    if not installed.exists():
        pytest.skip("laff is not installed beside this Python")
    ended = subprocess.run([installed, "--help"], capture_output=True, text=True, cwd=tmp_path, timeout=120, check=True)
    assert "Text-to-video retrieval" in ended.stdout


# What is wrong is said in words


@pytest.mark.parametrize("command", ["run", "plan", "x3d", "search"])
def test_a_missing_collection(laff, tmp_path: Path, command: str) -> None:
    words = ["a sentence"] if command == "search" else []
    message = wrong(laff(command, *words, "-c", tmp_path / "none.yaml", "-w", tmp_path / "work", "--profile", "small"))
    assert "none.yaml: cannot be read: No such file" in message
    assert not (tmp_path / "work").exists()


def test_a_missing_option_and_an_unknown_command(laff, tmp_path: Path) -> None:
    result = laff("run", "-w", tmp_path)
    assert result.exit_code == 2
    assert "remembers no run: give -c FILE" in result.output
    result = laff("rnu")
    assert result.exit_code == 2
    assert "No such command 'rnu'" in result.output
    assert "extractors/" not in result.output

    result = laff("brightness")
    assert result.exit_code == 2
    assert (
        "No such command 'brightness'; to make a command of a class in extractors/brightness.py, add an entry that "
        "uses it to a stages.yaml\n"
    ) in result.output


def test_bad_yaml(laff, tiny, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("name: x\ntrain: [1,\n")
    assert "bad.yaml:3: not valid YAML" in wrong(laff("plan", "-c", bad, "-w", tmp_path / "w"))
    words = ["-c", tiny.collection, "-w", tmp_path / "w"]
    assert "bad.yaml:3: not valid YAML" in wrong(laff("plan", *words, "--stages", bad))
    assert "collection.yaml: has no 'stages:'" in wrong(laff("plan", *words, "--stages", tiny.collection))


def test_mistakes_of_a_collection_are_listed_at_once(laff, tiny, tmp_path: Path) -> None:
    changed = tiny.copy(tmp_path / "changed")
    folder = changed.collection.parent
    with (folder / "test.txt").open("a") as file:
        file.write("../etc\ndemo0001\nnobody\n")
    with (folder / "test.caption.txt").open("a") as file:
        file.write("demo0017#9 \nghost#0 a ghost\n")
    message = wrong(laff("run", *where(changed)))
    for text in ("test.txt:7: id '../etc'", "test.txt:8: video 'demo0001'", "'nobody' has no file", "ghost"):
        assert text in message
    assert "test.caption.txt:25:" in message
    assert " problems\n" in message
    assert not changed.work.exists()


def test_unknown_stages_params_profiles_are_told_together(laff, tiny, tmp_path: Path) -> None:
    sets = ("x3d.fames=3", "x3e.frames=3", "train.epochs=many", "nonsense")
    words = [word for text in sets for word in ("--set", text)]
    message = wrong(laff("plan", "-c", tiny.collection, "-w", tmp_path / "w", "--profile", "smal", *words))
    assert "5 problems" in message
    assert "'fames'; did you mean 'frames'?" in message
    assert "no stage 'x3e'; did you mean 'x3d'?" in message
    assert "epochs: 'many' should be a whole number" in message
    assert "--set nonsense: should be stage.param=value" in message
    assert "no profile 'smal'; did you mean 'small'?" in message


def test_an_unknown_stage_to_run(laff, tiny, tmp_path: Path) -> None:
    for command in ("run", "plan"):
        message = wrong(laff(command, "trian", "-c", tiny.collection, "-w", tmp_path / "w", "--profile", "small"))
        assert "has no stage 'trian'; did you mean 'train'?" in message
    assert not (tmp_path / "w").exists()


def test_a_part_that_no_package_has(laff, tiny, tmp_path: Path) -> None:
    changed = tiny.copy(tmp_path / "changed")
    text = changed.stages.read_text().replace("extractors.x3d.X3D", "extractors.x3e.X3D")
    changed.stages.write_text(text.replace("fusion.laff.LAFF", "os.system"))
    message = wrong(laff("plan", *where(changed)))
    assert "'x3d' cannot use extractors.x3e.X3D" in message
    assert "'train' cannot use os.system" in message


def test_a_workspace_in_use_names_its_holder(laff, tiny, tmp_path: Path) -> None:
    with Workspace(tmp_path / "work").lock():
        message = wrong(laff("run", "bow", "-c", tiny.collection, "-w", tmp_path / "work", "--profile", "small"))
    assert f"is in use by process {os.getpid()} on " in message
    assert "wait for it to end" in message


def test_a_file_in_the_place_of_the_workspace(laff, tiny, tmp_path: Path) -> None:
    (tmp_path / "work").write_text("mine")
    message = wrong(laff("run", "bow", "-c", tiny.collection, "-w", tmp_path / "work", "--profile", "small"))
    assert "cannot be used as a workspace" in message
    assert (tmp_path / "work").read_text() == "mine"


def test_missing_weights_are_listed_before_the_work(laff, tiny, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("LAFF_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("LAFF_OFFLINE", "1")
    message = wrong(laff("run", "-c", tiny.collection, "-w", tmp_path / "work", "--stages", tiny.stages))
    assert "4 problems" in message
    for name in ("openai-clip-vit-b-32", "x3d-l-k400", "ircsn-152-ig65m", "timesformer-8x32-howto100m"):
        assert f"'{name}'" in message
    assert message.count("put it at") == 4
    assert not (tmp_path / "work" / "decode").exists()


def test_weights_that_are_no_entry_and_no_file(laff, tiny, tmp_path: Path) -> None:
    words = ["--set", "x3d.weights=x3d-l-k40", "--set", "tf.weights=./none.pth"]
    message = wrong(laff("plan", "-c", tiny.collection, "-w", tmp_path / "work", "--profile", "small", *words))
    assert (
        "weights 'x3d-l-k40' is no entry of stages.yaml or of extractors/weights.yaml; did you mean 'x3d-l-k400'?"
        in message
    )
    assert "'tf': weights: no such file: ./none.pth" in message


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("x3d.crop=8", "crop is 8; it should be at least 32"),
        ("train.heads=0", "heads is 0; it should be at least 1"),
        ("train.lr=-1", "lr is -1.0; it should be above 0"),
        ("train.seeds=[]", "at least one"),
        ("train.seeds=[1, 1]", "different whole numbers"),
        ("train.baselines={laff: fusion.concat.Concat}", "the name 'laff' is taken"),
        ("train.baselines={../x: fusion.concat.Concat}", "'../x' is to be a folder"),
        ("rank.pairs={mean: [x3d, bow]}", "the name 'mean' is taken"),
        ("rank.pairs={two: [x3d]}", "pairs.two should be [video feature, text feature]"),
        ("ingest.shard_videos=0", "a shard holds at least one item"),
        ("x3d.on=gpu", "'x3d' says on: gpu"),
    ],
)
def test_values_that_cannot_be_are_told_before_the_work(laff, tiny, tmp_path: Path, setting: str, message: str) -> None:
    if "gpu" in setting and os.environ["CUDA_VISIBLE_DEVICES"]:
        pytest.skip("these tests may use a GPU here")
    words = ["-c", tiny.collection, "-w", tmp_path / "work", "--profile", "small", "--set", setting]
    assert message in wrong(laff("run", *words))
    assert not (tmp_path / "work" / "decode").exists()


def test_search_before_training(laff, tiny, ran, tmp_path: Path) -> None:
    words = ["-c", tiny.collection, "-w", tmp_path / "none", "--profile", "small"]
    assert "laff is not trained in" in wrong(laff("search", "a dog", *words))
    assert not (tmp_path / "none").exists()
    assert "the sentence is empty" in wrong(laff("search", "  ", *where(ran)))
    message = wrong(laff("search", "a dog", *where(ran, "--model", "lafff")))
    assert (
        "no model 'lafff'; did you mean 'laff'? (trained here: laff, concat, laff-clip-ft, laff-x3d; features "
        in message
    )


def test_failures_above_the_limit_end_with_an_error(laff, tiny, tmp_path: Path) -> None:
    changed = tiny.copy(tmp_path / "changed")
    for name in ("demo0002", "demo0018"):
        (changed.videos / f"{name}.mp4").write_bytes(b"no video at all")
    assert laff("decode", *where(changed)).exit_code == 0
    assert laff("decode", *where(changed, "--max-failures", 2)).exit_code == 0
    message = wrong(laff("decode", *where(changed, "--max-failures", 1)))
    assert "2 videos failed, more than --max-failures 1" in message
    assert wrong(laff("decode", *where(changed, "--max-failures", 0, "--retry-failed")))

    listing = laff("failures", "-w", changed.work)
    assert listing.exit_code == 0
    assert "demo0002  decode" in listing.output
    assert "2 videos failed" in listing.output
    lines = [json.loads(line) for line in laff("failures", "-w", changed.work, "--json").output.splitlines()]
    assert [line["video"] for line in lines] == ["demo0002", "demo0018"]
    assert all(set(line) == {"video", "stage", "reason", "exception", "decoder", "time"} for line in lines)


def test_a_video_that_lost_frames_is_used_and_noted(laff, tiny, tmp_path: Path) -> None:
    changed = tiny.copy(tmp_path / "changed")
    path = changed.videos / "demo0002.mp4"
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for picture in np.random.default_rng(0).integers(0, 256, (40, 64, 64, 3), dtype=np.uint8):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    path.write_bytes(path.read_bytes()[: int(0.8 * path.stat().st_size)])
    ended = laff("decode", *where(changed, "--max-failures", 0))
    assert ended.exit_code == 0
    assert "1 video is used though frames are missing: `" in ended.output
    output = laff("failures", "-w", changed.work).output
    assert "demo0002  decode  used, but the file lacks frames: there are " in output
    assert "of 40 frames" in output
    assert output.endswith("1 video noted\n")
    (line,) = [json.loads(line) for line in laff("failures", "-w", changed.work, "--json").output.splitlines()]
    assert (line["video"], line["kind"]) == ("demo0002", "note")
    assert "nothing to do" in laff("decode", *where(changed)).output
    (changed.work / "failures.jsonl").unlink()
    (changed.work / "decode" / "index.jsonl").unlink()  # the shards know it themselves
    laff("decode", *where(changed))
    assert laff("failures", "-w", changed.work).output == output


def test_an_interrupt_and_a_full_disk_end_in_one_sentence(laff, tiny, tmp_path: Path, monkeypatch) -> None:
    words = ["run", "bow", "-c", tiny.collection, "-w", tmp_path / "work", "--profile", "small"]

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "work/bow/00000.h5")

    monkeypatch.setattr("pipeline.run.run", interrupted)
    stopped = laff(*words)
    assert stopped.exit_code == 130
    assert "Error: interrupted; what is finished is kept" in stopped.output
    monkeypatch.setattr("pipeline.run.run", full)
    assert "the disk is full (work/bow/00000.h5)" in wrong(laff(*words))


def test_a_module_that_is_missing_from_what_is_installed_is_no_package_to_install(
    laff, tiny, tmp_path: Path, monkeypatch
) -> None:
    words = ["run", "bow", "-c", tiny.collection, "-w", tmp_path / "work", "--profile", "small"]
    lacking = "no_such_package"

    def broken(*_: object) -> None:
        raise ModuleNotFoundError(f"No module named {lacking!r}", name=lacking)

    monkeypatch.setattr("pipeline.run.run", broken)
    assert "laff run needs the package no_such_package" in wrong(laff(*words))
    for lacking in ("pipeline.no_such_file", "torchvision.transforms.functional_tensor"):
        with pytest.raises(ModuleNotFoundError, match=lacking):
            laff(*words)


def test_errors_of_the_process_come_without_traceback(tmp_path: Path) -> None:
    ended = process("run", "-c", str(tmp_path / "none.yaml"), "-w", str(tmp_path / "work"))
    assert ended.returncode == 1
    assert ended.stderr.startswith("Error: ")
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""


# What is right


def test_plan_as_json(laff, ran, tmp_path: Path) -> None:
    lines = json.loads(laff("plan", *where(ran, "--json")).output)
    fused = {"clip-ft", "x3d", "bow", "w2v", "gru"}
    others = {"ingest", "decode", "finetune", "train", "vectors", "rank", "evaluate", "report"}
    assert {line["stage"] for line in lines} == fused | others
    for line in lines:
        assert list(line)[:7] == ["stage", "shards", "cached", "stale", "missing", "reasons", "code"]
        assert list(line)[7:] == ["state", "items", "seconds", "from", "random", "asks"]
        assert line["shards"] == line["cached"] > 0
        assert (line["stale"], line["missing"], line["reasons"]) == (0, 0, [])
    words = ["--set", "x3d.frames=5", "--json"]
    of = {line["stage"]: line for line in json.loads(laff("plan", *where(ran, *words)).output)}
    assert (of["x3d"]["stale"], of["x3d"]["reasons"]) == (3, ["frames 4 → 5"])
    assert (of["clip-ft"]["stale"], of["train"]["stale"]) == (0, 6)
    new = ["-c", ran.collection, "-w", tmp_path / "new", "--stages", ran.stages, "--profile", "small", "--json"]
    of = {line["stage"]: line for line in json.loads(laff("plan", "bow", *new).output)}
    assert list(of) == ["ingest", "bow"]
    assert all(line["missing"] == line["shards"] > 0 for line in of.values())
    assert not (tmp_path / "new").exists()


def test_plan_for_people(laff, ran) -> None:
    output = laff("plan", *where(ran, "--set", "x3d.frames=5")).output
    assert "frames 4 → 5" in output
    assert "RANDOM WEIGHTS in " in output
    assert "not needed by report: bert, ircsn, tf, timm, clip, hf, hf-video, conse, clip-ft-frames" in output


def test_the_next_command_of_a_plan_holds_in_any_folder(
    laff, tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also for the stages.yaml and a file of a setting that lie in the current folder."""
    mine = tiny.copy(tmp_path / "my data", work=False).folder
    (mine / "rows.npz").touch()
    monkeypatch.setattr("shutil.which", lambda name: name)
    monkeypatch.chdir(mine)
    given = ["-c", "collection/collection.yaml", "-w", "new work", "--profile", "small", "--name", "heads4"]
    given += ["--set", "x3d.weights=rows.npz", "--retry-failed"]
    here = laff("plan", "bow", *given).output.splitlines()
    words = shlex.split(here[-1].removeprefix("next: "))
    assert words[:2] == ["laff", "run"]
    assert words[words.index("--stages") + 1] == str(mine / "stages.yaml")
    monkeypatch.chdir(tmp_path)
    assert laff("plan", *words[2:]).output.splitlines() == here
    options = ["-c", str(mine / "collection" / "collection.yaml"), "--stages", str(mine / "stages.yaml")]
    options += ["--profile", "small", "--set", f"x3d.weights={mine}/rows.npz"]
    assert words[2:] == ["bow", *options, "--name", "heads4", "-w", f"{mine}/new work", "--retry-failed"]


def test_plan_and_search_change_nothing(laff, ran) -> None:
    before = ran.state()
    assert laff("plan", *where(ran)).exit_code == 0
    assert laff("search", "a red circle", *where(ran, "-k", 3)).exit_code == 0
    assert ran.state() == before


def test_run_with_nothing_to_do_shows_the_table(laff, ran, tmp_path: Path) -> None:
    again = ran.copy(tmp_path / "again")
    output = laff("run", *where(again)).output
    assert "nothing to do: everything is cached" in output
    assert "t2v: 24 captions among 6 videos, coverage 1.000" in output
    assert all(f"\n{row} " in output for row in ("laff", "concat", "mean", "clip-ft", "chance"))
    assert "RANDOM WEIGHTS" in output
    assert "report: file://" in output


def test_a_stage_command_makes_it_and_what_it_needs(laff, tiny, tmp_path: Path) -> None:
    changed = tiny.copy(tmp_path / "changed")
    output = laff("bow", *where(changed)).stdout
    assert [line.split()[0] for line in output.splitlines() if " made in " in line] == ["ingest", "bow"]
    assert "nothing to do" in laff("bow", *where(changed)).output
    assert laff("failures", "-w", changed.work).output == "no failures\n"


def test_an_entry_of_the_stages_file_is_a_command(laff, tiny, tmp_path: Path, forked: Forked) -> None:
    changed = tiny.copy(tmp_path / "changed")
    entry = "\nstages:\n  colour: {step: extract, uses: extractors.brightness.Brightness, from: decode}\n"
    changed.stages.write_text(changed.stages.read_text().replace("\nstages:\n", entry, 1))
    assert "extractors.brightness.Brightness" in laff("colour", "--stages", changed.stages, "--help").output
    command = forked.laff("colour", *changed.options())
    assert command.wait() == 0, command.said()
    assert (changed.work / "colour" / "00002.h5").is_file()
    assert "No such command" in process("colour", "--help").stderr  # the project's own file has no such stage


def test_search_prints_ranks_scores_and_files(laff, ran) -> None:
    output = laff("search", "a red circle moves up", *where(ran, "-k", 3, "--split", "test")).stdout
    lines = [line.split() for line in output.splitlines()]
    assert [line[0] for line in lines] == ["1", "2", "3"]
    assert all(-1 <= float(line[1]) <= 1 and line[2].startswith("demo00") for line in lines)
    assert all(Path(line[3]).is_file() for line in lines)


@pytest.mark.parametrize("verb", ["failures", "verify", "gc", "plan"])
def test_the_line_of_a_run_does_for_every_command(laff, ran, verb: str) -> None:
    """Whoever takes it from the shell's history changes one word."""
    result = laff(verb, *where(ran))
    assert result.exit_code == 0, result.output
    assert laff(verb, "-c", ran.collection, "-w", ran.work, "--stages", ran.stages).exit_code in (0, 1)


def test_a_refused_value_is_told_once_and_what_could_not_be_fetched_under_its_own_head(
    laff, tiny, tmp_path: Path, monkeypatch
) -> None:
    """Three stages ask X3D for its width; the network is no mistake of the stages file."""
    message = wrong(laff("run", *where(tiny, "--set", "x3d.frames=-1")))
    assert message.count("frames is -1; it should be at least 1") == 1
    monkeypatch.setenv("LAFF_OFFLINE", "1")
    monkeypatch.setenv("LAFF_WEIGHTS", str(tmp_path))
    message = wrong(laff("x3d", *where(tiny, "--set", "x3d.weights=x3d-m-k400")))
    assert "Error: weights: 1 problem\n  - x3d: weights 'x3d-m-k400' are not here, and LAFF_OFFLINE forbids" in message
    assert "stages.yaml" not in message


def test_show_a_shard(laff, ran, tmp_path: Path) -> None:
    output = laff("show", ran.work / "x3d" / "00000.h5").output
    assert "values       [8, 2048] float32" in output
    assert "@extractor = extractors.x3d.X3D" in output
    (tmp_path / "text.h5").write_text("not at all")
    assert "not a readable HDF5 file" in wrong(laff("show", tmp_path / "text.h5"))
    assert laff("show", tmp_path / "none.h5").exit_code == 2


def test_failures_of_a_folder_that_is_no_workspace(laff, tmp_path: Path) -> None:
    assert "none: no such workspace" in wrong(laff("failures", "-w", tmp_path / "none"))


def test_the_demo_leaves_other_peoples_folders_alone(laff, tmp_path: Path) -> None:
    (tmp_path / "collection").mkdir()
    (tmp_path / "collection" / "mine.txt").write_text("mine")
    message = wrong(laff("demo", "--folder", tmp_path))
    assert "holds something else" in message
    assert [path.name for path in (tmp_path / "collection").iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("absent", [(), ("pytorchvideo",)], ids=["all is there", "without pytorchvideo"])
def test_the_demo_runs_what_it_made(laff, tiny, tmp_path: Path, monkeypatch, absent: tuple[str, ...]) -> None:
    """The command with its own collection and profile, but a run that only takes notes."""
    monkeypatch.setattr("pipeline.plan.packages.find_spec", lambda name: None if name in absent else name)
    seen = {}

    def make(folder: Path, bar: Bar) -> Path:
        bar.to(480, 480, "")
        shutil.copytree(tiny.collection.parent, folder)
        return folder / "collection.yaml"

    def run(request, targets, *_: object):
        from pipeline.outcome import Outcome

        seen["request"], seen["names"] = request, list(request.graph().stages)
        return Outcome()

    monkeypatch.setattr("pipeline.demo.make_collection", make)
    monkeypatch.setattr("pipeline.run.run", run)
    monkeypatch.setattr("pipeline.commands.demo.print_searches", lambda work: seen.update(work=work))
    result = laff("demo", "--folder", tmp_path / "demo")
    assert result.exit_code == 0
    assert ' search "a red circle moves up" -w ' in result.output
    assert f"videos for {tmp_path / 'demo' / 'collection'}: 480/480 videos in 00:0" in result.stderr
    assert seen["request"].profile == "small"
    without = ["train.from=[clip-ft, tf, bow, w2v, gru]"] if absent else []
    assert seen["request"].sets == ("train.seeds=[1,2,3]", *without)
    told = [f"x3d and ircsn need the package {name}, which is not installed here" for name in absent]
    assert [words for words in told if words in result.output] == told
    assert ("the demo goes without x3d and ircsn\n" in result.output) == bool(absent)
    assert "report" in seen["names"]
    assert seen["work"] == tmp_path / "demo" / "work"
