"""Dask workers that are processes of this machine."""

import os
import signal
from importlib.util import find_spec
from multiprocessing import resource_tracker
from typing import Any

from pipeline.devices.resources import cores
from pipeline.errors import Missing
from pipeline.workers import malloc

KEYS = "cryptography"  # the package by which dask makes keys
PAGES = ["distributed.http.health"]  # that dask shows to anybody on this machine: no work of the run
LOSSES = 3  # workers that may be lost with one task before the run gives up


def start(workers: int) -> Any:
    """Worker processes on this machine; each sees one of its GPUs."""
    import dask
    import torch
    from distributed import LocalCluster

    security = secured()

    gpus = torch.cuda.device_count()
    share = max(1, cores() // workers)  # of the cores
    decoders = {"LAFF_DECODERS": os.environ.get("LAFF_DECODERS") or str(share)}

    class Local(LocalCluster):
        """A LocalCluster whose workers take the GPUs in turns."""

        def new_worker_spec(self) -> dict[Any, dict[str, Any]]:
            """The next worker, with its GPU and its share of the cores in its environment."""
            parent: Any = super()  # distributed ships no types
            spec: dict[Any, dict[str, Any]] = parent.new_worker_spec()
            for number, (_, worker) in enumerate(spec.items(), len(self.worker_spec)):
                worker["options"]["env"] = decoders | (
                    {"CUDA_VISIBLE_DEVICES": _visible(number % gpus)} if gpus else {}
                )
            return spec

    dask.config.set({"distributed.scheduler.allowed-failures": LOSSES - 1})
    dask.config.set({f"distributed.{which}.http.routes": PAGES for which in ("scheduler", "worker")})
    # What the C library reads when a process starts; a worker's own environment comes too late for that.
    environment = dask.config.get("distributed.nanny.pre-spawn-environ", {})
    dask.config.set({"distributed.nanny.pre-spawn-environ": {**environment, **malloc.variables()}})
    kind: Any = Local
    cluster = kind(
        n_workers=0,
        threads_per_worker=1,
        resources={"GPU": 1} if gpus else {},
        memory_limit=0,  # the queue bounds the memory; dask would stop a worker by a guess
        dashboard_address="127.0.0.1:0",
        security=security,
        silence_logs=50,
        host="127.0.0.1",
    )
    # Ctrl-C is for this process alone: processes that the loop's thread starts from here on inherit the block.
    _start_tracker()  # its start would end the block
    cluster.loop.add_callback(signal.pthread_sigmask, signal.SIG_BLOCK, {signal.SIGINT})
    cluster.scale(workers)
    return cluster


def _start_tracker() -> None:
    """Start the process that removes semaphores of processes which ended at once; it needs not warn of them too."""
    before = os.environ.get("PYTHONWARNINGS")
    os.environ["PYTHONWARNINGS"] = "ignore::UserWarning"
    try:
        resource_tracker.ensure_running()
    finally:
        del os.environ["PYTHONWARNINGS"]
        os.environ |= {} if before is None else {"PYTHONWARNINGS": before}


def check() -> None:
    """Raise Missing where workers could not be started safely; to be called before any work is done."""
    if find_spec(KEYS) is None and not _own_keys():
        raise Missing(KEYS, "--workers, if dask's configuration names no TLS files of yours,")


def secured() -> Any:
    """The TLS keys that a connection to the workers needs; without them any user of this machine could run code there.

    They are those of the user's dask configuration where it asks for encryption, else new ones, which are kept in
    memory only and end with this process.
    """
    from distributed.security import Security

    check()
    return _own_keys() or Security.temporary()


def _own_keys() -> Any:
    """The TLS files that dask's configuration names; None where it asks for no encryption."""
    from distributed.security import Security

    keys: Any = Security()
    return keys if keys.require_encryption and keys.tls_ca_file else None


def _visible(number: int) -> str:
    """The name of the n-th GPU that this process may use."""
    names = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    return names[number] if names else str(number)
