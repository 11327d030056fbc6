"""Names of stages, and pairs that names tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.exchange.found import Feature, FileSet, Part, Side
from pipeline.exchange.names import pairs, stage_name


def feature(name: str, side: Side, width: int = 512) -> Feature:
    return Feature(name, FileSet(name, [Part(Path(name), width, [], "")]), side, "video")


@pytest.mark.parametrize(
    ("name", "taken", "stage"),
    [
        ("effnet_lite0", [], "effnet_lite0"),
        ("frame/Frame_conse", [], "Frame_conse"),
        ("clip", ["clip"], "clip-text"),
        ("openai/clip", ["clip", "clip-text"], "openai-clip"),
        ("clip", ["clip", "clip-text"], "clip-2"),
        ("mean_resnext101,flatten0,os", [], "mean_resnext101-flatten0-os"),
        ("_été_", [], "t"),
        ("漢字", [], "feature"),
        ("x" * 99, [], "x" * 48),
    ],
)
def test_stage_names(name: str, taken: list[str], stage: str) -> None:
    assert stage_name(name, taken, "text") == stage


@pytest.mark.parametrize(
    ("videos", "texts", "found"),
    [
        (["clip", "x3d"], ["clip", "bert"], [("clip", "clip")]),
        (
            ["clip2video_global_visual_output_msrvtt", "clip_ft"],
            ["clip2video_global_text_output_msrvtt", "clip_ft_sentences"],
            [
                ("clip2video_global_visual_output_msrvtt", "clip2video_global_text_output_msrvtt"),
                ("clip_ft", "clip_ft_sentences"),
            ],
        ),
        (
            ["clip_finetune_8frame_uniform_1103", "tf"],
            ["CLIP_text_1103"],
            [("clip_finetune_8frame_uniform_1103", "CLIP_text_1103")],
        ),
        (
            ["InternVideo2_s2_6B_videos", "pe"],
            ["internvideo2-query"],
            [("InternVideo2_s2_6B_videos", "internvideo2-query")],
        ),
        (["clip_a", "clip_b"], ["clip_text"], []),  # either could be meant
        (["clips10_x3d", "histogram"], ["clips10", "histogram"], []),  # no image-text model
        (["resnet"], ["resnet"], []),
    ],
)
def test_pairs(videos: list[str], texts: list[str], found: list[tuple[str, str]]) -> None:
    features = [*(feature(name, "video") for name in videos), *(feature(name, "text") for name in texts)]
    assert [(video.stage, text.stage) for video, text in pairs(features)] == found


def test_a_pair_has_one_width() -> None:
    assert pairs([feature("clip", "video"), feature("clip", "text", 768)]) == []
