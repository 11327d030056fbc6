"""Repositories of the Hugging Face hub by their ids, as entries of the catalogue; nothing is fetched here."""

from __future__ import annotations

import re
from typing import Any

PREFIX = "hf:"  # before the id of a repository
ADDRESS = "https://huggingface.co"


def entry(name: str) -> dict[str, Any]:
    """The catalogue's entry of hf:ORG/NAME or hf:ORG/NAME@REVISION (a commit, tag or branch; main without one).

    Which files it has is known when it is fetched. ValueError for other texts.
    """
    repository, _, revision = name.removeprefix(PREFIX).partition("@")
    if not re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", repository) or not re.fullmatch(r"[\w.-]*", revision):
        raise ValueError(f"{name} should be {PREFIX}ORG/NAME or {PREFIX}ORG/NAME@REVISION, as on {ADDRESS}")
    return {
        "uses": "extractors.hf.Hf",
        "source": f"{ADDRESS}/{repository}/resolve/{revision or 'main'}/",
        "file": repository.replace("/", "--") + (f"@{revision}" if revision else ""),
        "note": f"its licence stands at {ADDRESS}/{repository}; nothing is known here of how it was made",
    }
