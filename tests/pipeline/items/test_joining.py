"""Collections put together: what each split takes, ids that stay different, and mistakes with their files."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.errors import LaffError
from pipeline.items import collection
from pipeline.items.lists import Caption
from pipeline.items.windows import Window
from pipeline.wording import number_of

Write = Callable[..., Path]


def data_set(root: Path, name: str, more: str = "", **splits: dict[str, list[str]]) -> Path:
    """A collection of {split: {video: captions}} with an empty file for each video; returns its yaml."""
    folder = root / name
    (folder / "videos").mkdir(parents=True, exist_ok=True)
    text = f"name: {name}\nvideos: videos\n{more}"
    for split, videos in splits.items():
        (folder / f"{split}.ids").write_text("".join(f"{video}\n" for video in videos))
        captions = [
            f"{video}#{number} {text}\n" for video, texts in videos.items() for number, text in enumerate(texts)
        ]
        (folder / f"{split}.txt").write_text("".join(captions))
        text += f"{split}: {{ids: {split}.ids" + (f", captions: {split}.txt}}\n" if captions else "}\n")
        for video in videos:
            (folder / "videos" / f"{video}.mp4").touch()
    (folder / f"{name}.yaml").write_text(text)
    return folder / f"{name}.yaml"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """`write("train: …")` writes an all.yaml beside four collections, of which gifs and clips share ids."""
    data_set(tmp_path, "gifs", train={"v1": ["a cat runs", "a cat"], "v2": ["a dog"]}, val={"v3": ["a cow"]})
    data_set(
        tmp_path, "clips", train={"v1": ["a man sings"]}, val={"v2": ["a girl"]}, test={"v9": ["a car"], "v8": ["rain"]}
    )
    data_set(tmp_path, "topics", val={"s1": ["a boat"]})
    data_set(tmp_path, "shots", test={"shot1_1": [], "shot1_2": []})

    def change(text: str) -> Path:
        (tmp_path / "all.yaml").write_text(text)
        return tmp_path / "all.yaml"

    return change


def mistakes(path: Path) -> list[str]:
    """The lines of the error, without the folder, in order."""
    with pytest.raises(LaffError) as error:
        collection.load(path)
    head, *lines = str(error.value).split("\n")
    assert head == f"{path}: {number_of(lines, 'problems')}"
    return [line.removeprefix("  - ").replace(f"{path.parent}/", "") for line in lines]


def test_two_to_learn_from_a_third_to_choose_by_a_fourth_to_rank(write: Write, tmp_path: Path):
    path = write(
        "name: avs\ntrain: [gifs/gifs.yaml, clips/clips.yaml]\nval: topics/topics.yaml\ntest: shots/shots.yaml\n"
    )
    loaded = collection.load(path)
    assert (loaded.name, loaded.path) == ("avs", path)
    assert loaded.ids == {
        "train": ["gifs/v1", "gifs/v2", "clips/v1"],
        "val": ["topics/s1"],
        "test": ["shot1_1", "shot1_2"],  # what is ranked keeps its ids
    }
    assert list(loaded.captions["train"]) == [
        Caption("gifs/v1#0", "gifs/v1", "a cat runs"),
        Caption("gifs/v1#1", "gifs/v1", "a cat"),
        Caption("gifs/v2#0", "gifs/v2", "a dog"),
        Caption("clips/v1#0", "clips/v1", "a man sings"),
    ]
    assert list(loaded.captions["val"]) == [Caption("topics/s1#0", "topics/s1", "a boat")]
    assert not loaded.captions["test"]
    assert loaded.files == {
        "gifs/v1": f"{tmp_path}/gifs/videos/v1.mp4",
        "gifs/v2": f"{tmp_path}/gifs/videos/v2.mp4",
        "clips/v1": f"{tmp_path}/clips/videos/v1.mp4",
        "topics/s1": f"{tmp_path}/topics/videos/s1.mp4",
        "shot1_1": f"{tmp_path}/shots/videos/shot1_1.mp4",
        "shot1_2": f"{tmp_path}/shots/videos/shot1_2.mp4",
    }
    assert loaded.prefixes == {"gifs": "gifs/", "clips": "clips/", "topics": "topics/", "shots": ""}


def test_all_or_some_splits_of_a_collection(write: Write):
    loaded = collection.load(
        write(
            "train:\n- {collection: clips/clips.yaml, split: all}\n"
            "- {collection: gifs/gifs.yaml, split: [val, train], prefix: g/if}\n"
            "val: {collection: topics/topics.yaml, split: val}\n"
        )
    )
    assert loaded.ids == {
        "train": ["clips/v1", "clips/v2", "clips/v9", "clips/v8", "g/if/v1", "g/if/v2", "g/if/v3"],
        "val": ["topics/s1"],
        "test": [],
    }
    assert loaded.prefixes == {"clips": "clips/", "g/if": "g/if/", "topics": "topics/"}


def test_one_collection_keeps_its_ids(write: Write):
    loaded = collection.load(write("train: clips/clips.yaml\nval: clips/clips.yaml\ntest: ./clips/clips.yaml\n"))
    assert loaded.ids == {"train": ["v1"], "val": ["v2"], "test": ["v9", "v8"]}
    more = collection.load(
        write("train: [clips/clips.yaml, gifs/gifs.yaml]\nval: clips/clips.yaml\ntest: clips/clips.yaml\n")
    )
    assert more.ids == {"train": ["v1", "gifs/v1", "gifs/v2"], "val": ["v2"], "test": ["v9", "v8"]}  # the others stay
    alone = collection.load(write("train: clips/clips.yaml\nval: {collection: clips/clips.yaml}\n"))
    assert alone.ids == {"train": ["v1"], "val": ["v2"], "test": []}


def test_lists_of_its_own_beside_others(write: Write, tmp_path: Path):
    (tmp_path / "own").mkdir()
    for name in ("v1", "v5"):
        (tmp_path / "own" / f"{name}.mp4").touch()
    (tmp_path / "topics.txt").write_text("501 a red car\n")
    loaded = collection.load(
        write("videos: own\ntrain: clips/clips.yaml\nval: clips/clips.yaml\ntest: {queries: topics.txt}\n")
    )
    assert loaded.ids == {"train": ["clips/v1"], "val": ["clips/v2"], "test": ["v1", "v5"]}
    assert loaded.queries.texts == ["a red car"]
    assert loaded.files["v1"] == f"{tmp_path}/own/v1.mp4"
    (tmp_path / "own.ids").write_text("v1\n")
    (tmp_path / "own.txt").write_text("v1#0 a car\n")
    lists = collection.load(write("train: gifs/gifs.yaml\nval: test\ntest: {ids: own.ids, captions: own.txt}\n"))
    assert (lists.ids["test"], lists.ids["val"], lists.val_is_test) == (["v1"], [], True)


def test_queries_of_the_ranked_collection_and_beside_it(write: Write, tmp_path: Path):
    shots = tmp_path / "shots" / "shots.yaml"
    (tmp_path / "shots" / "tv16.txt").write_text("501 a red car\n")
    shots.write_text("name: shots\nvideos: videos\ntest: {ids: test.ids, queries: tv16.txt}\n")
    (tmp_path / "tv17.txt").write_text("531 a boat\n")
    text = "train: gifs/gifs.yaml\nval: gifs/gifs.yaml\n"
    loaded = collection.load(write(f"{text}test: shots/shots.yaml\n"))
    assert list(loaded.queries) == [Caption("501", "", "a red car")]
    loaded = collection.load(write(f"{text}test: {{collection: shots/shots.yaml, queries: tv17.txt}}\n"))
    assert loaded.queries.ids == ["501", "531"]
    (tmp_path / "tv17.txt").write_text("501 a boat\ngifs/v1#0 a cat\n")
    assert mistakes(write(f"{text}test: {{collection: shots/shots.yaml, queries: tv17.txt}}\n")) == [
        "tv17.txt: query '501' has the id of a query of shots/shots.yaml too; give it another one",
        "tv17.txt: query 'gifs/v1#0' has the id of a caption too; give it another one",
    ]
    assert not collection.load(write("train: [gifs/gifs.yaml, {collection: shots/shots.yaml, split: test}]")).queries


def test_val_that_is_the_videos_of_test(write: Write, tmp_path: Path):
    data_set(tmp_path, "few", "val: test\n", train={"a": ["x"]}, test={"b": ["y"]})
    data_set(tmp_path, "gone", train={"a": ["x"]}, test={"b": ["y"]})
    for val in ("test", "few/few.yaml", "{collection: few/few.yaml, split: test}"):
        loaded = collection.load(write(f"train: gifs/gifs.yaml\nval: {val}\ntest: few/few.yaml\n"))
        assert (loaded.ids["val"], loaded.ids["test"], loaded.val_is_test) == ([], ["b"], True)
    other = collection.load(write("train: gifs/gifs.yaml\nval: few/few.yaml\ntest: gone/gone.yaml\n"))
    assert (other.ids["val"], other.ids["test"], other.val_is_test) == (["few/b"], ["b"], False)
    assert mistakes(write("train: gifs/gifs.yaml\nval: test\n")) == [
        "all.yaml: val: test: there is no test; describe it"
    ]


def test_a_collection_that_is_made_of_others_may_be_named(write: Write, tmp_path: Path):
    (tmp_path / "both.yaml").write_text("name: both\ntrain: [gifs/gifs.yaml, clips/clips.yaml]\n")
    loaded = collection.load(write("train: both.yaml\nval: topics/topics.yaml\ntest: shots/shots.yaml\n"))
    assert loaded.ids["train"] == ["both/gifs/v1", "both/gifs/v2", "both/clips/v1"]
    (tmp_path / "both.yaml").write_text("name: both\ntrain: [gifs/gifs.yaml, all.yaml]\n")
    assert mistakes(write("train: both.yaml\n")) == [
        "both.yaml: all.yaml is made of itself: all.yaml -> both.yaml -> all.yaml"
    ]
    (tmp_path / "both.yaml").write_text("name: both\ntrain: [both.yaml]\n")
    assert mistakes(write("train: both.yaml\n")) == ["both.yaml: both.yaml is made of itself: both.yaml -> both.yaml"]


def test_windows_of_the_parts(write: Write, tmp_path: Path):
    (tmp_path / "films.csv").write_text("video,path,start,end\np,clips/videos/v1.mp4,1,2\n")
    (tmp_path / "films.txt").write_text("p#0 a song\n")
    (tmp_path / "films.yaml").write_text("name: films\nvideos: films.csv\ntrain: {captions: films.txt}\n")
    shots = tmp_path / "shots" / "shots.yaml"
    shots.write_text("name: shots\nvideos: videos\nwindows: {seconds: 10}\n")
    text = "train: [films.yaml, clips/clips.yaml]\nval: clips/clips.yaml\ntest: shots/shots.yaml\n"
    loaded = collection.load(write(text))
    assert loaded.windows == {"films/p": Window(1, 2)}
    assert loaded.undivided == {
        "shot1_1": f"{tmp_path}/shots/videos/shot1_1.mp4",
        "shot1_2": f"{tmp_path}/shots/videos/shot1_2.mp4",
    }
    items = loaded.divided({"shot1_1": [("shot1_1@0-10", Window(0, 10)), ("shot1_1@10-20", Window(10, 20))]})
    assert items.ids["test"] == ["shot1_1@0-10", "shot1_1@10-20", "shot1_2"]
    assert items.windows == {
        "films/p": Window(1, 2),
        "shot1_1@0-10": Window(0, 10),
        "shot1_1@10-20": Window(10, 20),
    }
    other = data_set(tmp_path, "other", "windows: {seconds: 5}\n", test={"o": []})
    shots.write_text("name: shots\nvideos: videos\nwindows: {seconds: 10}\n")
    assert mistakes(write(f"train: clips/clips.yaml\ntest: [shots/shots.yaml, other/{other.name}]\n")) == [
        "all.yaml: windows: shots/shots.yaml and other/other.yaml divide their videos in different ways; give them the "
        "same `windows:`"
    ]


def test_the_protocol_says_what_was_learned_from(write: Write, tmp_path: Path):
    clips = tmp_path / "clips" / "clips.yaml"
    clips.write_text(f"protocol: clips/full\n{clips.read_text()}")
    same = "train: clips/clips.yaml\nval: clips/clips.yaml\ntest: clips/clips.yaml\n"
    assert collection.load(write(same)).protocol == "clips/full"
    more = "train: [gifs/gifs.yaml, clips/clips.yaml]\nval: topics/topics.yaml\ntest: clips/clips.yaml\n"
    learned = "clips/full, train: gifs train + clips train, val: topics val"
    assert collection.load(write(more)).protocol == learned
    assert collection.load(write(f"protocol: mine/x\n{more}")).protocol == "mine/x"
    assert not collection.load(write("train: clips/clips.yaml\nval: clips/clips.yaml\n")).protocol


def test_features_alone_and_videos_together(write: Write, tmp_path: Path):
    gifs = tmp_path / "gifs" / "gifs.yaml"
    gifs.write_text(gifs.read_text().replace("videos: videos\n", ""))
    loaded = collection.load(write("train: [gifs/gifs.yaml, clips/clips.yaml]\ntest: clips/clips.yaml\n"))
    assert not loaded.has_videos
    [note] = loaded.notes
    assert note.replace(f"{tmp_path}/", "") == (
        "gifs/gifs.yaml names no videos, so those of the others are not used; features can be imported"
    )


def test_notes_say_whose_they_are(write: Write, tmp_path: Path):
    (tmp_path / "clips" / "videos" / "v8.mp4").unlink()
    loaded = collection.load(write("train: gifs/gifs.yaml\ntest: clips/clips.yaml\n"))
    assert [note.partition(" in ")[0] for note in loaded.notes] == ["clips: 1 of 4 videos have no file"]


def test_mistakes_of_every_file_at_once(write: Write, tmp_path: Path):
    (tmp_path / "gifs" / "train.txt").write_text("v1#0 a cat\nv2 a dog\nv7#0 a horse\n")
    (tmp_path / "clips" / "val.ids").write_text("v2\nv1\n")
    path = write("train: [gifs/gifs.yaml, clips/clips.yaml]\nval: gone.yaml\ntest: {ids: gone.ids}\n")
    assert mistakes(path) == [
        "all.yaml: val.collection: no such file: gone.yaml",
        "gifs/train.txt:2: should be 'VIDEO#n text' (white space, % and # of a video id are percent-encoded there), "
        "not 'v2 a dog'",
        "gifs/train.txt:3: caption 'v7#0' has no video: 'v7' is in no split",
        "clips/val.ids:2: video 'v1' stands in val too (a video belongs to one split); first in train.ids:1",
        "all.yaml: test.ids: no such file: gone.ids",
    ]


def test_forms_that_are_none(write: Write, tmp_path: Path):
    (tmp_path / "train.txt").write_text("v1\n")
    (tmp_path / "list.yaml").write_text("- v1\n")
    path = write(
        "train: [train.txt, gifs, {ids: train.txt}, {collection: gifs/gifs.yaml, splt: all}, list.yaml]\n"
        "val: {collection: gifs/gifs.yaml, split: tset, prefix: ../x, queries: train.txt}\ntest: []\n"
    )
    entry = "{collection: FILE, split: train|val|test|all, prefix: WORD}, or FILE alone, a collection.yaml"
    assert mistakes(path) == [
        "all.yaml: train: train.txt is no collection.yaml; a list of ids is named by `train: {ids: train.txt}`",
        "all.yaml: train: gifs is a folder; name a collection.yaml",
        f"all.yaml: train: an entry of the list should be {entry}; not {{'ids': 'train.txt'}}",
        "all.yaml: train: unknown key 'splt'; did you mean 'split'? (known: collection, split, prefix, queries)",
        "all.yaml: val: split should be train, val, test, a list of them, or all; not 'tset'; did you mean 'test'?",
        "all.yaml: val: prefix should be a word, or '' for ids as they are; not '../x' (id '../x' should be like a "
        "path below the videos' folder, without '.', '..' or '//')",
        "all.yaml: val: queries have no known answer to learn from; give them to test, which is ranked",
        "all.yaml: test: the list is empty; name a collection.yaml, or leave test out",
        "list.yaml: should be a mapping; `videos: FOLDER` is enough",
    ]


def test_what_does_not_fit_together(write: Write, tmp_path: Path):
    assert mistakes(write("train: [gifs/gifs.yaml, topics/topics.yaml]\ntest: shots/shots.yaml\n")) == [
        "all.yaml: train: topics/topics.yaml has no split train, only val; choose by `{collection: …, split: val}`"
    ]
    both = "train: [{collection: clips/clips.yaml, split: all}]\nval: gifs/gifs.yaml\ntest: clips/clips.yaml\n"
    assert mistakes(write(both)) == [
        "all.yaml: train and test both take 2 videos of test in clips/clips.yaml; a video belongs to one split"
    ]
    raw = "train:\n- {collection: gifs/gifs.yaml, prefix: ''}\n- {collection: clips/clips.yaml, prefix: ''}\n"
    assert mistakes(write(raw)) == [
        "all.yaml: 1 id is in two collections: v1; write `{collection: FILE, prefix: WORD}` for one of them"
    ]
    clips = tmp_path / "clips" / "clips.yaml"
    clips.write_text(clips.read_text().replace("name: clips", "name: gifs"))
    assert mistakes(write("train: [gifs/gifs.yaml, clips/clips.yaml]\n")) == [
        "all.yaml: gifs/gifs.yaml and clips/clips.yaml are both named 'gifs'; write `{collection: FILE, prefix: WORD}` "
        "for one of them"
    ]
    clips.write_text(clips.read_text().replace("name: gifs", "name: ../gifs"))
    assert mistakes(write("train: [gifs/gifs.yaml, clips/clips.yaml]\n")) == [
        "all.yaml: clips/clips.yaml: its name cannot stand before ids (id '../gifs' should be like a path below the "
        "videos' folder, without '.', '..' or '//'); write `{collection: FILE, prefix: WORD}` for one of them"
    ]
    twice = "train: [{collection: gifs/gifs.yaml, prefix: a}]\nval: {collection: gifs/gifs.yaml, prefix: b}\n"
    assert mistakes(write(twice)) == ["all.yaml: gifs/gifs.yaml has the prefix 'a/' in one place, 'b/' here"]
    assert mistakes(write("videos: gifs/videos\ntrain: gifs/gifs.yaml\n")) == [
        "all.yaml: videos: no split is of them; `test: {}` takes all, and other collections have their own"
    ]
