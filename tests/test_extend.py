"""The examples of docs/extend.md work as they are pasted: the feature, the block, the model, the metric, the weights.

Its step is pasted by tests/pipeline/plan/test_steps.py.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from pipeline.graph import stages
from tests.conftest import Clips
from tests.forked import Forked
from tests.pipeline import kept

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "extend.md").read_text(encoding="utf-8")


def shown(begins: str, kind: str = "python") -> str:
    """The one example of this kind that begins so."""
    (text,) = (block for block in re.findall(rf"^```{kind}\n(.*?)^```", PAGE, re.M | re.S) if block.startswith(begins))
    return text


@pytest.fixture(scope="module")
def pasted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with the examples in it."""
    project = tmp_path_factory.mktemp("extended") / "project"
    project.mkdir()
    shutil.copy(ROOT / "cli.py", project)
    for room in ("pipeline", "extractors", "fusion"):
        shutil.copytree(ROOT / room, project / room, ignore=shutil.ignore_patterns("__pycache__"))
    (project / "extractors" / "contrast.py").write_text(shown('"""Contrast'), encoding="utf-8")
    (project / "fusion" / "maximum.py").write_text(shown('"""Maximum'), encoding="utf-8")
    (project / "fusion" / "towers.py").write_text(shown('"""Two towers'), encoding="utf-8")
    file = project / "pipeline" / "evaluation" / "metrics.py"
    text = file.read_text(encoding="utf-8")
    for last, line in (
        ('        "mAP": float(ranks.precision.mean()),\n', shown('        "SumR": sum(float((ranks')),
        ('        "mAP": precision,\n', shown('        "SumR": sum(float(min(')),
    ):
        assert text.count(last) == 1
        text = text.replace(last, last + line)
    file.write_text(text, encoding="utf-8")
    shipped = (ROOT / "stages.yaml").read_text(encoding="utf-8")
    entries = shown("  contrast:", "yaml")
    (project / "stages.yaml").write_text(shipped.replace("\nstages:\n", f"\nstages:\n{entries}", 1), encoding="utf-8")
    return project


@pytest.fixture(scope="module")
def processes(pasted: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forked]:
    """Starts `laff` of the copy."""
    forked = Forked(tmp_path_factory.mktemp("processes"), pasted, heavy=False)
    yield forked
    forked.close()


@pytest.mark.slow
def test_the_contract_tests_find_the_classes_and_are_content(pasted: Path) -> None:
    """As the page says: what every extractor, block and model has to do, these do too."""
    for name in ("tests", "docs"):
        shutil.copytree(ROOT / name, pasted / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", pasted)
    files = ("extractors/test_contract.py", "fusion/test_contract.py", "fusion/test_model_contract.py")
    words = [
        "-q",
        "-p",
        "no:cacheprovider",
        "-k",
        "Contrast or Maximum or Towers",
        *(f"tests/{file}" for file in files),
    ]
    environment = os.environ | {"PYTHONPATH": str(pasted)}
    command = [sys.executable, "-m", "pytest", *words]
    tests = subprocess.run(command, cwd=pasted, env=environment, capture_output=True, text=True)
    assert tests.returncode == 0, tests.stdout
    passed = re.search(r"(\d+) passed", tests.stdout)
    assert passed
    assert int(passed[1]) > 30


def test_the_feature_is_extracted(processes: Forked, clips: Clips, tmp_path: Path) -> None:
    """A grey video has no contrast; one that is half black and half white has a standard deviation of a half."""
    halves = np.zeros((8, 32, 32, 3), dtype=np.uint8)
    halves[:, :, 16:] = 255
    clips("videos/grey.mp4", np.full((8, 32, 32, 3), 128, dtype=np.uint8))
    clips("videos/halves.mp4", halves)
    (tmp_path / "c.yaml").write_text("videos: videos\n")
    process = processes.laff("contrast", "-c", tmp_path / "c.yaml", "-w", tmp_path / "WORK")
    assert process.wait() == 0, process.said()
    with h5py.File(tmp_path / "WORK" / "contrast" / "00000.h5") as file:
        contrasts = dict(zip(file["ids"].asstr()[:], file["values"][:], strict=True))
    np.testing.assert_allclose(contrasts["grey"], [0, 0, 0], atol=0.02)
    np.testing.assert_allclose(contrasts["halves"], [0.5, 0.5, 0.5], atol=0.03)


def test_the_block_the_model_and_the_metric_have_their_places_in_the_results(processes: Forked, tmp_path: Path) -> None:
    """With the words that the page gives to --set; chance finds 1 + 5 + 8 of 8 videos in the best 1, 5 and 10."""
    small = kept.make(tmp_path)
    block = re.findall(r"--set '(train\.baselines=\{maximum.*)'$", PAGE, re.M)
    model = re.findall(r"--set '(train\.baselines=\{towers.*)'$", PAGE, re.M)
    assert (len(block), len(model)) == (1, 1)
    baselines = block[0].removesuffix("}") + ", " + model[0].removeprefix("train.baselines={")
    process = processes.laff("run", *small.options(baselines, "train.seeds=[1]"))
    assert process.wait() == 0, process.said()
    results = json.loads((small.work / "evaluate" / "metrics.json").read_text())["models"]
    assert {"laff", "maximum", "towers", "chance"} <= set(results)
    for row in results.values():
        figures = {name: row["t2v"][name]["mean"] for name in ("R@1", "R@5", "R@10", "SumR")}
        assert figures["SumR"] == pytest.approx(figures["R@1"] + figures["R@5"] + figures["R@10"])
    assert results["chance"]["t2v"]["SumR"]["mean"] == pytest.approx(100 * (1 / 8 + 5 / 8 + 1))


def test_the_weights_entry_brings_its_file_and_its_params(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    shipped = (ROOT / "stages.yaml").read_text(encoding="utf-8")
    file.write_text(shown("weights:", "yaml") + "\n" + shipped, encoding="utf-8")
    graph = stages.load(file, None, ["ircsn.weights=csn-of-ours"])
    assert graph.weights["csn-of-ours"].path == "/models/csn.pth"
    params = graph.stages["ircsn"].params
    assert {name: params[name] for name in ("depth", "fps", "stride", "short", "width")} == {
        "depth": 152,
        "fps": 0,
        "stride": 2,
        "short": 256,
        "width": 0,
    }
