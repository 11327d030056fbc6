"""Files of videos: by id, in subfolders, by other names."""

from pathlib import Path

from pipeline.protocols import finding


def make(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_by_id(tmp_path: Path):
    files = finding.find_files(make(tmp_path, "a.mp4", "b.c.avi", "d/e.webm", "a.txt"), ["a", "b.c", "d/e"], {})
    assert files.paths == {"a": "a.mp4", "b.c": "b.c.avi", "d/e": "d/e.webm"}
    assert (files.direct, files.missing) == (True, [])


def test_in_subfolders_and_by_other_names(tmp_path: Path):
    files = finding.find_files(make(tmp_path, "train/a.mp4", "vid7.avi"), ["a", "b", "c"], {"b": ("vid7",)})
    assert files.paths == {"a": "train/a.mp4", "b": "vid7.avi"}
    assert (files.direct, files.missing) == (False, ["c"])


def test_a_name_with_its_ending_is_an_id_too(tmp_path: Path):
    files = finding.find_files(make(tmp_path, "a.mov"), ["a.mov"], {})
    assert (files.paths, files.direct) == ({"a.mov": "a.mov"}, True)


def test_a_video_goes_before_what_lies_beside_it(tmp_path: Path):
    make(tmp_path, "a.description", "a.mp4", "a.zzz", "x/b.info", "x/b.mkv")
    assert finding.find_files(tmp_path, ["a", "b"], {}).paths == {"a": "a.mp4", "b": "x/b.mkv"}


def test_of_several_in_subfolders_the_first_is_taken_and_told(tmp_path: Path):
    files = finding.find_files(make(tmp_path, "y/a.mp4", "x/a.mp4", "x/a.info", "x/b.mp4"), ["a", "b"], {})
    assert (files.paths, files.several) == ({"a": "x/a.mp4", "b": "x/b.mp4"}, ["a"])


def test_a_circle_of_links_ends(tmp_path: Path):
    make(tmp_path, "x/a.mp4")
    (tmp_path / "x" / "again").symlink_to(tmp_path)
    assert finding.find_files(tmp_path, ["a"], {}).paths == {"a": "x/a.mp4"}
