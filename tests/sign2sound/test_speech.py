import os
import signal
import subprocess
import sys
import time
import wave

import numpy as np
import pytest

from sign2sound import Speaker, UserError, Voice, speech

SENTENCE = "the quick brown fox jumps over the lazy dog"


@pytest.fixture
def engine():
    """The real espeak-ng."""
    if not (found := speech.find_engine()):
        pytest.skip("needs espeak-ng: " + speech.INSTALL.get(sys.platform, ""))
    return found


@pytest.fixture
def fake_engine(tmp_path, monkeypatch):
    """Puts a shell script in espeak-ng's place; `body` is what it does with a text, which stands on its stdin."""
    if os.name == "nt":
        pytest.skip("needs a shell")

    def make(body: str):
        program = tmp_path / "bin" / "espeak-ng"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\ncd "{tmp_path}"\ncase "$*" in *--stdin*) {body};; esac\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
        return tmp_path

    return make


def spoken(path, *texts: str | tuple[str, float], voice: Voice | None = None) -> np.ndarray:
    """Samples of the WAV file that a speaker makes of the texts, or (text, timestamp)s; checks that it is 22,050 Hz, mono."""
    with Speaker(voice, path) as speaker:
        for text in texts:
            speaker.say(*((text,) if isinstance(text, str) else text))
    return read(path)


def read(path) -> np.ndarray:
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (22050, 1, 2)
        return np.frombuffer(file.readframes(file.getnframes()), np.int16)


def is_loud(samples: np.ndarray) -> bool:
    return np.sqrt(np.mean(samples.astype(float) ** 2)) > 500


def test_the_file_has_each_text_at_its_time(engine, tmp_path):
    samples = spoken(tmp_path / "new" / "speech.wav", ("A", 1.0), ("HELLO", 2.0))
    second = 22050
    assert not samples[:second].any()
    assert is_loud(samples[second : second + 5000])
    assert not samples[second + 12000 : 2 * second].any()  # the letter is over within 0.55 s
    assert is_loud(samples[2 * second : 2 * second + 7000])
    assert 2.2 * second < len(samples) < 3 * second


def test_texts_without_a_time_follow_each_other(engine, tmp_path):
    alone = [spoken(tmp_path / "alone.wav", text) for text in ("HELLO", "WORLD")]
    np.testing.assert_array_equal(spoken(tmp_path / "both.wav", "HELLO", "WORLD"), np.concatenate(alone))


def test_the_file_is_whole_while_the_speaker_is_still_open(engine, tmp_path):
    path = tmp_path / "speech.wav"
    with Speaker(output=path) as speaker:
        speaker.say("HELLO")
        speaker._queue.put(None)  # what close() puts: the worker ends, after the text
        speaker._worker.join(5)
        assert is_loud(read(path))


def test_a_single_letter_is_spoken_by_its_name_and_capitals_as_a_word(engine, tmp_path):
    spanish = Voice("es")
    assert len(spoken(tmp_path / "y.wav", "Y", voice=spanish)) > 2 * len(spoken(tmp_path / "and.wav", "y ", voice=spanish))
    np.testing.assert_array_equal(spoken(tmp_path / "US.wav", "US"), spoken(tmp_path / "us.wav", "us"))
    np.testing.assert_array_equal(spoken(tmp_path / "A.wav", "A"), spoken(tmp_path / "a.wav", "a"))
    assert is_loud(spoken(tmp_path / "option.wav", "--version"))  # a text, no option of the engine


def test_the_voice_is_the_one_asked_for(engine, tmp_path):
    usual = spoken(tmp_path / "usual.wav", SENTENCE)
    fast = spoken(tmp_path / "fast.wav", SENTENCE, voice=Voice(rate=350))
    assert 0.4 < len(fast) / len(usual) < 0.6
    for voice in (Voice("en-gb"), Voice("de"), Voice(name="f3"), Voice(name="Mr serious")):
        other = spoken(tmp_path / "other.wav", SENTENCE, voice=voice)
        assert is_loud(other) and not np.array_equal(other, usual)


@pytest.mark.parametrize(
    ("voice", "problem"),
    [
        (Voice("xx"), "no language xx; espeak-ng --voices lists"),
        (Voice(name="nobody"), "no voice nobody; espeak-ng --voices=variant lists"),
        (Voice(rate=1000), "1000 words/min; expected 80 to 450"),
    ],
)
def test_an_unknown_voice_is_refused(engine, voice, problem):
    with pytest.raises(UserError, match=problem):
        Speaker(voice)


