import os
import subprocess
import sys

import pytest


def end_of(statement: str) -> tuple[int, str, str]:
    program = f"from sign2sound.errors import UserError, run\ndef main():\n    {statement}\nrun(main)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def test_a_users_mistake_is_one_line_and_status_2():
    assert end_of("raise UserError('no folder x; give one')") == (2, "", "error: no folder x; give one\n")


def test_stopping_is_one_line_and_status_130():
    assert end_of("raise KeyboardInterrupt") == (130, "", "stopped\n")


def test_success_is_silent():
    assert end_of("pass") == (0, "", "")


def test_a_bug_keeps_its_traceback():
    status, _, error = end_of("1 / 0")
    assert status == 1
    assert "Traceback" in error and "ZeroDivisionError" in error


def test_a_closed_pipe_ends_in_silence():
    code = "from sign2sound.errors import run\nrun(lambda: [print('x' * 1000, flush=True) for _ in range(1000)])"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait() == 141


def test_a_legacy_code_page_does_not_end_a_job():
    code = "from sign2sound.errors import run\nrun(lambda: print('caf\\u00e9 \\u2026'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stdout.strip()) == (0, b"caf\\xe9 \\u2026")


@pytest.mark.skipif(os.name != "posix", reason="needs a shell that closes descriptors")
def test_without_a_stderr_a_job_goes_on_and_its_lines_reach_no_file(tmp_path):
    code = (
        "from sign2sound.errors import run\nimport sys, os\nfrom tqdm import tqdm\n"
        "def main():\n    with open('data', 'w') as f:\n        print('line', file=sys.stderr)\n"
        "        list(tqdm([1])); os.write(2, b'x')\n"
        "    print('done')\nrun(main)"
    )
    done = subprocess.run(["sh", "-c", '"$0" -c "$1" 2>&-', sys.executable, code], capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "done\n")
    assert (tmp_path / "data").read_bytes() == b""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_at_stdout_is_one_line_and_status_2():
    code = "from sign2sound.errors import run\nrun(lambda: print('x'))"
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-c", code], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2 and done.stderr.startswith("error: ") and done.stderr.count("\n") == 1


@pytest.mark.skipif(os.name != "posix", reason="needs SIGINT")
def test_ctrl_c_during_the_imports_is_one_line():
    code = (
        "from sign2sound.errors import before_imports\nbefore_imports()\nimport os, signal\n"
        "try:\n    os.kill(os.getpid(), signal.SIGINT)\nexcept BaseException:\n    raise ImportError"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, "stopped\n")
