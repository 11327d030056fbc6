"""A section of the report page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Section:
    """A section: templates/KEY.html shows its values."""

    key: str  # its id on the page, and the name of its template
    title: str
    values: Mapping[str, Any]  # what the template is given as `values`
    scripts: Sequence[str] = ()  # names of files of templates/ that run at the end of the page, in this order
    style: str = ""  # the name of a file of templates/ with its own rules; '' for none
