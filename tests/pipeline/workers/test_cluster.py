"""Shards on dask workers: equal to the serial run byte for byte, whoever is lost on the way."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import pytest

from pipeline import progress
from pipeline.errors import LaffError
from pipeline.extraction.batch_size import BatchSizes
from pipeline.workers import cluster, versions
from pipeline.workers.cluster import Cluster, Progress
from pipeline.workers.worker import Worker
from tests.forked import Forked, Process

ROOT = Path(__file__).resolve().parents[3]
PATIENCE = 120.0  # seconds until something that should come has come
FEATURES = ("x3d", "bow")


@dataclass
class Number:
    """A job."""

    value: int
    gpu: bool = False


def squared(job: Number, worker: Worker) -> int:
    """Three items of progress, then the square and the process that computed it."""
    for _ in range(3):
        worker.advance()
    return job.value**2


def where(job: Number, worker: Worker) -> int:
    time.sleep(0.05)
    return os.getpid()


def deadly(job: Number, worker: Worker) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


def refusing(job: Number, worker: Worker) -> int:
    raise LaffError(f"job {job.value} cannot be done")


def once(job: Path, worker: Worker) -> str:
    """Takes its worker with it the first time; done by another the second."""
    if not job.exists():
        job.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return job.name


def counted(job: Number, worker: Worker) -> tuple[int, int, bool]:
    """The process, what it has summed up so far, and whether it shows bars."""
    sums = worker.kept(BatchSizes)
    sums._pieces["sum"] = sums._pieces.get("sum", 0) + job.value
    return os.getpid(), sums._pieces["sum"], worker.shows


@pytest.fixture(scope="module")
def two() -> Iterator[Cluster]:
    tasks = Cluster(workers=2)
    yield tasks
    tasks.close()


def test_all_jobs_are_done_and_all_progress_is_told(two: Cluster) -> None:
    with progress.bar("test", 30, "item") as bar:
        assert sorted(two.each(squared, map(Number, range(10)), bar)) == [n**2 for n in range(10)]
        assert bar.done == 30


def test_a_worker_keeps_what_its_jobs_ask_for_until_it_is_to_forget_it(two: Cluster) -> None:
    sums: dict[int, list[int]] = {}
    for _ in range(2):
        for process, total, shows in two.each(counted, [Number(1)] * 6):
            sums.setdefault(process, []).append(total)
            assert not shows
    assert sum(map(len, sums.values())) == 12
    for totals in sums.values():
        assert sorted(totals) == [*range(1, len(totals) + 1)]
    two.forget(BatchSizes)
    (again,) = {total for _, total, _ in two.each(counted, [Number(5)])}
    assert again == 5


def test_what_is_told_late_or_again_moves_no_bar_too_far() -> None:
    """A task that was lost begins anew; what is told after its result, or after the end, comes too late."""
    tasks = Cluster(workers=1)  # none is started
    with progress.bar("test", 9, "item") as bar:
        tasks._running = {1: Progress(bar), 2: Progress(None)}
        stands = []
        for number, count, last in [(1, 3, False), (1, 1, False), (2, 8, False), (1, 4, True), (1, 2, False)]:
            tasks._advance(number, count, last)
            stands.append(bar.done)
        assert stands == [3, 1, 1, 4, 4]
    assert list(tasks._running) == [2]
    tasks.forget(BatchSizes)  # nor is any started for this
    tasks.close()


def test_a_job_that_is_refused_or_given_up_is_told_of_no_more(two: Cluster) -> None:
    with progress.bar("test", 9, "item") as bar:
        with pytest.raises(LaffError):
            list(two.each(refusing, [Number(3)], bar))
        results = two.each(squared, map(Number, range(9)), bar)
        next(results)
        results.close()
        assert two._running == {}


def test_a_run_that_leaves_a_scheduler_s_worker_closes_what_it_keeps() -> None:
    class Pool(BatchSizes):
        closed = False

        def close(self) -> None:
            self.closed = True

    worker = Worker(shows=False)
    pool, sizes = worker.kept(Pool), worker.kept(BatchSizes)
    process = SimpleNamespace(extensions={cluster.KEPT: worker})
    cluster.forget_kind(BatchSizes, process)
    assert worker.kept(BatchSizes) is not sizes
    assert not pool.closed
    cluster.forget_all(process)
    assert pool.closed
    for unused in (cluster.forget_all, lambda process: cluster.forget_kind(Pool, process)):
        unused(SimpleNamespace(extensions={}))


def test_both_processes_work_and_neither_is_this_one(two: Cluster) -> None:
    pids = set(two.each(where, map(Number, range(20))))
    assert len(pids) == 2
    assert os.getpid() not in pids


def test_nobody_else_on_this_machine_runs_code_on_the_workers(two: Cluster) -> None:
    """Neither without keys nor with keys of their own; before, whoever found the port was let in."""
    from distributed import Client
    from distributed.security import Security

    list(two.each(squared, [Number(1)]))
    address = two._local.scheduler_address
    assert address.startswith("tls://127.0.0.1:")
    for stranger, keys in ((address.replace("tls", "tcp"), None), (address, Security.temporary())):
        with pytest.raises((OSError, AssertionError)):  # dask asserts where the connection ends amid its first words
            Client(stranger, security=keys, timeout=1)


def test_jobs_are_made_a_few_ahead(two: Cluster) -> None:
    taken = []

    def jobs() -> Iterator[Number]:
        for number in range(100):
            taken.append(number)
            yield Number(number)

    results = two.each(squared, jobs())
    next(results)
    assert 1 <= len(taken) <= 8
    results.close()


def test_what_a_job_refuses_reaches_the_caller(two: Cluster) -> None:
    with pytest.raises(LaffError, match="job 3 cannot be done"):
        list(two.each(refusing, [Number(3)]))
    assert list(two.each(squared, [Number(4)])) == [16]  # and the workers are there for the next


def test_a_job_for_a_gpu_is_refused_where_no_worker_has_one(two: Cluster) -> None:
    with pytest.raises(LaffError, match=r"no worker offers one: start workers with --resources GPU=1"):
        list(two.each(squared, [Number(1, gpu=True)]))


def test_a_lost_workers_job_is_done_by_another(two: Cluster, tmp_path: Path) -> None:
    assert list(two.each(once, [tmp_path / "a"])) == ["a"]


def test_a_job_that_kills_every_worker_ends_with_a_word() -> None:
    tasks = Cluster(workers=1)
    try:
        with pytest.raises(LaffError, match="worker after worker was lost with the same shard"):
            list(tasks.each(deadly, [Number(1)]))
    finally:
        tasks.close()


def test_nobody_at_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "ANSWER", 0.5)
    with pytest.raises(LaffError, match=r"tcp://127.0.0.1:9: .*start them by `dask scheduler` and `dask worker"):
        list(Cluster(address="tcp://127.0.0.1:9").each(squared, [Number(1)]))


@pytest.mark.parametrize(
    ("wanted", "seen", "message"),
    [
        ({"torch": "0.1"}, [], r"worker tcp://w:1 on .* is not like the run: torch \S+ \(here 0.1\); install the same"),
        ({"laff": "0123"}, [], r"is not like the run: laff \w+ \(here 0123\)"),
        ({}, ["/nowhere/work"], r"does not see /nowhere/work; workers and this run need the same folders"),
    ],
)
def test_a_worker_that_would_make_something_else_does_nothing(
    monkeypatch: pytest.MonkeyPatch, wanted: dict[str, str], seen: list[str], message: str
) -> None:
    import distributed

    monkeypatch.setattr(distributed, "get_worker", lambda: SimpleNamespace(address="tcp://w:1"))
    with pytest.raises(LaffError, match=message):
        cluster.do_task(squared, Number(1), 1, "topic", versions.about() | wanted, seen)


def prepared(tiny: Any, folder: Path) -> Any:
    """The tiny collection with a video that is none, without a workspace."""
    copy = tiny.copy(folder)
    sorted(copy.videos.iterdir())[0].write_bytes(b"this is no video")
    return copy


def run(forked: Forked, workspace: Any, *options: str) -> Process:
    words = ["run", *workspace.options(*QUICK), *options, *FEATURES]
    # dask starts workers with one OpenMP thread each; what is computed should not hang on it.
    return forked.laff(*words, environment=os.environ | {"OMP_NUM_THREADS": "2"}, alone=True)


QUICK = ("ingest.shard_videos=2",)


def arrays(work: Path) -> dict[str, Any]:
    """All arrays of the features, the marks that a plan asks for, and the ledger without times."""
    lines = [json.loads(line) for line in (work / "failures.jsonl").read_text().splitlines()]
    assert len(lines) == 1
    values: dict[str, Any] = {"ledger": [{key: line[key] for key in line if key != "time"} for line in lines]}
    for path in sorted(path for name in FEATURES for path in (work / name).glob("*.h5")):
        with h5py.File(path) as file:
            for key, data in file.items():
                values[f"{path.parent.name}/{path.name}:{key}"] = (
                    data[:].tobytes() if data.dtype != object else list(data[:])
                )
            values[f"{path.parent.name}/{path.name}@"] = (file.attrs["fingerprint"], file.attrs["content"])
    return values


@pytest.fixture(scope="module")
def serial(tiny: Any, tmp_path_factory: pytest.TempPathFactory, forked: Forked) -> dict[str, Any]:
    workspace = prepared(tiny, tmp_path_factory.mktemp("serial") / "tiny")
    process = run(forked, workspace)
    process.wait(PATIENCE)
    said = process.said()
    assert (workspace.work / "failures.jsonl").is_file(), said
    values = arrays(workspace.work)
    assert len({name.partition(":")[0].partition("@")[0] for name in values}) == 11 + 3 + 1, (
        said
    )  # shards of x3d, of bow
    return values


def workers_of(pid: int) -> list[int]:
    """The worker processes of a run: those of its children that multiprocessing spawned to run a dask worker."""
    children = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in map(int, (task / "children").read_text().split()):
            if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                children.append(child)
    return children


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def wait_for(what: Any, process: Process) -> bool:
    end = time.monotonic() + PATIENCE
    while not what() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.002)
    return bool(what())


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.slow
def test_two_workers_one_killed_amid_a_shard_equal_the_serial_run(
    tiny: Any, serial: dict[str, Any], tmp_path: Path, forked: Forked
) -> None:
    workspace = prepared(tiny, tmp_path / "tiny")
    process = run(forked, workspace, "--workers", "2")
    assert wait_for(lambda: len(list((workspace.work / "x3d").glob("0*.h5"))) >= 2, process)
    os.kill(workers_of(process.pid)[0], signal.SIGKILL)
    assert len(list((workspace.work / "x3d").glob("0*.h5"))) < 11, "too late: everything was done"
    assert process.wait(PATIENCE) == 0, process.said()
    assert arrays(workspace.work) == serial
    assert not list(workspace.work.rglob("*.partial"))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_end_of_the_run_is_the_end_of_its_workers(tiny: Any, tmp_path: Path, number: int, forked: Forked) -> None:
    workspace = prepared(tiny, tmp_path / "tiny")
    process = run(forked, workspace, "--workers", "2")
    assert wait_for(lambda: any((workspace.work / "decode").glob("0*.h5")), process), process.said()
    workers = workers_of(process.pid)
    assert workers
    if number == signal.SIGINT:
        for _ in range(3):  # by somebody impatient
            with suppress(ProcessLookupError):
                os.killpg(process.pid, number)  # as a terminal does: everybody gets it
            time.sleep(0.1)
    else:
        process.send_signal(number)
    status, said = process.wait(PATIENCE), process.said()
    if number == signal.SIGKILL:
        assert status == -number
    else:
        assert status == 128 + number
        assert re.search("(interrupted|ended at once); what is finished is kept", said)
        assert "Traceback" not in said
    end = time.monotonic() + 20
    while not all(map(gone, workers)) and time.monotonic() < end:
        time.sleep(0.05)
    assert all(map(gone, workers))


def decoders_in(folder: Path) -> list[int]:
    """Decoder processes that stand in a folder, as their worker does."""
    ids = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            here = (process / "cwd").readlink() == folder
            if here and b"pipeline.workers.serving" in (process / "cmdline").read_bytes():
                ids.append(int(process.name))
    return ids


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """A dask scheduler and a worker, started by hand: the address, and the folder where they stand."""
    folder = tmp_path_factory.mktemp("dask")
    processes = []

    def start(*arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "dask", *arguments]
        log = (folder / f"{arguments[0]}.log").open("wb")
        processes.append(subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, env=environment))
        return processes[-1]

    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    file = folder / "scheduler.json"
    start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file))
    end = time.monotonic() + PATIENCE
    while not file.exists() and time.monotonic() < end:
        time.sleep(0.05)
    time.sleep(0.2)
    address = json.loads(file.read_text())["address"]
    start("worker", address, "--nthreads", "1", "--no-dashboard", "--local-directory", str(folder))
    yield SimpleNamespace(address=address, folder=folder)
    for process in processes:
        process.terminate()
    for process in processes:
        process.wait(PATIENCE)


@pytest.mark.slow
def test_a_scheduler_and_a_worker_started_by_hand_equal_the_serial_run(
    tiny: Any, serial: dict[str, Any], tmp_path: Path, scheduler: SimpleNamespace, forked: Forked
) -> None:
    workspace = prepared(tiny, tmp_path / "tiny")
    process = run(forked, workspace, "--scheduler", scheduler.address)
    if sys.platform == "linux":
        assert wait_for(lambda: decoders_in(scheduler.folder), process)
    assert process.wait(PATIENCE) == 0, process.said()
    assert arrays(workspace.work) == serial
    assert not decoders_in(scheduler.folder)  # the worker stays, for other runs
