"""One small workspace of real videos for all tests of the server."""

from __future__ import annotations

import pytest

from tests.pipeline.serve import films as made
from tests.pipeline.serve.films import Films


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Films:
    """The films with everything run; to be read only, copy them for the rest."""
    collection = made.make(tmp_path_factory.mktemp("films"))
    collection.run()
    return collection
