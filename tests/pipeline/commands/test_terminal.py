"""The command as a process: any encoding, closed streams, readers that leave, signals, and what it ends with."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from pipeline.commands import terminal
from tests.screen import Terminal

ROOT = Path(__file__).resolve().parents[3]
# A command that prints what it is told to; SLEEP waits for signals, in a block that cleans up as long as it may.
PROGRAM = """
import sys, time
import click
import cli

@cli.main.command(name="say")
@click.argument("text")
@click.option("--times", default=1)
def say(text, times):
    for _ in range(times):
        click.echo(text)
    print("a warning", file=sys.stderr)

@cli.main.command(name="sleep")
@click.argument("cleaning", type=float)
def sleep(cleaning):
    try:
        click.echo("ready")
        time.sleep(60)
    finally:
        time.sleep(cleaning)

@cli.main.command(name="show")
@click.argument("cleaning", type=float)
def show(cleaning):
    from pipeline import progress
    with progress.running(progress.Stages(["x3d"], {"x3d": 4})), progress.bar("x3d", 8, "video"):
        time.sleep(0.5)
        try:
            click.echo("ready")
            time.sleep(60)
        finally:
            click.echo("cleaning")
            time.sleep(cleaning)

@cli.main.command(name="import")
def import_():
    import torch

cli.main()
"""


def started(*words: str, redirect: str = "", **more: str) -> subprocess.Popen[bytes]:
    """The program in a shell, which can close its streams (`2>&-`) and become it; `more` goes into its environment."""
    command = ["sh", "-c", f'exec "$0" -c "$@" {redirect}', sys.executable, PROGRAM, *words]
    environment = {**os.environ, **more}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, env=environment)


def ended(*words: str, redirect: str = "", **more: str) -> tuple[int, bytes, bytes]:
    """Its exit status, output and messages."""
    process = started(*words, redirect=redirect, **more)
    output, messages = process.communicate(timeout=60)
    return process.returncode, output, messages


@pytest.mark.parametrize(
    ("encoding", "text", "output"),
    [
        ("latin-1", "frames 16 → 13 … 1.0 ± 0.1, café", "frames 16 -> 13 ... 1.0 ± 0.1, café".encode("latin-1")),
        ("koi8-r", "“a” — 視頻 Ж", b'"a" - \\u8996\\u983b \xf6'),
        ("cp1252", "a \U0001f600 ≤ é", b"a \\ud83d\\ude00 <= \xe9"),
        ("utf-8", "→ 視頻", "→ 視頻".encode()),
    ],
)
def test_characters_that_an_encoding_lacks_are_written_in_plain_letters(
    encoding: str, text: str, output: bytes
) -> None:
    environment = {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C.UTF-8"}
    assert ended("say", text, **environment) == (0, output + b"\n", b"a warning\n")


def test_what_is_escaped_is_still_json() -> None:
    """`laff plan --json` in a terminal of any kind; a file name that is no text comes as Python reads it."""
    for text in ("視頻", "a \U0001f600", os.fsdecode(b"caf\xe9.mp4")):
        escaped = json.dumps(text, ensure_ascii=False).encode("ascii", terminal.HANDLER)
        assert json.loads(escaped) == text


@pytest.fixture(autouse=True, scope="module")
def registered() -> None:
    terminal.codecs.register_error(terminal.HANDLER, terminal.in_plain_letters)


def test_a_file_name_that_is_no_text_can_be_printed() -> None:
    name = os.fsdecode(b"caf\xe9.mp4")
    assert ended("say", name, PYTHONUTF8="1")[:2] == (0, b"caf\\udce9.mp4\n")


@pytest.mark.parametrize(
    ("redirect", "output", "messages"),
    [("2>&-", b"x\n", b""), (">&-", b"", b"a warning\n"), ("<&- >&- 2>&-", b"", b"")],
)
def test_closed_streams(redirect: str, output: bytes, messages: bytes) -> None:
    assert ended("say", "x", redirect=redirect) == (0, output, messages)


def test_no_file_gets_the_number_of_a_closed_stream() -> None:
    """What a library prints to standard error would land in it."""
    code = (
        "from pipeline.commands.terminal import settle_streams; settle_streams()\n"
        "import os, sys; file = open('/dev/null'); os.write(2, b'lost'); print('lost', file=sys.stderr)\n"
        "print(file.fileno() > 2, [os.get_inheritable(number) for number in (0, 1, 2)])"
    )
    shell = ["sh", "-c", 'exec "$0" -c "$1" 2>&-', sys.executable, code]
    process = subprocess.run(shell, capture_output=True, text=True, cwd=ROOT, timeout=60, check=True)
    assert process.stdout == "True [True, True, True]\n"


def test_a_reader_that_leaves_is_no_error() -> None:
    """`laff … | head`: no word, and the status that other programs have."""
    process = started("say", "x" * 1000, "--times=1000")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.read(10)
    process.stdout.close()
    assert process.wait(60) == 141
    assert process.stderr.read() == b""


def test_help_for_a_reader_that_leaves() -> None:
    process = started("--help")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert (process.wait(60), process.stderr.read()) == (141, b"")


def test_the_status_of_failures_and_of_wrong_usage() -> None:
    assert ended("show", "/nowhere/x")[0] == 2
    assert ended("nonsense")[0] == 2
    status, _, messages = ended("plan", "-c/none.yaml", "-w/none")
    assert status == 1
    assert b"none.yaml: cannot be read" in messages


def ready(cleaning: float) -> subprocess.Popen[bytes]:
    process = started("sleep", str(cleaning))
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_lets_it_clean_up(number: signal.Signals, status: int) -> None:
    process = ready(0)
    process.send_signal(number)
    messages = process.communicate(timeout=60)[1].decode()
    assert process.returncode == status
    assert messages.splitlines()[-1] == (
        "Error: interrupted; what is finished is kept, and the same command does the rest"
    )
    assert "Traceback" not in messages


@pytest.mark.parametrize("times", [2, 3])
def test_another_one_ends_it_at_once(times: int) -> None:
    process = ready(60)
    for _ in range(times):
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)
    messages = process.communicate(timeout=10)[1].decode()
    assert process.returncode == 130
    assert messages.splitlines() == [terminal.AGAIN.strip()]


@pytest.fixture
def listening() -> Iterator[None]:
    """Signals as a command handles them; pytest-timeout has the alarm otherwise."""
    before = {number: signal.getsignal(number) for number in (*terminal.ENDING, signal.SIGALRM)}
    rest, _ = signal.setitimer(signal.ITIMER_REAL, 0)
    for number in terminal.ENDING:
        signal.signal(number, signal.default_int_handler)
    terminal.Signals().listen()
    yield
    signal.setitimer(signal.ITIMER_REAL, rest)
    for number, handler in before.items():
        signal.signal(number, handler)


class Interrupting:
    """A lock amid whose taking a signal comes."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.acquire, self.release, self.__exit__ = self.lock.acquire, self.lock.release, self.lock.__exit__

    def __enter__(self) -> None:
        self.lock.acquire()
        signal.raise_signal(signal.SIGINT)


