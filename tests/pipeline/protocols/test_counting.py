"""Counts beside the published ones, in words."""

from pipeline.protocols.counting import compared
from pipeline.protocols.prepared import Caption, Counts, Prepared


def prepared(**numbers: tuple[int, int]) -> Prepared:
    """(videos, captions of each) by split."""
    result = Prepared()
    for split, (videos, each) in numbers.items():
        names = [f"{split}{number}" for number in range(videos)]
        captions = {name: [Caption(name, str(number), f"text {number}") for number in range(each)] for name in names}
        result.take(split, names, captions)
    return result


def test_checked_unchecked_and_other_numbers():
    counts = {
        "train": Counts(1000, 2000, unchecked=("captions",)),
        "val": Counts(2, None),
        "test": Counts(3, 6, 2),
    }
    result = compared(prepared(train=(1000, 1), val=(2, 1), test=(3, 1)), counts)
    assert result.lines == [
        "train  1,000 videos (as published); 1,000 captions (others say 2,000: unchecked)",
        "val    2 videos (as published); 2 captions (unchecked: no number is known)",
        "test   3 videos (as published); 3 captions (6 were published)",
    ]
    assert result.differences == ["test has 3 captions instead of 6 as published"]
    assert result.remarks == ["test: all videos have fewer captions than 2, such as test0 (1), test1 (1), test2 (1)"]


def test_a_split_without_captions_is_told_and_no_difference():
    result = compared(prepared(test=(3, 0)), {"test": Counts(3, 6, 2)})
    assert result.differences == []
    assert result.remarks == ["test has no captions: none of the files has them (6 captions were published)"]


def test_a_split_that_is_missing_is_a_difference():
    assert compared(prepared(), {"test": Counts(3)}).differences == ["test has 0 videos instead of 3 as published"]


def test_what_is_learned_from_less_is_named():
    counts = {"train": Counts(2, 40, 20, unchecked=("captions",)), "test": Counts(1, 1, 1)}
    assert compared(prepared(train=(2, 1), test=(1, 1)), counts).suffix == ", 2 of 40 train captions"
    assert compared(prepared(train=(2, 20), test=(1, 1)), counts, first=20).suffix == ""
    assert compared(prepared(train=(2, 21), test=(1, 1)), counts).suffix == ""  # more is told, and is no less
    assert compared(prepared(train=(2, 1), test=(1, 2)), counts).suffix == ", other counts"
    unknown = {"train": Counts(2), "test": Counts(1)}
    assert compared(prepared(train=(2, 3), test=(1, 1)), unknown, first=3).suffix == (
        ", the first 3 captions of each video"
    )
    assert compared(prepared(train=(2, 2), test=(1, 1)), unknown, first=3).suffix == ""


def test_the_file_that_has_the_captions_of_a_split_is_named():
    counts = {"train": Counts(captions=4, unchecked=("captions",)), "test": Counts(1, 3)}
    where = "which is not among the files"
    assert compared(prepared(test=(1, 0)), counts, {"train": "a.json", "test": "b.json"}).remarks == [
        f"train has no videos: they are in a.json, {where} (4 captions were published)",
        f"test has no captions: they are in b.json, {where} (3 captions were published)",
    ]


def test_videos_without_a_caption():
    some = prepared(test=(3, 2))
    some.captions["test"] = [caption for caption in some.captions["test"] if caption.video != "test1"]
    assert compared(some, {}).remarks == ["test: 1 video has no caption, such as test1"]
    assert compared(some, {}).lines == ["test   3 videos; 4 captions"]


def test_val_of_test_and_queries():
    some = prepared(test=(1, 1))
    some.val_is_test, some.queries = True, [("501", "a cat")]
    assert compared(some, {}).lines == [
        "val    the videos of test: the best epoch is chosen by the very queries of the figures",
        "test   1 video; 1 caption",
        "test   1 query without a known answer",
    ]
