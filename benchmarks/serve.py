"""Milliseconds of `laff serve` through HTTP beside those of the library that it asks: first page, sentences, a crowd.

    .venv/bin/python benchmarks/serve.py FOLDER --videos 100000 --width 256
    .venv/bin/python benchmarks/serve.py --work WORK          # any workspace that can be searched

FOLDER is made by warm_search.py, or taken as that left it. The command runs as a process of its own, and answers the
same sentences as a library in this process, by turns; the hits have to be equal. What HTTP, the pictures' addresses and
JSON cost is the difference.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from warm_search import MEMORY, ROOT, WORDS, make, timed

from pipeline.search.library import Library
from pipeline.workers import waiting

waiting.settle()  # as the command has it, before torch is imported
ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)/")


def started(work: Path) -> tuple[subprocess.Popen[str], int, float]:
    """The command as a process, its port, and the seconds until it printed its address."""
    start = time.perf_counter()
    command = [sys.executable, str(ROOT / "cli.py"), "serve", "-w", str(work), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for printed in process.stdout:
        if found := ADDRESS.search(printed):
            return process, int(found[1]), time.perf_counter() - start
    raise SystemExit("laff serve ended")


def get(connection: HTTPConnection, path: str) -> Any:
    """The content of an address."""
    connection.request("GET", path)
    answer = connection.getresponse()
    content = answer.read()
    assert answer.status == 200, content
    return json.loads(content) if path.startswith("/api") else content


def ask(connection: HTTPConnection, sentence: str, k: int) -> tuple[float, dict[str, Any]]:
    """Milliseconds until a sentence is answered, and the answer."""
    start = time.perf_counter()
    answer = get(connection, f"/api/search?q={quote(sentence)}&k={k}")
    return 1000 * (time.perf_counter() - start), answer


def spent_by(process: subprocess.Popen[str]) -> float:
    """CPU-milliseconds that a process has used."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return 1000 * (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def line(name: str, spent: list[float], first: float) -> None:
    """Print milliseconds on the clock: of the first question, and of those that follow."""
    print(
        f"{name:34}  first {first:7.0f} ms   then median {statistics.median(spent):6.1f} ms, most {max(spent):6.1f} ms"
    )


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--work", type=Path, help="a workspace, in place of FOLDER")
    parser.add_argument("--videos", type=int, default=100_000)
    parser.add_argument("--width", type=int, default=256, help="of each of the 8 heads")
    parser.add_argument("--queries", type=int, default=20)
    parser.add_argument("--crowd", type=int, default=200, help="sentences at once")
    parser.add_argument("-k", type=int, default=24)
    given = parser.parse_args()
    if (given.folder is None) == (given.work is None):
        parser.error("give FOLDER or --work WORK")
    work = given.work or make(given.folder, given.videos, given.width)
    random = np.random.default_rng(1)
    sentences = [" ".join(random.choice(WORDS, 5)) for _ in range(given.queries)]
    process, port, seconds = started(work)
    try:
        connection = HTTPConnection("127.0.0.1", port)
        start = time.perf_counter()
        get(connection, "/")
        page = time.perf_counter() - start
        [about, *_] = get(connection, "/api/workspaces")
        ready = time.perf_counter() - start
        print(
            f"{about['videos']:,} videos: the address after {seconds:.2f} s, the page {1000 * page:.0f} ms later, "
            f"what is served {ready:.2f} s later"
        )
        library = Library.open(work, memory=MEMORY)
        library.search("a first sentence", given.k)
        connection.close()  # the next request opens it again: the server has given it up meanwhile
        first, _ = ask(connection, "a first sentence", given.k)
        through, inside, alone = [], [], []
        cpu_through = cpu_alone = 0.0
        for sentence in sentences:
            before = spent_by(process)
            spent, answer = ask(connection, sentence, given.k)
            cpu_through += spent_by(process) - before
            through.append(spent)
            inside.append(answer["milliseconds"])
            (spent, used), hits = timed(lambda sentence=sentence: library.search(sentence, given.k))
            cpu_alone += used
            alone.append(spent)
            assert [(hit["id"], hit["score"]) for hit in answer["hits"]] == [(hit.video, hit.score) for hit in hits]
        line("through HTTP", through, first)
        line("of it, the search itself", inside, inside[0])
        line("the library in this process", alone, alone[0])
        print(
            f"HTTP takes {statistics.median(through) / statistics.median(alone):.2f} of the library alone; a sentence "
            f"{cpu_through / len(sentences):.0f} CPU-ms and {cpu_alone / len(sentences):.0f}"
        )
        start = time.perf_counter()
        with ThreadPoolExecutor(given.crowd) as threads:
            list(
                threads.map(
                    lambda n: ask(HTTPConnection("127.0.0.1", port), sentences[n % len(sentences)], given.k),
                    range(given.crowd),
                )
            )
        spent = time.perf_counter() - start
        print(f"{given.crowd} sentences at once: {spent:.1f} s, {1000 * spent / given.crowd:.1f} ms each")
    finally:
        process.send_signal(signal.SIGINT)
        print(f"it ended with {process.wait(30)}")


if __name__ == "__main__":
    main()
