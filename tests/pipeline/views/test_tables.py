"""Figures with their digits, CSV."""

from pathlib import Path

from pipeline import files
from pipeline.views import tables


def test_a_metric_has_its_digits_and_a_std_over_several_seeds() -> None:
    assert tables.cell({"mean": 12.345, "std": 0.44, "seeds": [12.0, 12.69]}, "R@1") == "12.3 ± 0.4"
    assert tables.cell({"mean": 0.12345, "std": 0.0, "seeds": [0.12345]}, "mAP") == "0.123"
    assert tables.cell({"mean": 2.25, "std": 0.1, "seeds": [2.2, 2.3]}, "MedR") == "2.2 ± 0.1"
    assert tables.cell({"mean": 0.5, "std": 0.25, "seeds": [0.25, 0.75]}, "MRR") == "0.500 ± 0.250"


def test_what_has_a_mean_is_a_metric() -> None:
    spread = {"mean": 1.0, "std": 0.0, "seeds": [1.0]}
    figures = {"R@1": spread, "R@50": spread, "queries": 4, "seed_numbers": [1], "p": 0.1}
    assert tables.metrics_of(figures) == ["R@1", "R@50"]


def test_p_values() -> None:
    assert tables.p_text(0.03125) == "0.0312"
    assert tables.p_text(0.001) == "0.0010"
    assert tables.p_text(0.0001) == "< 0.001"


def test_durations_in_units_that_matter() -> None:
    """5 d 9 h are 129 h; 128.8 are rounded to it."""
    seconds = [0.02, 40.4, 59.6, 90 * 60 - 1, 128.8 * 3600, 48 * 3600 - 31, 48 * 3600 - 29]
    texts = ["1 s", "40 s", "1 min", "1 h 30 min", "5 d 9 h", "47 h 59 min", "2 d 0 h"]
    assert [tables.duration(one) for one in seconds] == texts


def test_csv_keeps_the_digits_of_numbers(tmp_path: Path) -> None:
    path = files.write_csv(tmp_path / "new" / "a.csv", iter([["name", "value"], ["a, b", 0.1 + 0.2]]))
    assert path.read_bytes() == b'name,value\n"a, b",0.30000000000000004\n'
