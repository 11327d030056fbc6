"""A training with bfloat16 on a processor without such products is warned of, once."""

import os
import platform
import subprocess
import sys

import pytest
import torch

from pipeline.training import bfloat16
from pipeline.training.bfloat16 import Warnings


def test_it_is_said_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Products of 3 s in place of 2."""
    monkeypatch.setattr(bfloat16, "seconds", lambda dtype: {torch.float32: 2.0, torch.bfloat16: 3.0}[dtype])
    warnings = Warnings()
    for _ in range(2):
        warnings.warn("bfloat16", "cpu")
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert said[0][len("2026-01-02 03:04:05 ") :].startswith(
        "WARNING: bfloat16 on this cpu: a matrix product takes 1.5 times as long as with float32"
    )


@pytest.mark.parametrize(("precision", "rounded"), [("bfloat16", 1.0), ("float32", 3.0)])
def test_nothing_is_said(
    precision: str, rounded: float, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where bfloat16 halves the time, and where it is not asked for."""
    monkeypatch.setattr(bfloat16, "seconds", lambda dtype: {torch.float32: 2.0, torch.bfloat16: rounded}[dtype])
    Warnings().warn(precision, "cpu")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("supported", "said"), [(True, 0), (False, 1)])
def test_a_gpu_says_itself(
    supported: bool, said: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: supported)
    Warnings().warn("bfloat16", "cuda")
    assert capsys.readouterr().err.count("WARNING: bfloat16 on this cuda") == said


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the limit is one of x86-64")
def test_emulated_products_are_found_out() -> None:
    """A process that may use AVX2 only: torch emulates, seventy times slower here, so that no load hides it."""
    script = "from pipeline.training.bfloat16 import Warnings; Warnings().warn('bfloat16', 'cpu')"
    limited = {**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}
    done = subprocess.run([sys.executable, "-c", script], env=limited, capture_output=True, text=True, check=True)
    assert "WARNING: bfloat16 on this cpu" in done.stderr
