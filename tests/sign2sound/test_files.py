import os
import signal
import subprocess
import sys
import time

import pytest

from sign2sound.files import atomic_write


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_writes_and_makes_the_folder(tmp_path):
    with atomic_write(tmp_path / "new" / "deep" / "file") as file:
        file.write(b"whole")
    assert (tmp_path / "new" / "deep" / "file").read_bytes() == b"whole"
    assert names(tmp_path / "new" / "deep") == ["file"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, OSError])
def test_an_exception_leaves_the_old_file_and_nothing_else(tmp_path, error):
    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(error), atomic_write(tmp_path / "file") as file:
        file.write(b"half of the n")
        raise error
    assert (tmp_path / "file").read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def test_the_old_file_stands_until_the_block_ends(tmp_path):
    (tmp_path / "file").write_bytes(b"old")
    with atomic_write(tmp_path / "file") as file:
        file.write(b"new")
        file.flush()
        assert (tmp_path / "file").read_bytes() == b"old"
    assert (tmp_path / "file").read_bytes() == b"new"


def test_what_was_written_can_be_read_back_inside_the_block(tmp_path):
    with atomic_write(tmp_path / "file") as file:
        file.write(b"new")
        file.seek(0)
        assert file.read() == b"new"


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_a_killed_writer_leaves_the_old_file(tmp_path):
    (tmp_path / "file").write_bytes(b"old")
    program = (
        "import sys, time\nfrom sign2sound.files import atomic_write\n"
        "with atomic_write(sys.argv[1]) as file:\n"
        "    file.write(b'half'); file.flush(); print('writing', flush=True); time.sleep(60)"
    )
    writer = subprocess.Popen([sys.executable, "-c", program, tmp_path / "file"], stdout=subprocess.PIPE)
    assert writer.stdout.readline() == b"writing\n"
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    writer.stdout.close()
    assert (tmp_path / "file").read_bytes() == b"old"


def test_two_writers_at_once_leave_one_whole_file(tmp_path):
    program = (
        "import sys\nfrom sign2sound.files import atomic_write\n"
        "for _ in range(30):\n    with atomic_write(sys.argv[1]) as file:\n        file.write(sys.argv[2].encode() * 100_000)"
    )
    writers = [subprocess.Popen([sys.executable, "-c", program, tmp_path / "file", letter]) for letter in "ab"]
    seen = set()
    while any(writer.poll() is None for writer in writers):
        if (tmp_path / "file").exists():
            seen.add((tmp_path / "file").read_bytes())
        time.sleep(0.001)
    assert [writer.returncode for writer in writers] == [0, 0]
    seen.add((tmp_path / "file").read_bytes())
    assert seen <= {b"a" * 100_000, b"b" * 100_000}
    assert names(tmp_path) == ["file"]
