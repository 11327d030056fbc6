"""TGIF: sentences and lists by URL, ids by the names of the GIFs."""

from typing import Any

import pytest

URL = "https://38.media.tumblr.com/{0}9f6/tumblr_{0}o1_500.gif"
TSV = "".join(
    f"{URL.format(name)}\t{text}\n"
    for name, text in (
        ("a", "a man looks"),
        ("b", "a dog"),
        ("c", "one"),
        ("c", "two"),
        ("c", "three"),
        ("z", "none's"),
    )
)
NAMES = (("train", "a"), ("val", "b"), ("test", "c"))  # the GIF of each split
FILES = {
    "data/tgif-v1.0.tsv": TSV,
    **{
        f"data/splits/{split}.txt": f"{URL.format(name)}\n"
        for split, name in (("train", "a"), ("val", "b"), ("test", "c"))
    },
}
OTHER = {"accept_counts": True}


def test_the_official_layout(desk: Any):
    report = desk.prepare("tgif", FILES, **OTHER)
    assert report[1:4] == [
        "  train  1 video (others say 80,000: unchecked); 1 caption (unchecked: no number is known)",
        "  val    1 video (10,708 were published); 1 caption (unchecked: no number is known)",
        "  test   1 video (11,360 were published); 3 captions (unchecked: no number is known)",
    ]
    assert (
        "note: 1 caption of 1 video is left out, for the protocol has these videos in no split: tumblr_zo1_500"
        in report
    )
    assert desk.collection().ids == {"train": ["tumblr_ao1_500"], "val": ["tumblr_bo1_500"], "test": ["tumblr_co1_500"]}
    assert desk.captions("test") == {f"tumblr_co1_500#{n}": text for n, text in enumerate(("one", "two", "three"))}


@pytest.mark.parametrize("ending", ["", ".gif"])
def test_lists_may_have_names_of_files(desk: Any, ending: str):
    lists = {f"{split}.txt": f"tumblr_{name}o1_500{ending}\r\n" for split, name in NAMES}
    desk.prepare("tgif", {"tgif-v1.0.tsv": TSV} | lists, **OTHER)
    assert desk.collection().ids["test"] == ["tumblr_co1_500"]


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        (
            {"data/tgif-v1.0.tsv": TSV.replace("\ta dog", " a dog")},
            "data/tgif-v1.0.tsv:2: has no tab; a line is `URL<TAB>sentence`, not "
            "'https://38.media.tumblr.com/b9f6/tumblr_bo1_500.gif a dog'",
        ),
        (
            {"data/splits/test.txt": f"{URL.format('c')}\n{URL.format('a')}\n"},
            "data/splits/test.txt:2: video 'tumblr_ao1_500' is in train too (train.txt:1); a video belongs to one "
            "split: remove one of the two",
        ),
        (
            {"data/splits/test.txt": f"{URL.format('c')}\n\n{URL.format('c')}\n"},
            "data/splits/test.txt:3: video 'tumblr_co1_500' stands again; first in line 1: remove one of the two",
        ),
        (
            {"data/tgif-v1.0.tsv": TSV + "https://other.com/tumblr_ao1_500.gif\tx\n"},
            "data/tgif-v1.0.tsv:7: 'tumblr_ao1_500' is the name of two GIFs, "
            "https://38.media.tumblr.com/a9f6/tumblr_ao1_500.gif and https://other.com/tumblr_ao1_500.gif; remove "
            "one of them",
        ),
        (
            {"data/splits/test.txt": "https://]\n"},
            "data/splits/test.txt:1: an empty id; a line should begin with the URL of a GIF, not 'https://]'",
        ),
        (
            {"data/tgif-v1.0.tsv": TSV + "https://other.com/\tx\n"},
            "data/tgif-v1.0.tsv:7: an empty id; a line should begin with the URL of a GIF, not 'https://other.com/'",
        ),
        (
            {"data/tgif-v1.0.tsv": TSV.encode() + b"https://a.com/b.gif\tcaf\xe9\n"},
            "data/tgif-v1.0.tsv:7: is not UTF-8 text: byte 0xe9 (invalid continuation byte); save it as UTF-8, say by "
            "`iconv -f LATIN1 -t UTF-8 tgif-v1.0.tsv`",
        ),
    ],
)
def test_a_mistake_says_where_and_what_to_do(desk: Any, files: dict[str, Any], wanted: str):
    assert wanted in desk.mistakes("tgif", FILES | files, **OTHER)


def test_a_list_is_missing(desk: Any):
    files = {name: text for name, text in FILES.items() if "val" not in name}
    assert desk.mistakes("tgif", files, **OTHER) == [
        "TGIF needs splits/val.txt, a URL a line; it is not among the files"
    ]
