"""Table 14 stands below the topics of TRECVID AVS 2020, and below no others."""

from pathlib import Path

from click.testing import CliRunner

import cli
from pipeline.score import quoted


def test_all_of_its_topics_must_be_there() -> None:
    topics = [str(number) for number in range(641, 661)]
    assert "The column heads contradict the source's text." in quoted.text(topics)
    assert "649    0.448    0.451       0.785" in quoted.text([f"1{topic}" for topic in topics])
    assert quoted.text(topics[1:]) == quoted.text([]) == quoted.text(["1", "2"]) == ""


def test_below_the_values_of_single_topics(tmp_path: Path) -> None:
    numbers = range(1641, 1661)
    (tmp_path / "qrels.txt").write_text("".join(f"{topic} 0 shot1_1 1 1\n" for topic in numbers))
    (tmp_path / "run.txt").write_text("".join(f"{topic} 0 shot1_1 1 9999 me\n" for topic in numbers))
    words = ["score", str(tmp_path / "run.txt"), "--qrels", str(tmp_path / "qrels.txt")]
    result = CliRunner().invoke(cli.main, words)
    assert (result.exit_code, "quoted, not of this run" in result.output) == (0, False), result.output
    result = CliRunner().invoke(cli.main, [*words, "--per-topic"])
    assert "quoted, not of this run: infAP of the twenty topics of TRECVID AVS 2020" in result.output
