"""Workers of this machine: with which keys, and what is told where there are none."""

import dask
import pytest

from pipeline.errors import Missing
from pipeline.workers import local
from pipeline.workers.cluster import Cluster


def test_keys_are_made_for_each_run() -> None:
    one, other = local.secured(), local.secured()
    assert one.require_encryption
    assert one.tls_worker_key.startswith("-----BEGIN")  # the key itself: no file holds it
    assert one.tls_worker_key != other.tls_worker_key


def test_tls_files_of_the_user_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "find_spec", lambda name: None)
    files = {"ca-file": "ca.pem", "worker.key": "key.pem", "worker.cert": "cert.pem"}
    given = {f"distributed.comm.tls.{name}": value for name, value in files.items()}
    with dask.config.set({"distributed.comm.require-encryption": True, **given}):
        keys = local.secured()
        Cluster(workers=2)
    assert (keys.tls_ca_file, keys.tls_worker_key) == ("ca.pem", "key.pem")


def test_without_keys_no_worker_is_started_and_this_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "find_spec", lambda name: None)
    with pytest.raises(Missing, match=r"--workers, if .* TLS files of yours, needs the package cryptography, which"):
        Cluster(workers=2)
    Cluster(address="tcp://host:8786")  # the workers of another have their own
