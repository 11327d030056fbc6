"""Facets of topics."""

from pathlib import Path

import pytest

from pipeline.errors import LaffError
from pipeline.items import queries
from pipeline.score.facets import load, shipped


def test_those_of_trecvid_2020() -> None:
    """Table 14 of the supplement: 20 topics; 642 has all four facets, 660 one."""
    facets = load("tv20")
    assert {facet: len(topics) for facet, topics in facets.items()} == {
        "object": 12,
        "person": 16,
        "action": 10,
        "location": 9,
    }
    assert {topic for topics in facets.values() for topic in topics} == {str(topic) for topic in range(641, 661)}
    assert [facet for facet, topics in facets.items() if "660" in topics] == ["object"]
    assert shipped() == ["tv20"]


def test_they_are_of_the_published_topics(data: Path) -> None:
    topics = [topic for topic, _ in queries.load(data / "annotations" / "avs" / "tv20.avs.txt")]
    assert sorted({topic for members in load("tv20").values() for topic in members}) == topics


def test_a_file(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text("topic,facet\n1,person\n2, action\n1,action\n")
    assert load(str(tmp_path / "f.csv")) == {"person": ["1"], "action": ["2", "1"]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("topics,facet\n", "f.csv:1: the first line should be 'topic,facet', not 'topics,facet'"),
        (
            "topic,facet\n1\n1,a\n1,a\n",
            "f.csv:2: should be a topic and a facet(.|\n)*f.csv:4: topic '1' has the facet 'a' twice",
        ),
        ("topic,facet\n", "lists no facet"),
        ("", "the first line should be 'topic,facet'"),
    ],
)
def test_mistakes(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "f.csv").write_text(text)
    with pytest.raises(LaffError, match=said):
        load(str(tmp_path / "f.csv"))


def test_unknown_names_and_missing_files() -> None:
    with pytest.raises(LaffError, match="no facets 'tv2'; did you mean 'tv20'"):
        load("tv2")
    with pytest.raises(LaffError, match="cannot be read: No such file"):
        load("nowhere.csv")
