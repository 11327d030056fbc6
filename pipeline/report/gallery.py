"""The gallery: queries of test with their first hits."""

from __future__ import annotations

from pipeline.report.material import Material
from pipeline.report.section import Section


def section(material: Material) -> Section | None:
    """The gallery; None while there is nothing to show."""
    return None
