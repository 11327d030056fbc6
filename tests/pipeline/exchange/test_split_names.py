"""Splits that names tell."""

from __future__ import annotations

import pytest

from pipeline.exchange.split_names import split_of, without_split


@pytest.mark.parametrize(
    ("name", "split", "rest"),
    [
        ("msrvtt10ktrain", "train", "msrvtt10k"),
        ("msrvtt1kAval", "val", "msrvtt1kA"),
        ("vatex_test1k5", "test", "vatex1k5"),
        ("clip_train", "train", "clip"),
        ("setA/tv2016train", "train", "setA/tv2016"),
        ("dev", "val", "dev"),
        ("validation-ViT", "val", "ViT"),
        ("tgif-msrvtt10k", "", "tgif-msrvtt10k"),
        ("contestants", "", "contestants"),
        ("training_set", "train", "set"),
    ],
)
def test_a_name(name: str, split: str, rest: str) -> None:
    assert (split_of(name), without_split(name)) == (split, rest)