def test_the_voices_are_listed(engine):
    assert {"f3", "m1", "whisper", "Mr serious"} <= set(speech.voices())


def test_an_output_that_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(UserError, match="cannot be written .*; give the sound another path"):
        Speaker(output=tmp_path)


FULL_DISK = """
import resource, signal, sys
from sign2sound import Speaker
from sign2sound.errors import run
def main():
    with Speaker(output=sys.argv[1]) as speaker:
        for text in sys.argv[3:]:
            speaker.say(text)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
run(main)
"""


@pytest.mark.skipif(os.name != "posix", reason="needs a bound of what may be written")
@pytest.mark.parametrize(("room", "texts"), [(30_000, ["HELLO", "WORLD", "A"]), (10, [])])
def test_a_full_disk_is_one_line_and_status_2_and_leaves_no_file(fake_engine, tmp_path, room, texts):
    """The system refuses what is written beyond `room` bytes."""
    path = fake_engine("cat spoken.wav") / "speech.wav"
    with wave.open(str(tmp_path / "spoken.wav"), "wb") as spoken:
        spoken.setparams((1, 2, 22050, 0, "NONE", None))
        spoken.writeframes(bytes(20_000))
    done = subprocess.run([sys.executable, "-c", FULL_DISK, path, str(room), *texts], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (
        2, f"error: {path} cannot be written to its end (File too large); make room, or give the sound another path\n",
    )  # fmt: skip
    assert not path.exists()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_device_that_is_full_stays(engine):
    with pytest.raises(UserError, match="No space left on device"), Speaker(output="/dev/full") as speaker:
        speaker.say("HELLO")
    assert os.path.exists("/dev/full")


def test_in_the_file_late_letters_are_left_out_and_words_are_not(engine, tmp_path):
    kept = spoken(tmp_path / "kept.wav", (SENTENCE, 0.0), ("HELLO", 0.6))
    np.testing.assert_array_equal(spoken(tmp_path / "late.wav", (SENTENCE, 0.0), ("A", 0.5), ("HELLO", 0.6)), kept)
    assert len(spoken(tmp_path / "not_late.wav", (SENTENCE, 0.0), ("A", 2.5), ("HELLO", 2.6))) > len(kept)


def test_aloud_late_letters_are_left_out_and_words_are_not(fake_engine, monkeypatch):
    folder = fake_engine("cat >> log; sleep 0.3")
    monkeypatch.setattr(speech, "LATE", 0.1)
    with Speaker() as speaker:
        for text in ("one", "A", "B", "two"):
            speaker.say(text)
    assert (folder / "log").read_text() == "one\ntwo\n"


def test_say_does_not_wait_for_the_engine(fake_engine):
    folder = fake_engine("until [ -e go ]; do sleep 0.02; done; cat >> log")
    with Speaker() as speaker:
        for number in range(5):
            speaker.say(f"word {number}")
        assert not (folder / "log").exists()  # the engine could not start on any of them before this line
        (folder / "go").touch()
    assert (folder / "log").read_text().splitlines() == [f"word {number}" for number in range(5)]


def test_an_engine_that_hangs_is_ended_and_reported_once(fake_engine, monkeypatch, tmp_path, capfd):
    folder = fake_engine("echo $$ >> log; exec sleep 60")
    monkeypatch.setattr(speech, "PATIENCE", 0.3)
    with Speaker(Voice(rate=450), tmp_path / "speech.wav") as speaker:
        speaker.say("one")
        speaker._worker.join(1.2)  # beyond the patience, 0.3 s and 3 characters of 0.13 s
        speaker.say("two")
        started = time.monotonic()
    assert time.monotonic() - started < 2
    assert capfd.readouterr().err == "speech: espeak-ng hangs, and was ended; it is tried again with the next text\n"
    assert len(read(tmp_path / "speech.wav")) == 0
    processes = [int(line) for line in (folder / "log").read_text().split()]
    assert len(processes) == 2
    for process in processes:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


def test_closing_ends_what_takes_too_long(fake_engine, monkeypatch, capfd):
    fake_engine("exec sleep 60")
    monkeypatch.setattr(speech, "PATIENCE", 0.3)
    with Speaker(Voice(rate=80)) as speaker:
        speaker.say(SENTENCE * 10)  # which may take five minutes
        speaker.say("the rest")
        started = time.monotonic()
    assert time.monotonic() - started < 2
    assert not speaker._worker.is_alive()
    assert capfd.readouterr().err == "speech: espeak-ng was not done after 0.3 s; what it had still to say is left out\n"


@pytest.mark.parametrize(
    ("body", "report"),
    [
        ("echo first >&2; echo Error: broken >&2; exit 3", "espeak-ng failed (Error: broken); is there a sound device?"),
        ("echo error: No such device >&2", "espeak-ng failed (error: No such device); is there a sound device?"),
        ("exit 3", "espeak-ng failed (status 3); is there a sound device?"),
    ],
)
def test_an_engine_that_fails_is_reported_once(fake_engine, capfd, body, report):
    fake_engine(body)
    with Speaker() as speaker:
        speaker.say("one")
        speaker.say("two")
    assert capfd.readouterr().err == f"speech: {report}\n"


def test_what_is_no_sound_is_reported(fake_engine, tmp_path, capfd):
    fake_engine("echo no sound")
    assert len(spoken(tmp_path / "speech.wav", "HELLO")) == 0
    assert capfd.readouterr().err == "speech: espeak-ng wrote something else than a WAV file\n"


def test_a_missing_engine_is_reported_once_with_what_to_install(monkeypatch, tmp_path, capfd):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    samples = spoken(tmp_path / "speech.wav", "A", "HELLO")
    assert len(samples) == 0
    reported = capfd.readouterr().err
    assert reported == f"speech: no espeak-ng found; {speech.INSTALL['linux']}\n"
    with pytest.raises(UserError, match="apt install espeak-ng"):
        speech.voices()


def test_muted_says_nothing(engine, tmp_path):
    path = tmp_path / "speech.wav"
    with Speaker(output=path) as speaker:
        speaker.muted = True
        speaker.say("HELLO")
        speaker.muted = False
        speaker.say("WORLD")
        speaker.muted = True  # what was said before stays in the file
    np.testing.assert_array_equal(read(path), spoken(tmp_path / "world.wav", "WORLD"))


def test_muting_stops_what_is_spoken_aloud(fake_engine, capfd):
    folder = fake_engine("cat >> log; exec sleep 60")
    with Speaker() as speaker:
        speaker.say("one")
        speaker.say("two")
        deadline = time.monotonic() + 5
        while not (folder / "log").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        speaker.muted = True
        started = time.monotonic()
    assert time.monotonic() - started < 2
    assert (folder / "log").read_text() == "one\n"
    assert capfd.readouterr().err == ""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="hears ALSA, which only Linux has")
