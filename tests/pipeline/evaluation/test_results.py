"""What the ranks of rows and seeds come to, by hand; and a metric more as one edit."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pipeline.evaluation import metrics, results
from pipeline.evaluation.coverage import coverage
from pipeline.graph.graph import Stage
from pipeline.graph.models import Row
from pipeline.items.catalog import Catalog
from pipeline.ranking.ranks import Ranks
from pipeline.ranking.ranks_file import Ranked

ROOT = Path(__file__).resolve().parents[3]


def ranked(*first: float, covered: tuple[bool, ...] | None = None, left: int = 3) -> Ranked:
    """Queries of which two at a time belong together, of three candidates, of which `left` are covered."""
    ranks = np.array(first)
    ones = np.ones(len(first), int)
    is_covered = np.array(covered or [True] * len(first))
    ids = [f"q{number}" for number in range(len(first))]
    return Ranked(ids, Ranks(ranks, 1 / ranks), is_covered, np.arange(len(first)) // 2, 3, left, ones)


@pytest.fixture
def context() -> Any:
    """Three videos of test, a caption each; the last has no features."""
    catalog = Catalog(
        videos=["a", "b", "c", "y", "z"],
        video_split=np.array([2, 2, 2, 1, 0]),
        captions=["a#0", "b#0", "c#0", "z#0", "z#1"],
        texts=["1", "2", "3", "4", "5"],
        caption_video=np.array([0, 1, 2, 4, 4]),
    )
    stages = {
        "clip": SimpleNamespace(random=True, sources=()),
        "train": SimpleNamespace(random=False, sources=("clip",)),
        "rank": SimpleNamespace(random=False, sources=("train",)),
    }
    return SimpleNamespace(
        catalog=catalog,
        name="mine",
        collection=None,
        lost=lambda names: {"c"} if names == ["clip"] else set(),
        features=lambda name: (["clip"], ["words"]),
        stage=stages.__getitem__,
        graph=SimpleNamespace(needed=lambda names: list(stages), package=None),
        work=SimpleNamespace(index=lambda name: SimpleNamespace(entries={})),
    )


def test_coverage_of_each_split(context: Any) -> None:
    assert coverage(context, "train") == {
        "train": {"videos": 1, "covered": 1, "coverage": 1.0, "captions": 2},
        "val": {"videos": 1, "covered": 1, "coverage": 1.0, "captions": 0},
        "test": {"videos": 3, "covered": 2, "coverage": 2 / 3, "captions": 3},
    }


def test_mean_and_std_over_seeds() -> None:
    """R@1 of two seeds: 50 and 100, so 75 ± 50 / sqrt(2); of one seed there is no std."""
    table = results.summed([ranked(1, 2), ranked(1, 1)], (4, 7))
    assert table["R@1"] == {"mean": 75.0, "std": pytest.approx(50 / 2**0.5), "seeds": [50.0, 100.0]}
    assert table["MeanR"]["seeds"] == [1.5, 1.0]
    assert (table["queries"], table["candidates"], table["seed_numbers"]) == (2, 3, [4, 7])
    assert results.summed([ranked(1, 2)], (4,))["R@1"] == {"mean": 50.0, "std": 0.0, "seeds": [50.0]}


def test_a_row_without_some_videos_stands_there_twice(context: Any) -> None:
    both = {
        "t2v": ranked(1, 2, 3, covered=(True, True, False), left=2),
        "v2t": ranked(1, 1, 3, covered=(True, True, False)),
    }
    stage = Stage("evaluate", "evaluate", sources=("rank",), options={"seed": 0, "bootstrap": 10})
    content = results.results(context, stage, [Row("laff", (1,))], {"laff": [both]})
    assert list(content["models"]) == ["laff", "laff (covered only)", "chance"]
    assert [content["models"][name]["t2v"]["R@1"]["mean"] for name in content["models"]] == pytest.approx(
        [100 / 3, 50, 100 / 3]
    )
    kept = content["models"]["laff (covered only)"]
    assert (kept["t2v"]["queries"], kept["t2v"]["candidates"]) == (2, 2)
    assert (kept["v2t"]["queries"], kept["v2t"]["candidates"]) == (2, 3)
    assert (content["coverage"], content["untrained"]) == (2 / 3, ["clip"])
    assert content["bootstrap"] == {"laff": {"t2v": {"R@10": [100.0, 100.0]}, "v2t": {"R@10": [100.0, 100.0]}}}
    assert content["models"]["chance"]["t2v"]["seed_numbers"] == []


def test_the_rank_of_each_query() -> None:
    rows = [Row("laff", (1, 2)), Row("pair", (0,))]
    ranks = {
        "laff": [{"t2v": ranked(1, 2.5, covered=(True, False))}, {"t2v": ranked(3, 1)}],
        "pair": [{"t2v": ranked(2, 2)}],
    }
    assert list(results.by_query(rows, ranks, "t2v")) == [
        ["query", "covered", "laff/seed1", "laff/seed2", "pair/seed0"],
        ["q0", 1, "1", "3", "2"],
        ["q1", 0, "2.5", "1", "2"],
    ]


MORE = """
import sys, types
from pathlib import Path

name, path = "pipeline.evaluation.metrics", Path(sys.argv[1])
source = path.read_text()
depths = next(line for line in source.splitlines() if line.startswith("DEPTHS = "))
further = depths.replace(")", ", 50)", 1)
assert further != depths
module = types.ModuleType(name)
sys.modules[name] = module
exec(compile(source.replace(depths, further), str(path), "exec"), module.__dict__)
count = len(module.DEPTHS)

import numpy as np
from pipeline.analyze import queries
from pipeline.compare import table
from pipeline.evaluation import results
from pipeline.ranking.ranks import Ranks
from pipeline.ranking.ranks_file import Ranked
from pipeline.report.metrics import figure_table
from pipeline.views.results_table import text

first = np.array([1.0, 20.0])
ranked = Ranked(["a", "b"], Ranks(first, 1 / first), np.ones(2, bool), np.arange(2), 60, 60, np.ones(2, int))
line = results.summed([ranked], [1])
row = {"t2v": line, "v2t": line}
figures = {"models": {"laff": row}, "coverage": 1.0, "untrained": [], "protocol": "", "ties": "", "splits": {}}
figures["bootstrap"] = {"laff": {"t2v": {}, "v2t": {}}}
print([name for name in line if name.startswith("R@")], [name for name in module.chance(60, ranked.relevant)][:count])
print(text(figures).splitlines()[1].split()[: 1 + count])
print("R@50" in figure_table(figures, "t2v").header)
compared = {"rows": {"laff": row | {"seeds": [1]}}, "against": ""}
print(table.header(compared)[: 1 + count], str(table.cells(compared, "laff", "t2v")[count]))
found = queries.CaptionRanks("A", first[None])
both = queries.Comparison(found, found, ["a", "b"], ["", ""], np.arange(2))
print([line[0] for line in queries.table(both)][1 : 1 + count])
"""


def test_a_further_depth_is_one_edit() -> None:
    """R@50 of ranks 1 and 20 is 100: in metrics.json, table, page, comparison and queries, by DEPTHS alone."""
    path = ROOT / "pipeline" / "evaluation" / "metrics.py"
    done = subprocess.run(
        [sys.executable, "-c", MORE, str(path)], capture_output=True, text=True, cwd=ROOT, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    depths = [f"R@{depth}" for depth in (*metrics.DEPTHS, 50)]
    assert done.stdout.splitlines() == [
        f"{depths} {depths}",
        str(["model", *depths]),
        "True",
        f"{['model', *depths]} 100.0",
        str(depths),
    ]
