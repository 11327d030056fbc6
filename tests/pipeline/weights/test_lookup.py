"""From a name to a checked file: where it is looked for, and what is said when it is missing or another one."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import LaffError
from pipeline.graph import stages
from pipeline.graph.graph import Graph, Stage, Weights
from pipeline.parts.code import ROOT
from pipeline.plan.differences import differences
from pipeline.plan.fingerprints import Recipes
from pipeline.plan.plan import absent
from pipeline.plan.planned import Planned
from pipeline.plan.units import Unit
from pipeline.store.workspace import Workspace
from pipeline.weights import lookup

ONE = hashlib.sha256(b"one").hexdigest()
TEXT = f"""
weights:
  open: {{source: https://nowhere.invalid/open.pth, file: open.pth}}
  sealed: {{source: https://nowhere.invalid/sealed.pth, file: sealed.pth, sha256: {ONE}}}
  asked: {{source: a form at nowhere.invalid, file: asked.pth}}
  mine: {{source: https://nowhere.invalid/mine.pth, file: mine.pth, path: PATH/mine.pth}}
  folder: {{source: https://nowhere.invalid/net/, file: net, files: {{config.json: null}}, licence: MIT}}
  packed: {{source: "package:carrier/data/net.pth", file: net.pth}}
stages:
  ingest: {{step: ingest}}
  decode: {{step: decode, from: ingest}}
  x3d: {{step: extract, uses: extractors.x3d.X3D, from: decode, params: {{weights: sealed}}}}
  finetune: {{step: finetune, uses: extractors.clip_ft.ClipFt, from: decode, params: {{weights: asked}}}}
  clip-ft: {{step: extract, from: [decode, finetune]}}
  conse:
    step: extract
    uses: extractors.conse.Conse
    from: decode
    params: {{weights: open, sentences: folder}}
  bow: {{step: extract, uses: extractors.bow.Bow, from: ingest}}
"""

Machine = Callable[..., tuple[Stage, Graph, Workspace]]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """`machine("x3d", "x3d.weights=open")`: the stage, the graph, a workspace; weights lie in tmp_path/store."""
    monkeypatch.setenv("LAFF_WEIGHTS", str(tmp_path / "store"))
    (tmp_path / "store").mkdir()
    (tmp_path / "WORK").mkdir()
    (tmp_path / "stages.yaml").write_text(TEXT.replace("PATH", str(tmp_path)))

    def build(stage: str, *sets: str) -> tuple[Stage, Graph, Workspace]:
        graph = stages.load(tmp_path / "stages.yaml", None, sets)
        return graph.stages[stage], graph, Workspace(tmp_path / "WORK")

    return build


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Instead of the network: each download brings b"one"; the addresses asked for."""
    asked: list[str] = []

    def download(url: str, target: str, _: object) -> None:
        asked.append(url)
        Path(target).write_bytes(b"one")

    monkeypatch.setattr("pooch.HTTPDownloader", lambda **_: download)
    monkeypatch.delenv("HF_HUB_OFFLINE")
    return asked


def message(function: Callable[[], object]) -> str:
    with pytest.raises(LaffError) as error:
        function()
    return str(error.value)


def test_where_weights_are_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("LAFF_WEIGHTS", str(tmp_path))
    assert lookup.folder() == tmp_path
    monkeypatch.setenv("LAFF_WEIGHTS", "~/models")
    assert lookup.folder() == Path.home() / "models"
    monkeypatch.setenv("LAFF_WEIGHTS", "")  # as good as unset
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert lookup.folder() == Path("/cache/laff/weights")
    monkeypatch.delenv("LAFF_WEIGHTS")
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert lookup.folder() == Path.home() / ".cache/laff/weights"


def test_a_file_that_is_here(machine: Machine, tmp_path: Path):
    (tmp_path / "store" / "sealed.pth").write_bytes(b"one")
    stage, graph, work = machine("x3d")
    assert lookup.get(stage, graph, work) == tmp_path / "store" / "sealed.pth"
    assert lookup.digest(stage, graph, work) == ONE


def test_another_file_under_its_name(machine: Machine, tmp_path: Path):
    file = tmp_path / "store" / "sealed.pth"
    file.write_bytes(b"two")
    two = hashlib.sha256(b"two").hexdigest()
    assert message(lambda: lookup.get(*machine("x3d"))) == (
        f"x3d: {file} has sha256 {two}, but 'sealed' should have {ONE}: "
        "the file is damaged or another one; delete it and fetch it again"
    )


def test_a_file_that_is_fetched(machine: Machine, tmp_path: Path, fetched: list[str]):
    stage, graph, work = machine("x3d")
    assert lookup.digest(stage, graph, work) == ONE  # known before it is here
    assert lookup.get(stage, graph, work) == tmp_path / "store" / "sealed.pth"
    assert lookup.get(stage, graph, work) == tmp_path / "store" / "sealed.pth"
    assert fetched == ["https://nowhere.invalid/sealed.pth"]


def test_a_fetched_file_without_a_published_sha256(machine: Machine, tmp_path: Path, fetched: list[str]):
    stage, graph, work = machine("x3d", "x3d.weights=open")
    assert lookup.digest(stage, graph, work) == "missing:open"
    with work.lock():
        path = lookup.get(stage, graph, work)
        assert lookup.digest(stage, graph, work) == ONE
    assert path is not None
    path.unlink()  # what was made with it keeps its fingerprint when the cache is emptied
    assert lookup.digest(stage, graph, Workspace(work.root)) == ONE


def test_a_file_that_people_have_to_ask_for(machine: Machine, tmp_path: Path):
    """clip-ft takes its weights from finetune: there they are set."""
    wanted = (
        "{}: weights 'asked' are not here. Get asked.pth from a form at nowhere.invalid by other means, "
        f"put it at {tmp_path}/store/asked.pth (or --set finetune.weights=FILE, or =random for a demo)"
    )
    for name in ("finetune", "clip-ft"):
        stage, graph, work = machine(name)
        assert message(lambda stage=stage, graph=graph, work=work: lookup.get(stage, graph, work)) == (
            wanted.format(name)
        )


def test_an_own_path_in_the_entry(machine: Machine, tmp_path: Path, fetched: list[str]):
    """It is taken in place of the download, which is not tried."""
    stage, graph, work = machine("x3d", "x3d.weights=mine")
    (tmp_path / "store" / "mine.pth").write_bytes(b"two")
    assert lookup.digest(stage, graph, work) == "missing:mine"
    assert message(lambda: lookup.get(stage, graph, work)) == (
        f"x3d: weights 'mine' are not at {tmp_path}/mine.pth. Put them there, or correct `path:` of the entry "
        "(or --set x3d.weights=FILE, or =random for a demo)"
    )
    (tmp_path / "mine.pth").write_bytes(b"one")
    assert lookup.get(stage, graph, work) == tmp_path / "mine.pth"
    assert lookup.digest(stage, graph, work) == ONE
    assert fetched == []


def test_a_file_in_place_of_a_name(machine: Machine, tmp_path: Path):
    (tmp_path / "net.pt").write_bytes(b"one")
    stage, graph, work = machine("x3d", f"x3d.weights={tmp_path}/net.pt")
    assert lookup.check(stage, graph) == ""
    assert lookup.get(stage, graph, work) == tmp_path / "net.pt"
    assert lookup.digest(stage, graph, work) == ONE


def test_what_a_file_was_is_known_however_it_is_typed(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Once it is gone, what was made with it stands for a run from another folder too."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.pt").write_bytes(b"one")
    stage, graph, work = machine("x3d", "x3d.weights=net.pt")
    with work.lock():
        assert lookup.digest(stage, graph, work) == ONE
    (tmp_path / "net.pt").unlink()
    monkeypatch.chdir("/")
    stage, graph, work = machine("x3d", f"x3d.weights={tmp_path}/net.pt")
    assert lookup.digest(stage, graph, work) == ONE


def test_what_a_package_carries(machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Found without importing the package."""
    stage, graph, work = machine("x3d", "x3d.weights=packed")
    assert lookup.find(graph.weights["packed"]) is None
    (tmp_path / "carrier" / "data").mkdir(parents=True)
    (tmp_path / "carrier" / "__init__.py").write_text("raise RuntimeError")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert lookup.find(graph.weights["packed"]) is None
    (tmp_path / "carrier" / "data" / "net.pth").write_bytes(b"one")
    assert lookup.get(stage, graph, work) == tmp_path / "carrier" / "data" / "net.pth"


@pytest.mark.parametrize(("stage", "sets"), [("x3d", ["x3d.weights=random"]), ("bow", []), ("decode", [])])
def test_no_file(machine: Machine, stage: str, sets: Sequence[str]):
    settings = machine(stage, *sets)
    assert lookup.get(*settings) is None
    assert lookup.digest(*settings) == ("random" if sets else "")
    assert lookup.check(settings[0], settings[1]) == ""
    assert settings[0].random is bool(sets)


def test_names_that_are_nowhere(machine: Machine, tmp_path: Path):
    stage, graph, _ = machine("x3d", "x3d.weights=seald")
    assert lookup.check(stage, graph) == (
        "'x3d': weights 'seald' is no entry of stages.yaml or of extractors/weights.yaml; did you mean "
        "'sealed'? (or give a file, or 'random' for a demo)"
    )
    stage, graph, work = machine("x3d", f"x3d.weights={tmp_path}/none.pt")
    assert lookup.check(stage, graph) == f"'x3d': weights: no such file: {tmp_path}/none.pt"
    assert message(lambda: lookup.get(stage, graph, work)) == f"x3d: weights: no such file: {tmp_path}/none.pt"


@pytest.mark.parametrize("name", ["google/siglip2-base", "HF:google/siglip2-base", "google/siglip2-base@main"])
def test_a_repository_is_named_with_its_prefix(machine: Machine, name: str):
    graph = stages.load(ROOT / "stages.yaml", None, [f"hf.weights={name}", f"x3d.weights={name}"])
    written = f"hf:{name.removeprefix('HF:')}"
    wrong = f"'hf': weights: no such file: {name}; for a repository of the hub write {written}"
    assert lookup.check(graph.stages["hf"], graph) == wrong
    assert lookup.check(graph.stages["x3d"], graph) == f"'x3d': weights: no such file: {name}"  # it takes none


def test_what_the_shipped_stages_name_is_there():
    graph = stages.load(ROOT / "stages.yaml")
    assert [wrong for stage in graph.stages.values() if (wrong := lookup.check(stage, graph))] == []
    packed = graph.weights["efficientnet-lite0"]
    path = lookup.find(packed)
    assert path is not None
    assert hashlib.sha256(path.read_bytes()).hexdigest() == packed.sha256 == lookup.published(packed)


def sealed_folder(folder: Path) -> Weights:
    """Writes a folder of two files; its entry, with their hashes."""
    inside = {"config.json": b"{}", "model/net.bin": b"one"}
    for name, content in inside.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    hashes: dict[str, str | None] = {name: hashlib.sha256(content).hexdigest() for name, content in inside.items()}
    return Weights("net", "https://x.org/", folder.name, files=hashes)


def test_a_folder_counts_with_all_files_that_may_be_read(tmp_path: Path):
    entry = sealed_folder(tmp_path / "net")
    assert lookup.published(entry) == lookup.sha256_of(tmp_path / "net")
    (tmp_path / "net" / ".cache").write_text("hidden")
    (tmp_path / "net" / "a.sha256").write_text("a note")
    assert lookup.published(entry) == lookup.sha256_of(tmp_path / "net")
    (tmp_path / "net" / "model" / "vocab.txt").write_text("not published, but a tokenizer may read it")
    assert lookup.published(entry) != lookup.sha256_of(tmp_path / "net")
    assert lookup.damage(entry, tmp_path / "net") == ""
    (tmp_path / "net" / "config.json").write_text("{ }")
    assert "config.json has sha256" in lookup.damage(entry, tmp_path / "net")


def test_what_is_not_whole_is_not_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LAFF_WEIGHTS", str(tmp_path))
    net, again = tmp_path / "net", "delete it and `laff weights get net`"
    entry = sealed_folder(net)
    assert lookup.find(entry) == net
    (net / "config.json").unlink()
    wrong = f"weights 'net': {net} has no config.json, which 'net' should have; put it there, or {again}"
    assert lookup.find(entry) is None
    assert message(lambda: lookup.obtain(entry)) == wrong
    (net / "model" / "net.bin").unlink()
    (net / "model").rmdir()
    assert message(lambda: lookup.obtain(entry)) == f"weights 'net': {net} is an empty folder; {again}"
    net.rmdir()
    net.touch()
    wrong = f"weights 'net': {net} is a file, but 'net' is a folder with config.json, model/net.bin; {again}"
    assert message(lambda: lookup.obtain(entry)) == wrong
    single = Weights("one", "https://x.org/one", "one.pth", sha256=ONE)
    (tmp_path / "one.pth" / "a").mkdir(parents=True)
    assert "is a folder, but 'one' is a file" in message(lambda: lookup.obtain(single))


@pytest.mark.parametrize("other", ["model.safetensors", "pytorch_model.bin.index.json", "open_clip_model.safetensors"])
def test_weights_beside_the_listed_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: str):
    """A reader that prefers them would compute with what nobody checked."""
    monkeypatch.setenv("LAFF_WEIGHTS", str(tmp_path))
    (tmp_path / "net").mkdir()
    for name in ("config.json", "pytorch_model.bin", other):
        (tmp_path / "net" / name).write_text("{}")
    entry = Weights("net", "https://x.org/", "net", files={"config.json": None, "pytorch_model.bin": None})
    said = message(lambda: lookup.obtain(entry))
    assert said.startswith(f"weights 'net': {tmp_path}/net holds {other} beside the files of 'net'")
    assert "remove it" in said
    (tmp_path / "net" / other).unlink()
    assert lookup.obtain(entry) == tmp_path / "net"


def test_a_tokenizer_beside_the_file_counts_where_it_is_read(machine: Machine, tmp_path: Path):
    for name in ("asked.pth", "open.pth"):
        (tmp_path / "store" / name).write_bytes(b"one")
    clip, x3d = machine("finetune"), machine("x3d", "x3d.weights=open")
    assert lookup.digest(*clip) == lookup.digest(*x3d) == ONE
    seen = {ONE}
    for name, content in (("tokenizer.json", "{}"), ("tokenizer.json", "{ }"), ("tokenizer_config.json", "{}")):
        (tmp_path / "store" / name).write_text(content)
        seen.add(lookup.digest(*clip))
    assert len(seen) == 4
    assert lookup.digest(*x3d) == ONE


def test_an_own_path_starts_at_the_stages_file(machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    text = (tmp_path / "stages.yaml").read_text()
    (tmp_path / "stages.yaml").write_text(text.replace(f"{tmp_path}/mine.pth", "models/mine.pth"))
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "mine.pth").write_bytes(b"one")
    monkeypatch.chdir(tmp_path / "store")
    assert lookup.get(*machine("x3d", "x3d.weights=mine")) == tmp_path / "models" / "mine.pth"


def test_what_a_shard_says_of_its_weights(machine: Machine, tmp_path: Path):
    def attributes_of(*sets: str, stage: str = "x3d") -> dict[str, str]:
        return lookup.about(*machine(stage, *sets)[:2])

    source = "https://nowhere.invalid/sealed.pth"
    assert attributes_of() == {"weights_name": "sealed", "weights_source": source, "weights_licence": ""}
    assert attributes_of("x3d.weights=mine")["weights_source"] == "a file of the user's"
    assert attributes_of("x3d.weights=random") == {"weights_name": "random"}
    assert attributes_of(f"x3d.weights={tmp_path}/net.pt") == {"weights_name": "net.pt"}
    assert attributes_of(stage="bow") == {}


def test_a_download_does_not_stale_what_it_made(machine: Machine, fetched: list[str]):
    """A file without a published sha256 is known by its bytes once it is here; nothing is made before that."""
    from pipeline import readiness
    from pipeline.items.catalog import Catalog
    from pipeline.plan.context import Context

    _, graph, work = machine("x3d", "x3d.weights=open")
    context = Context(graph, Catalog(), work)
    planned = context.fingerprint("x3d")
    assert fetched == []  # a plan fetches nothing
    one, zero = np.ones(1, np.int64), np.zeros(1, np.int64)
    context.catalog = Catalog(["a"], ["a.mp4"], ["x"], one, one, video_split=zero, video_shard=zero)
    readiness.check_work(context, ["x3d"])
    assert fetched == ["https://nowhere.invalid/open.pth"]
    made_with = context.fingerprint("x3d")
    assert made_with != planned
    _, graph, work = machine("x3d", "x3d.weights=open")
    assert Context(graph, context.catalog, work).fingerprint("x3d") == made_with  # the next run finds it cached


def test_a_part_is_given_the_place_of_a_file_of_the_user_s(machine: Machine, tmp_path: Path, monkeypatch):
    """Absolute, so that a worker in another folder finds what lies beside it; names of the catalogue stay names."""
    (tmp_path / "net.pt").write_bytes(b"one")
    monkeypatch.chdir(tmp_path)
    for name, expected in (
        ("net.pt", tmp_path / "net.pt"),
        ("mine", tmp_path / "mine.pth"),
        ("sealed", None),
        ("random", None),
    ):
        _, graph, _ = machine("x3d", f"x3d.weights={name}")
        path = lookup.own_file(name, graph)
        assert (path and path.absolute()) == expected


def test_a_part_may_read_further_weights(machine: Machine, tmp_path: Path):
    """What its class lists in WEIGHTS: found, counted, described and asked for as `weights` are, by its own name."""
    (tmp_path / "store" / "open.pth").write_bytes(b"one")
    net = tmp_path / "store" / "net"
    stage, graph, work = machine("conse", f"conse.sentences={net}")
    assert lookup.check(stage, graph) == f"'conse': sentences: no such file: {net}"
    stage, graph, work = machine("conse", "conse.sentences=foldr")
    assert lookup.check(stage, graph).startswith("'conse': sentences 'foldr' is no entry of stages.yaml")
    stage, graph, work = machine("conse", "conse.sentences=random")
    assert lookup.further(stage, graph, work) == {"sentences": None}
    assert stage.random

    net.mkdir()
    (net / "config.json").write_text("{}")
    stage, graph, work = machine("conse")
    assert lookup.get(stage, graph, work) == tmp_path / "store" / "open.pth"
    assert lookup.further(stage, graph, work) == {"sentences": net}
    assert lookup.about(stage, graph) == {
        **{"weights_name": "open", "weights_source": "https://nowhere.invalid/open.pth", "weights_licence": ""},
        **{"sentences_name": "folder", "sentences_source": "https://nowhere.invalid/net/", "sentences_licence": "MIT"},
    }
    recipe = Recipes(graph, work, tmp_path / "collection.yaml").part(stage)
    assert recipe["weights of sentences"] == lookup.digest(stage, graph, work, "sentences")
    assert "sentences" not in recipe["params"]
    (net / "config.json").write_text("{ }")
    now = Recipes(graph, work, tmp_path).part(stage)
    (other,) = differences(recipe, now)  # a setting of its own, about which a run asks before it replaces features
    before, after = (one["weights of sentences"][:12] for one in (recipe, now))
    assert str(other) == f"weights of sentences {before}… → {after}…"


def test_further_weights_that_are_missing_are_asked_for_by_their_name(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("LAFF_OFFLINE", "1")
    stage, graph, work = machine("conse")
    said = message(lambda: lookup.further(stage, graph, work))
    assert said.startswith("conse: weights 'folder' are not here")
    assert "--set conse.sentences=FILE" in said
    assert absent(graph, [Planned("conse", missing=[Unit("video/00000.h5", "", "", {}, ())])]) == {
        "conse": "open, folder"
    }
