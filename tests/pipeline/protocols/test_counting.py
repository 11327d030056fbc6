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
    assert result.remarks == ["test has no captions: none of the files has them (6 were published)"]


def test_a_split_that_is_missing_is_a_difference():
    assert compared(prepared(), {"test": Counts(3)}).differences == ["test has 0 videos instead of 3 as published"]


def test_videos_without_a_caption():
    some = prepared(test=(3, 2))
    some.captions["test"] = [caption for caption in some.captions["test"] if caption.video != "test1"]
    assert compared(some, {}).remarks == ["test: 1 videos have no caption, such as test1"]
    assert compared(some, {}).lines == ["test   3 videos; 4 captions"]


def test_val_of_test_and_queries():
    some = prepared(test=(1, 1))
    some.val_is_test, some.queries = True, [("501", "a cat")]
    assert compared(some, {}).lines == [
        "val    the videos of test: the best epoch is chosen by the very queries of the figures",
        "test   1 video; 1 caption",
        "test   1 queries without a known answer",
    ]
