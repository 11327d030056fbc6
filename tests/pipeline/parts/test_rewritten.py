"""Digests that stand for those of the code before."""

import ast

from pipeline.parts import code
from pipeline.parts.rewritten import REWRITTEN, counting


def test_each_line_is_of_a_file_as_it_is() -> None:
    """A line that no longer holds says nothing and goes."""
    now = {name: code.tree_digest(ast.parse((code.ROOT / name).read_text(encoding="utf-8"))) for name in REWRITTEN}
    assert now == {name: line.now for name, line in REWRITTEN.items()}
    for name, line in REWRITTEN.items():
        assert code.code_digest(code.ROOT / name) == line.before != line.now


def test_another_change_counts() -> None:
    name, line = next(iter(REWRITTEN.items()))
    assert counting(name, "0" * 16) == "0" * 16
    assert counting("fusion/laff.py", line.now) == line.now


def test_a_digest_is_the_same_for_every_python() -> None:
    """Python 3.12 and later give functions and classes type_params, which are empty for all but generic ones."""
    parsed = ast.parse("class A:\n    x = 1\n\n\ndef f(a):\n    return a\n")
    later = ast.parse("class A:\n    x = 1\n\n\ndef f(a):\n    return a\n")
    kinds = [kind for kind in (ast.ClassDef, ast.FunctionDef) if "type_params" not in kind._fields]
    try:
        for kind in kinds:
            kind._fields = (*kind._fields, "type_params")
        for node in later.body:
            node.type_params = []  # type: ignore[attr-defined]
        digest = code.tree_digest(later)
    finally:
        for kind in kinds:
            kind._fields = kind._fields[:-1]
    assert digest == code.tree_digest(parsed)