def test_aloud_the_sound_device_gets_all_of_the_sound(engine, tmp_path, monkeypatch):
    """ALSA's default device is made to append what it would play to a file."""
    heard = tmp_path / "heard.raw"
    device = f'pcm.!default {{ type file slave.pcm {{ type null }} file "|cat >> {heard}" format "raw" }}\n'
    (tmp_path / "asound.conf").write_text(device)
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(tmp_path / "asound.conf"))
    monkeypatch.setenv("PULSE_SERVER", "unix:/nowhere")  # which comes first where it runs
    with Speaker() as speaker:
        speaker.say("HELLO")
    sound = subprocess.run([engine, "-v", "en-us", "--stdout", "hello"], capture_output=True, check=True).stdout[44:]
    deadline = time.monotonic() + 5
    while heard.stat().st_size < len(sound) and time.monotonic() < deadline:
        time.sleep(0.01)
    samples = np.fromfile(heard, np.int16)
    assert samples.nbytes == len(sound)  # its values depend a little on the size of the engine's buffer
    assert is_loud(samples)


@pytest.mark.skipif(os.name == "nt", reason="sends a signal as a POSIX terminal does")
def test_ctrl_c_leaves_the_file_with_all_that_was_said(engine, tmp_path):
    program = (
        "import time; from sign2sound import Speaker\n"
        f"with Speaker(output={str(tmp_path / 'speech.wav')!r}) as speaker:\n"
        f"    for _ in range(5): speaker.say({SENTENCE!r})\n"
        "    print('said', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=-1, stderr=-1, start_new_session=True) as process:
        process.stdout.readline()
        os.killpg(process.pid, signal.SIGINT)  # to all of the group, the engine too if it were in it
        _, error = process.communicate(timeout=10)
    assert error.endswith(b"KeyboardInterrupt\n") and b"speech" not in error
    np.testing.assert_array_equal(read(tmp_path / "speech.wav"), np.tile(spoken(tmp_path / "one.wav", SENTENCE), 5))