def test_a_signal_amid_a_lock_leaves_it_free(listening: None) -> None:
    """Otherwise a pool of processes whose result was just being looked at waits for it forever."""
    lock = Interrupting()
    was_taken = []

    def hold() -> None:
        with threading.Condition(lock):  # type: ignore[arg-type]
            was_taken.append(lock.lock.locked())
            time.sleep(10)  # it comes here

    with pytest.raises(KeyboardInterrupt):
        hold()
    assert was_taken == [True]
    assert not lock.lock.locked()


def test_a_signal_ends_the_wait_for_a_lock(listening: None) -> None:
    condition = threading.Condition()
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt), condition:
        condition.wait(10)
    assert condition.acquire(blocking=False)
    condition.release()


@pytest.mark.parametrize(("status", "shown"), [(0, 0), (1, 130), (None, None)])
def test_a_signal_that_waits_as_the_command_ends(listening: None, status: int | None, shown: int | None) -> None:
    """It comes too late for one that is done; one that fails, fails because of it: its children had the signal too."""
    signals, lock = terminal.Signals(), Interrupting()
    signals.listen()
    with threading.Condition(lock):  # type: ignore[arg-type]
        assert signals.status(SystemExit(status)) == shown
    time.sleep(3 * terminal.LATER)
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_a_loop_that_takes_a_lock_is_not_a_wait(listening: None) -> None:
    """The same instruction in another call: 20 ms later it may be taking the lock once more."""
    signals = terminal.Signals()
    signals.listen()
    for _ in range(2):
        with threading.Condition(Interrupting()):  # type: ignore[arg-type]
            assert signals.came == 0


@pytest.mark.parametrize(("cleaning", "words"), [(0, f"Error: {terminal.INTERRUPTED}"), (60, terminal.AGAIN.strip())])
def test_a_display_that_is_interrupted_leaves_whole_lines(cleaning: int, words: str) -> None:
    """At the first Ctrl-C it goes away; at a second it is left as it is, and the word stands below it."""
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "24"}
    command = [sys.executable, "-c", PROGRAM, "show", str(cleaning)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=slave, cwd=ROOT, env=environment)
    os.close(slave)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGINT)
    if cleaning:
        assert process.stdout.readline() == b"cleaning\n"
        process.send_signal(signal.SIGINT)
    screen = Terminal()
    with suppress(OSError):  # its end, on Linux
        while piece := os.read(master, 1 << 16):
            screen.write(piece.decode())
    os.close(master)
    assert process.wait(10) == 130
    *before, last = screen.text.splitlines()
    assert last == words
    assert [line[:12] for line in before] == (["0 of 1 stage", "· x3d  4 to ", "x3d  ╌╌╌╌╌╌╌"] if cleaning else [])


def test_signals_that_are_to_be_ignored_stay_so() -> None:
    """As under nohup, or for the background jobs of a script."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        terminal.Signals().listen()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("part", ["__init__", "part"])
def test_a_signal_amid_the_import_of_torch(tmp_path: Path, number: signal.Signals, status: int, part: str) -> None:
    """An exception there may reach its C++, which aborts: so does this one."""
    folder = tmp_path / "torch"
    folder.mkdir()
    (folder / "__init__.py").write_text("from torch import part")
    (folder / f"{part}.py").write_text(
        "import os, time\ntry:\n    print('ready', flush=True); time.sleep(60)\nexcept BaseException:\n    os.abort()\n"
    )
    process = started("import", PYTHONPATH=str(tmp_path))
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(number)
    messages = process.communicate(timeout=60)[1].decode()
    assert process.returncode == status
    assert messages == f"Error: {terminal.INTERRUPTED}\n"
