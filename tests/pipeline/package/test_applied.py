"""The graph of a package: what learns stands ready, and no setting changes what it makes."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pipeline import files
from pipeline.errors import LaffError, Problems
from pipeline.graph import models, published
from pipeline.package import applied, manifest
from pipeline.packing.pack import pack
from pipeline.run import run
from tests.pipeline.kept import Small

GIVEN = ("one.file=one.npz", "other.file=other.npz")


@pytest.fixture(scope="module")
def package(small: Small, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """To be read only."""
    return small.pack(tmp_path_factory.mktemp("package") / "OUT", "laff", "concat/seed2")


def edited(package: Path, folder: Path, **params: dict[str, object]) -> Path:
    """A copy whose stages file has these params, and whose package.yaml knows it."""
    out = folder / "OUT"
    for path in package.rglob("*"):
        if path.is_file():
            (out / path.relative_to(package)).parent.mkdir(parents=True, exist_ok=True)
            (out / path.relative_to(package)).write_bytes(path.read_bytes())
    stages = yaml.safe_load((out / manifest.STAGES).read_text())
    for stage, changes in params.items():
        stages["stages"][stage].setdefault("params", {}).update(changes)
    (out / manifest.STAGES).write_text(yaml.safe_dump(stages))
    content = yaml.safe_load((out / manifest.NAME).read_text())
    content["files"][manifest.STAGES] = files.sha256(out / manifest.STAGES)
    (out / manifest.NAME).write_text(yaml.safe_dump(content))
    return out


def test_nothing_is_learned_and_videos_need_no_texts(package: Path) -> None:
    graph = applied.graph(package, GIVEN)
    assert [stage.name for stage in graph.stages.values() if stage.fitted] == []
    assert [stage.name for stage in graph.stages.values() if stage.packed] == ["bow", "train"]
    assert graph.needed(["vectors"]) == ["ingest", "one", "other", "train", "vectors"]
    assert "bow" in graph.needed(["rank"])
    train = graph.of_step("train")
    assert {model.name: model.seeds for model in models.of(graph, train)} == {"laff": (1,), "concat": (2,)}
    assert graph.stages["vectors"].options["models"] == ["laff/seed1", "concat/seed2"]


@pytest.mark.parametrize(
    "text",
    [
        "bow.threshold=2",
        "bow.uses=extractors.brightness.Brightness",
        "bow.dtype=float16",
        "train.heads=4",
        "train.seeds=[1]",
        "train.from=[one]",
        "train.own=false",
        "train.baselines={}",
        "vectors.from=train",
    ],
)
def test_what_is_packaged_cannot_be_set(package: Path, text: str) -> None:
    with pytest.raises(LaffError, match=r"the package fixes how its features and models are made.*without --package"):
        applied.graph(package, (*GIVEN, text))


@pytest.mark.parametrize(
    "text", ["vectors.dtype=float16", "vectors.models=[laff]", "rank.k=7", "bow.batch=3", "bow.on=cpu", "one.ids=ids"]
)
def test_what_changes_no_vector_can_be_set(package: Path, text: str) -> None:
    where, _, value = text.partition("=")
    stage = applied.graph(package, (*GIVEN, text)).stages[where.partition(".")[0]]
    key = where.partition(".")[2]
    assert yaml.safe_load(value) == (stage.on if key == "on" else stage.options[key])


def test_imported_features_are_a_collections_own(package: Path) -> None:
    with pytest.raises(LaffError, match=r"'other' takes features that others extracted.*--set other.file=FILE"):
        applied.graph(package, GIVEN[:1])


def test_a_changed_stages_file_is_refused(package: Path, tmp_path: Path) -> None:
    out = edited(package, tmp_path)
    applied.graph(out, GIVEN)
    with (out / manifest.STAGES).open("a") as file:
        file.write("\n")
    with pytest.raises(LaffError, match=r"stages.yaml has changed since the package was made"):
        applied.graph(out, GIVEN)


def test_it_reads_no_file_that_nobody_gave(package: Path, tmp_path: Path) -> None:
    with pytest.raises(LaffError, match=r"'one': file names '/etc/passwd', which is out of the package"):
        applied.graph(edited(package, tmp_path / "a", one={"file": "/etc/passwd"}), GIVEN[1:])
    with pytest.raises(LaffError, match=r"'one': file names '\.\./rows.npz', which is out of the package"):
        applied.graph(edited(package, tmp_path / "b", one={"file": "../rows.npz"}), GIVEN[1:])


def test_only_parts_of_laff_are_imported(package: Path, tmp_path: Path) -> None:
    out = edited(package, tmp_path, train={"baselines": {"concat": {"uses": "subprocess.Popen"}}})
    with pytest.raises(LaffError, match="'subprocess' is not trusted"):
        models.of(applied.graph(out, GIVEN), applied.graph(out, GIVEN).of_step("train"))


WEIGHTS = """
stages:
  ingest: {step: ingest}
  decode: {step: decode, from: ingest}
  x3d: {step: extract, uses: extractors.x3d.X3D, from: decode, params: {weights: NAME}}
  vectors: {step: vectors}
