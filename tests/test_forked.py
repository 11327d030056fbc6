"""Processes that tests fork have exit statuses of their own."""

import signal

from tests.forked import Forked


def test_an_exit_status_is_that_of_the_job_whose_pid_comes_again(forked: Forked) -> None:
    ended = forked.start("time:sleep", [0])
    assert ended.wait() == 0
    running = forked.start("time:sleep", [60])
    pid, running.pid = running.pid, ended.pid  # as after some 32,768 processes
    assert running.poll() is None
    running.pid = pid
    running.send_signal(signal.SIGKILL)
    assert (running.wait(), ended.poll()) == (-signal.SIGKILL, 0)
