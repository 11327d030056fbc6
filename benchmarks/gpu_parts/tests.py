"""The tests that need a GPU."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from gpu_parts.report import Report

ROOT = Path(__file__).resolve().parents[2]


def run(report: Report) -> None:
    """`pytest -m gpu`: none may skip where a GPU is. Only the files that hold such tests: others import more."""
    results = report.work / "pytest.xml"
    command = [sys.executable, "-m", "pytest", "-m", "gpu", "-q", "-p", "no:cacheprovider", f"--junitxml={results}"]
    command += ["-o", "addopts=", "--import-mode=importlib", "--rootdir", str(ROOT)]
    if importlib.util.find_spec("pytest_timeout"):
        command += ["--timeout", "60"]
    env = os.environ | {"CUDA_VISIBLE_DEVICES": os.environ.get("CUDA_VISIBLE_DEVICES", "0"), "LAFF_REQUIRE": "gpu"}
    if not report.gpu:
        env |= {"CUDA_VISIBLE_DEVICES": "", "LAFF_REQUIRE": ""}
    files = sorted(map(str, (ROOT / "tests").rglob("test_gpu*.py")))
    code = subprocess.run([*command, *files], env=env, cwd=ROOT, check=False).returncode
    suite = ElementTree.parse(results).getroot().find("testsuite")
    assert suite is not None
    counts = {name: int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")}
    bad = counts["failures"] + counts["errors"]
    report.row("tests", counts["tests"], aim=(">=", 1), anywhere=True)
    report.row("failed", bad, aim=("<=", 0), anywhere=True)
    report.row("skipped", counts["skipped"], aim=("<=", 0), anywhere=report.gpu)
    for case in suite.iter("testcase"):
        for trouble in (*case.findall("failure"), *case.findall("error")):
            report.row(f"  {case.get('name')}", "failed", note=(trouble.get("message") or "")[:300])
    if code not in (0, 1) or bad:
        raise SystemExit(f"pytest ended with {code}, {bad} tests failed")
