"""decode.decoder=decord: the frames that decord gives, read in sequence, in any company."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from extractors.base import Sampling
from pipeline.video import decoder, decord_reader, pixels, reading, seeking
from pipeline.video.media import VideoError
from pipeline.video.positions import wanted
from pipeline.video.reading import Frames, probe, read
from tests.conftest import NOT_HERE
from tests.pipeline.video.test_company import CHANGES, COUNT, joined
from tests.pipeline.video.test_reading import EVERY, levels, make

decord = pytest.importorskip("decord", reason=NOT_HERE.format("decord"))
FEW = Sampling(2, 48, 40, clips=2, stride=2)  # of a long video PyAV seeks these
MIDDLE = Sampling(1, 32, 32, filter="bicubic")
SPREAD = Sampling(16, 32, 24)
ALL = Sampling(COUNT, 16, 16)


def decords(path: Path) -> list[np.ndarray]:
    """decord's frames [H, W, 3], as other people's code has them that reads in sequence."""
    reader = decord.VideoReader(str(path), num_threads=1)
    return [reader.next().asnumpy() for _ in range(len(reader))]


def look(path: Path, *samplings: Sampling) -> Frames:
    seen = probe(path)
    return read(path, samplings, seen.packets, seen.fps, "decord")


PLAIN: dict[str, tuple[str, dict[str, str]]] = {
    "b-frames.mp4": ("libx264", {"bf": "3"}),
    "open-gop.mkv": ("libx264", {"bf": "3", "x264-params": "open-gop=1:keyint=12"}),
    "hevc-open-gop.mp4": ("libx265", {"x265-params": "log-level=none:bframes=4:open-gop=1:keyint=12"}),
    "vp9.webm": ("libvpx-vp9", {"lag-in-frames": "16", "auto-alt-ref": "1", "cpu-used": "8"}),
}


@pytest.mark.parametrize("name", PLAIN)
def test_plain_videos_have_the_pixels_of_pyav(tmp_path: Path, name: str) -> None:
    path = make(tmp_path / name, *PLAIN[name])
    ours, theirs = ([picture().copy() for picture in module.pictures(path)] for module in (decord_reader, decoder))
    assert len(ours) == len(theirs) == 48
    np.testing.assert_array_equal(ours, theirs)
    frames, sought = look(path, EVERY, FEW), read(path, [EVERY, FEW], 48, 24.0)
    assert (frames.count, frames.passes, frames.decoded, frames.sought) == (48, 1, [48, 48], False)
    assert frames.present == sought.present
    assert levels(frames.arrays[0]) == list(range(48))
    for array, other in zip(frames.arrays, sought.arrays, strict=True):
        np.testing.assert_array_equal(array, other)


@pytest.mark.parametrize("change", CHANGES)
def test_what_changes_on_the_way_is_as_decord_has_it_in_any_company(tmp_path: Path, change: str) -> None:
    path = joined(tmp_path / "a.mp4", "libx264", 60, CHANGES[change])
    every = decords(path)
    assert {frame.shape for frame in every} == {(64, 96, 3)}  # the later ones squeezed to the size of the first
    samplings, expected = [FEW, MIDDLE, SPREAD, ALL], []
    for s in samplings:
        resized = [pixels.resize(every[n], s.size, s.filter, s.antialias, s.width) for n in wanted(s, COUNT, 24.0)]
        expected.append(np.stack([pixels.crops(picture, s.crop)[0] for picture in resized]))
    for company in ([0], [1], [2], [0, 1], [2, 0], [3, 2, 1, 0]):
        frames = read(path, [samplings[number] for number in company], COUNT, 24.0, "decord")
        assert frames.count == COUNT
        for array, number in zip(frames.arrays, company, strict=True):
            shown = array.reshape(-1, *array.shape[2:])
            np.testing.assert_array_equal(shown, expected[number], err_msg=f"{number} of {company}")
    if change in ("larger", "portrait"):
        theirs = read(path, [ALL], COUNT, 24.0).arrays[0][0]
        assert (theirs[:60] == expected[3][:60]).all()
        assert (theirs[60:] != expected[3][60:]).any()


@pytest.mark.parametrize("change", ["ten bits", "interlaced"])
def test_deep_and_interlaced_pictures_are_those_of_decord(tmp_path: Path, change: str) -> None:
    path = joined(tmp_path / "a.mp4", "libx264", 0, CHANGES[change])
    whole = Sampling(COUNT, 64, 64)  # as high as they are
    expected = [pixels.crops(frame, 64)[0] for frame in decords(path)]
    np.testing.assert_array_equal(look(path, whole).arrays[0][0], expected)
    assert (read(path, [whole], COUNT, 24.0).arrays[0][0] != expected).any()


def test_nothing_is_sought(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make(tmp_path / "a.mp4", options={"g": "12"}, numbers=[n % 48 for n in range(COUNT)])
    assert read(path, [FEW], COUNT, 24.0).sought
    monkeypatch.setattr(seeking, "timetable", lambda *given: pytest.fail("PyAV seeks"))
    monkeypatch.setattr(reading, "pictures", lambda path: pytest.fail("PyAV reads"))
    assert (look(path, FEW).sought, look(path, FEW).count) == (False, COUNT)


def test_frames_are_chosen_from_as_many_as_decord_gives(hiding: Path) -> None:
    every, packets = decords(hiding), probe(hiding).packets
    assert (packets, len(every)) == (38, 48)
    spread = Sampling(4, 16, 16)
    frames = look(hiding, spread, EVERY)
    assert (frames.count, frames.passes, frames.decoded) == (48, 2, [48, 48])
    shown = [pixels.crops(pixels.resize(every[n], 16), 16)[0] for n in (6, 18, 30, 42)]  # (j + .5) * 48 / 4
    np.testing.assert_array_equal(frames.arrays[0][0], shown)
    np.testing.assert_array_equal(look(hiding, spread).arrays[0], frames.arrays[0])
    np.testing.assert_array_equal(look(hiding, spread, FEW).arrays[0], frames.arrays[0])


def test_frames_of_another_shape_are_a_failure(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mp4", size=(16, 16))
    reason = r"decord gives a frame of shape \[16, 16, 6\], not \[H, W, 3\]; PyAV may read it \(decode.decoder=pyav\)"
    for samplings in ([MIDDLE], [MIDDLE, EVERY]):
        with pytest.raises(VideoError, match=reason):
            look(path, *samplings)
    assert read(path, [EVERY], 48, 24.0).count == 48


def test_what_decord_cannot_read_whole_is_a_failure_with_the_same_words_each_time(tmp_path: Path) -> None:
    """One packet of zeros: PyAV gives the other frames, decord ends sooner or later, by chance."""
    path = make(tmp_path / "a.mp4", options={"bf": "0", "g": "12"})
    with av.open(str(path)) as container:
        at, size = next((packet.pos, packet.size) for packet in list(container.demux(video=0))[47:])
    content = bytearray(path.read_bytes())
    content[at : at + size] = bytes(size)
    path.write_bytes(content)
    reasons = set()
    for samplings in ([FEW], [EVERY, FEW], [ALL], [MIDDLE]) * 5:
        with pytest.raises(VideoError) as caught:
            read(path, samplings, 48, 24.0, "decord")
        reasons.add(str(caught.value))
    (reason,) = reasons
    assert reason.startswith("decord cannot read it (Check failed: avcodec_send_packet")
    assert reason.endswith("Error sending packet.); PyAV may read it (decode.decoder=pyav)")
    assert read(path, [EVERY], 48, 24.0).count == 47
    path.write_bytes(b"no video")
    with pytest.raises(VideoError, match=r"^decord cannot read it \(Error reading\.\.\.\); PyAV may"):
        list(decord_reader.pictures(path))


def test_the_version_is_that_of_who_reads() -> None:
    assert {"pyav": f"av {av.__version__}", "decord": f"decord {decord.__version__}"} == reading.VERSIONS
