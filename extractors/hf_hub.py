"""Repositories of the Hugging Face hub by their ids, as entries of the catalogue; nothing is fetched here."""

from __future__ import annotations

import re
from typing import Any

PREFIX = "hf:"  # before the id of a repository
ADDRESS = "https://huggingface.co"
REPOSITORY = re.compile(r"(?!.*(--|\.\.))\w[\w.-]*/\w[\w.-]*", re.ASCII)  # the hub has no names with -- or ..
REVISION = re.compile(r"(?!\.+$)[\w.-]*", re.ASCII)  # not . or .., which would make another address


def entry(name: str) -> dict[str, Any]:
    """The catalogue's entry of hf:ORG/NAME or hf:ORG/NAME@REVISION (a commit, tag or branch; main without one).

    Which files it has is known when it is fetched. ValueError for other texts, also for a branch with a slash in its
    name, as refs/pr/1: take its commit.
    """
    repository, _, revision = name.removeprefix(PREFIX).partition("@")
    if not REPOSITORY.fullmatch(repository) or not REVISION.fullmatch(revision):
        raise ValueError(f"{name} should be {PREFIX}ORG/NAME or {PREFIX}ORG/NAME@REVISION, as on {ADDRESS}")
    return {
        "uses": "extractors.hf.Hf",
        "source": f"{ADDRESS}/{repository}/resolve/{revision or 'main'}/",
        "file": repository.replace("/", "--") + (f"@{revision}" if revision else ""),
        "note": f"its licence stands at {ADDRESS}/{repository}; nothing is known here of how it was made",
    }
