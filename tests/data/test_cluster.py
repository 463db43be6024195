"""A scheduler and workers of Dask, as processes of this machine."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest

pytest.importorskip("distributed", reason="needs Dask: pip install distributed")

from data.places import Place  # noqa: E402
from data.preprocessing import JOURNAL, OUTPUTS, preprocess  # noqa: E402
from data.workers import look_at_all  # noqa: E402
from sign2sound.errors import UserError  # noqa: E402

PICTURES = 42


@pytest.fixture
def start(root):
    """Starts a program of Dask, in the repository, as one starts it in a clone."""
    processes = []

    def start(program, *options):
        command = [sys.executable, "-m", f"distributed.cli.dask_{program}", *map(str, options)]
        processes.append(subprocess.Popen(command, cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait()


@pytest.fixture
def scheduler(start, tmp_path):
    """The address of a scheduler without a worker."""
    file = tmp_path / "scheduler.json"
    start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", file)
    end = time.monotonic() + 60
    while not file.exists():
        assert time.monotonic() < end, "the scheduler does not start"
        time.sleep(0.05)
    from distributed import Client

    with Client(scheduler_file=str(file), set_as_default=False) as client:
        return client.scheduler.address


@pytest.fixture
def start_worker(start, scheduler):
    return lambda *options: start("worker", scheduler, "--nthreads", "1", "--no-dashboard", *options)


@pytest.fixture
def pictures(shared_data, tmp_path):
    for label in ("A", "O", "Nothing"):
        for path in sorted((shared_data / "images" / "rooms" / "train" / label).iterdir())[: PICTURES // 3]:
            (tmp_path / "pictures" / label).mkdir(parents=True, exist_ok=True)
            shutil.copy(path, tmp_path / "pictures" / label)
    (tmp_path / "pictures" / "O" / "broken.jpg").write_bytes(b"no picture")
    return tmp_path / "pictures"


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
@pytest.mark.parametrize("kind", ["folder", "address"])
def test_a_worker_that_is_killed_and_one_that_comes_late_change_nothing(
    start, scheduler, start_worker, pictures, root, tmp_path, kind
):
    source = pictures
    if kind == "address":
        source = f"zip://::{shutil.make_archive(tmp_path / 'pictures', 'zip', pictures)}"
    killed = start_worker("--no-nanny")
    command = [sys.executable, "scripts/preprocess.py", "--input", source, "--output", tmp_path / "out", "--cluster", scheduler]
    run = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    journal = tmp_path / "out" / JOURNAL
    while run.poll() is None and not (journal.exists() and journal.read_bytes().count(b"\n") > 9):
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    start_worker("--no-nanny")
    output, errors = run.communicate(timeout=300)
    assert run.returncode == 0 and f"{PICTURES + 1} images in" in output and "1 broken picture left out" in output, errors
    preprocess(source, tmp_path / "here", workers=1)
    for name in OUTPUTS:
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "here" / name).read_bytes(), name


def test_no_scheduler_is_said(monkeypatch):
    import dask

    with dask.config.set({"distributed.comm.timeouts.connect": 1}), pytest.raises(UserError, match="no Dask scheduler answers"):
        with look_at_all(Place("."), ["a"], None, "tcp://127.0.0.1:9"):
            pass
    with pytest.raises(UserError, match="no Dask scheduler answers at nonsense"):
        with look_at_all(Place("."), ["a"], None, "nonsense://x"):
            pass


def test_that_no_worker_comes_is_said(scheduler, start_worker, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("data.workers._PATIENCE", 0.5)
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    with look_at_all(Place(tmp_path), ["a.jpg"], None, scheduler) as answers:
        threading.Timer(3, start_worker, ["--no-nanny"]).start()
        assert "not a picture" in next(answers)
    assert capsys.readouterr().err == "waiting for workers, of which the cluster has none: start some with `dask worker`\n"
