"""What a person is told after a run: what to do next, where that is possible."""

from pathlib import Path

import pytest

from pipeline.graph import stages
from pipeline.outcome import search_advice

GRAPH = """
stages:
  ingest: {{step: ingest}}
  clip: {{step: import, from: ingest, params: {{file: clip, side: video}}}}
  sbert: {{step: import, from: ingest, params: {{file: sbert, side: text}}}}
  bow: {{step: extract, uses: extractors.bow.Bow, from: ingest}}
  train: {{step: train, uses: fusion.laff.LAFF, from: [clip, {text}], params: {params}}}
  rank: {{step: rank, from: train}}
"""


@pytest.mark.parametrize(
    ("text", "params", "advice"),
    [
        ("bow", "{}", 'next: laff search "a sentence" -w WORK'),
        (
            "bow, sbert",
            "{}",
            "`laff search` is not possible: sbert came from files, which have no row for a new sentence",
        ),
        (
            "bow, sbert",
            "{baselines: {few: {uses: fusion.laff.LAFF, text: [bow]}}}",
            'next: laff search "a sentence" --model few -w WORK',
        ),
    ],
)
def test_a_search_is_advised_where_it_can_be_done(tmp_path: Path, text: str, params: str, advice: str) -> None:
    """Imported rows are there for the captions of the collection alone."""
    file = tmp_path / "stages.yaml"
    file.write_text(GRAPH.format(text=text, params=params))
    assert search_advice(stages.load(file), Path("WORK")) == advice
