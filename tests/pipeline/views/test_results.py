"""Warnings beside the figures of a run."""

from pipeline.views.results import earlier, warning


def test_earlier_code_is_named_once_with_the_stages_that_it_shaped() -> None:
    clip = ["extractors.clip", "extractors.clip_places"]
    stages = {"finetune": clip, "clip-ft": clip, "train": [*clip, "fusion.laff"]}
    line = "made by earlier code of extractors.clip, extractors.clip_places, fusion.laff (finetune, clip-ft, train)"
    assert earlier({"earlier_code": stages}) == line
    assert warning({"untrained": [], "earlier_code": stages}) == line
    assert earlier({}) == earlier({"earlier_code": {}}) == ""


def test_of_much_earlier_code_six_modules_are_named() -> None:
    stages = {"x3d": ["a", "b", "c", "d"], "train": ["c", "d", "e", "f", "g", "h"]}
    assert earlier({"earlier_code": stages}) == "made by earlier code of a, b, c, d, e, f and 2 more (x3d, train)"
    del stages["train"][-2:]
    assert earlier({"earlier_code": stages}) == "made by earlier code of a, b, c, d, e, f (x3d, train)"
