"""The drawing of stages: a box each, below all that it reads."""

from __future__ import annotations

from xml.etree import ElementTree

from pipeline.report.graph_drawing import HEIGHT, WIDTH, Box, draw

BOXES = [
    Box("ingest", (), "1 s", True),
    Box("decode", ("ingest",), "2 s", False),
    Box("bow", ("ingest",), "1 s", False),
    Box("x3d", ("decode",), "3 s", False),
    Box("train", ("x3d", "bow"), "4 s", True),
]


def test_boxes_stand_below_what_they_read_and_do_not_overlap() -> None:
    root = ElementTree.fromstring(draw("T", "About.", BOXES, ["stage"], []).source)
    boxes = [one for one in root.iter("rect") if "box" in one.get("class", "")]
    places = {box.name: (float(one.get("x", 0)), float(one.get("y", 0))) for box, one in zip(BOXES, boxes, strict=True)}
    for box in BOXES:
        for source in box.reads:
            assert places[source][1] + HEIGHT < places[box.name][1]
    assert places["bow"][1] == places["x3d"][1]  # as near as possible to train
    assert abs(places["bow"][0] - places["x3d"][0]) >= WIDTH
    assert [one.get("class") for one in boxes] == ["box made", "box", "box", "box", "box made"]
    assert len([one for one in root.iter("path")]) == 5  # an edge for each stage that is read


def test_a_stage_alone() -> None:
    drawn = draw("T", "About.", BOXES[:1], ["stage"], []).source
    assert ElementTree.fromstring(drawn).get("width") == "360"
