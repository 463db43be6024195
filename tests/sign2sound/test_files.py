import os
import signal
import subprocess
import sys
import time

import pytest

from sign2sound.errors import UserError
from sign2sound.files import atomic_write, claim_folders, in_project, output_file, output_folder


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


def full(path, size: int) -> str:
    """A program that writes `size` bytes to `path` where files may hold 100,000, as on a full disk."""
    return (
        "import resource\nfrom sign2sound.errors import run\nfrom sign2sound.files import atomic_write, output_folder\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        f"def main():\n    with atomic_write({str(path)!r}) as file:\n        file.write(bytes({size}))\nrun(main)"
    )


@pytest.mark.skipif(os.name != "posix", reason="needs RLIMIT_FSIZE")
def test_a_write_that_fails_is_one_line_and_leaves_the_old_file(tmp_path):
    (tmp_path / "file").write_bytes(b"old")
    done = subprocess.run([sys.executable, "-c", full(tmp_path / "file", 200_000)], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {tmp_path / 'file'}: ") and done.stderr.count("\n") == 1
    assert (tmp_path / "file").read_bytes() == b"old" and names(tmp_path) == ["file"]
    assert subprocess.run([sys.executable, "-c", full(tmp_path / "file", 90_000)]).returncode == 0


def test_outputs_are_tried_before_the_work_and_nothing_is_left(tmp_path):
    (tmp_path / "file").write_bytes(b"old")
    assert output_folder(str(tmp_path / "new" / "deep")) == tmp_path / "new" / "deep"
    assert output_file(str(tmp_path / "file")) == tmp_path / "file"
    assert names(tmp_path) == ["file"]
    with pytest.raises(UserError, match="cannot write in"):
        output_folder(str(tmp_path / "file" / "below"))
    with pytest.raises(UserError, match="is a folder"):
        output_file(str(tmp_path))
    with pytest.raises(UserError, match="is a device"):
        output_file(os.devnull)


def test_a_claimed_folder_is_free_of_leftovers_and_free_again_when_its_holder_is_killed(tmp_path):
    (tmp_path / ".model.pth.abc.tmp").write_bytes(b"half")
    program = (
        "import sys, time\nfrom sign2sound.files import claim_folders\n"
        "with claim_folders(sys.argv[1]):\n    print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", program, tmp_path], stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"held\n"
    assert names(tmp_path) == [".lock"]
    with pytest.raises(UserError, match="another run is at work"), claim_folders(tmp_path):
        pass
    holder.kill()
    holder.wait()
    holder.stdout.close()
    with claim_folders(tmp_path, tmp_path):
        pass


def test_defaults_are_the_projects_wherever_a_program_is_started(root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert in_project("training/config.yaml") == str(root / "training" / "config.yaml")
    monkeypatch.chdir(root)
    assert in_project("training/config.yaml") == "training/config.yaml"