"""


def with_weights(folder: Path, name: str, **entry: object) -> Path:
    """A package of nothing but a feature, whose stages file says this of its weights."""
    stages = yaml.safe_load(WEIGHTS.replace("NAME", name)) | {"weights": {name: entry}}
    (folder / manifest.STAGES).write_text(yaml.safe_dump(stages))
    listed = {manifest.STAGES: files.sha256(folder / manifest.STAGES)}
    (folder / manifest.NAME).write_text(yaml.safe_dump({"package": 1, "version": "0.1.0", "files": listed}))
    return folder


def test_weights_are_fetched_from_where_this_laff_says(tmp_path: Path) -> None:
    ours = published.entries({}, Problems())["x3d-l-k400"]
    said = {"uses": "extractors.x3d.X3D", "source": "https://evil.example/x", "file": "any", "sha256": ours.sha256}
    found = applied.graph(with_weights(tmp_path, "x3d-l-k400", **said)).weights["x3d-l-k400"]
    assert (found.source, found.file) == (ours.source, ours.file)


@pytest.mark.parametrize(("name", "state"), [("x3d-l-k400", "knows as others"), ("mine", "does not know")])
def test_other_weights_are_not_fetched(tmp_path: Path, name: str, state: str) -> None:
    said = {"uses": "extractors.x3d.X3D", "source": "https://evil.example/x", "file": "any", "sha256": "0" * 64}
    with pytest.raises(LaffError, match=f"'{name}', which this laff {state}, .*--with-weights"):
        applied.graph(with_weights(tmp_path, name, **said))


def test_weights_lie_in_the_package(tmp_path: Path) -> None:
    applied.graph(with_weights(tmp_path, "mine", path="weights/mine/x.pt"))
    for path in ("/etc/passwd", "../x.pt", "x.pt"):
        with pytest.raises(LaffError, match=r"weights 'mine' lie at .*, out of the package"):
            applied.graph(with_weights(tmp_path, "mine", path=path))


def test_second_scoring_is_asked_for_where_a_package_is_applied(small: Small, tmp_path: Path) -> None:
    """The package of a run with it has none, for its params may name what it lacks. Asked for, all is alike."""
    home, again = small.copy(tmp_path / "home"), "rank.rescore=[dual-softmax, qb-norm]"
    home.run(sets=(again,))
    package = pack(home.request(again), tmp_path / "package", ("laff", "concat"), False, False).out
    assert "rescore" not in (package / manifest.STAGES).read_text()
    work = tmp_path / "work"
    run(home.applied(package, work), ())
    assert [folder.name for folder in (work / "rank").glob("laff*")] == ["laff"]
    run(home.applied(package, work, again), ())
    files_of = [
        {path.relative_to(at): path.read_bytes() for path in at.glob("*+*/seed1/*.gz")}
        for at in (work / "rank", home.work / "rank")
    ]
    assert len(files_of[0]) == 6
    assert files_of[0] == files_of[1]
