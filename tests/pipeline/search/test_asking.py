"""Models that read text features of files cannot be asked; the error says which model can."""

from pathlib import Path

import pytest

from pipeline.errors import LaffError
from pipeline.graph import stages
from pipeline.graph.kept import Kept
from pipeline.graph.stages_file import StagesFile
from pipeline.items.catalog import Catalog
from pipeline.plan.context import Context
from pipeline.search.asking import Asking
from pipeline.store.workspace import Workspace

GRAPH = """
stages:
  ingest: {{step: ingest}}
  x3d: {{step: import, from: ingest, params: {{file: x3d.npz, side: video}}}}
  bert: {{step: import, from: ingest, params: {{file: bert.npz, side: text}}}}
  {bow}
  train: {{step: train, uses: fusion.laff.LAFF, from: [{fused}]}}
"""
BOW = "bow: {step: extract, uses: extractors.bow.Bow, from: ingest}"


@pytest.mark.parametrize(
    ("bow", "fused", "then"),
    [
        (BOW, "x3d, bert, bow", "can be asked: laff run -w {work} --set 'train.from=[x3d, bow]'"),
        (BOW, "x3d, bert", "can be asked: laff run -w {work} --set 'train.from=[x3d, bow]'"),
        (
            "",
            "x3d, bert",
            "add text features that laff makes of captions, such as bow, to the stages and to train.from",
        ),
    ],
)
def test_text_features_of_files(tmp_path: Path, bow: str, fused: str, then: str) -> None:
    (tmp_path / "stages.yaml").write_text(GRAPH.format(bow=bow, fused=fused))
    work = Workspace(tmp_path / "work")
    context = Context(stages.load(StagesFile(tmp_path / "stages.yaml")), Catalog([], []), work)
    with pytest.raises(LaffError) as error:
        Asking(context, Kept("bert"), [], None)
    assert str(error.value).startswith("'bert' was imported, so it cannot be made for a new sentence; ")
    assert str(error.value).endswith(then.format(work=work.root))
