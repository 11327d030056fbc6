"""What tests of extraction share: tasks of this process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pipeline.workers.tasks import Serial


@pytest.fixture
def serial() -> Iterator[Serial]:
    tasks = Serial()
    yield tasks
    tasks.close()
