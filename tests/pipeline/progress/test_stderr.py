"""Standard error as a place for lines that may get lost."""

import io

import pytest

from pipeline.progress.stderr import Stderr


class Broken(io.StringIO):
    """A stream that refuses all."""

    def write(self, text: str) -> int:
        raise OSError(5, "Input/output error")

    def flush(self) -> None:
        raise OSError(5, "Input/output error")

    def isatty(self) -> bool:
        raise ValueError("I/O operation on closed file")


@pytest.mark.parametrize("stream", [None, Broken()])
def test_a_stream_that_takes_nothing_stops_nothing(stream: io.StringIO | None) -> None:
    stderr = Stderr(stream)
    assert stderr.write("lost") == 4
    stderr.flush()
    assert not stderr.isatty()


def test_a_stream_gets_what_is_written() -> None:
    stream = io.StringIO()
    Stderr(stream).write("kept")
    assert stream.getvalue() == "kept"
