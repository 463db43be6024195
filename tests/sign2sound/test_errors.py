import subprocess
import sys


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
