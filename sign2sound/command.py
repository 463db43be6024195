"""Fingerspelling on the command line.

sign2sound read hand.jpg                        the letter in a picture
sign2sound read pictures --watch                those in a folder's pictures, and in each that is added
sign2sound read video.mp4 --json                letters with their times, and the text; 0 is the first camera
sign2sound speak "hello world"                  aloud, or into a file by --output hello.wav
sign2sound spell HELLO --output hello.mp4       a video of the synthetic signer
"""

import argparse
import json
import sys
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from tqdm import tqdm

from sign2sound.errors import UserError
from sign2sound.exported import RELEASED
from sign2sound.files import counted, output_file, printable
from sign2sound.pictures import BrokenPicture
from sign2sound.recognizer import Recognizer
from sign2sound.signer import SPEED, sign_word
from sign2sound.sources import (
    Camera,
    VideoFile,
    find_pictures,
    is_stills,
    open_source,
    parse_source,
    silence_opencv,
    watch_pictures,
)
from sign2sound.speech import Speaker, Voice, needed_engine
from sign2sound.speller import Speller
from sign2sound.video_writer import VideoWriter


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="sign2sound", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="read | speak | spell")

    command = commands.add_parser("read", help="print the letters and the text that pictures, a video or a camera show")
    command.set_defaults(run=read)
    kinds = "picture, folder of pictures, video, camera number, or address of an MJPEG or RTSP stream"
    command.add_argument("source", type=parse_source, help=kinds)
    command.add_argument("--json", action="store_true", help="print a JSON object on each line")
    command.add_argument("--watch", action="store_true", help="read what is added to the folder, too, until Ctrl-C")
    command.add_argument("--model", type=Path, default=RELEASED, help="another than the released one, .onnx or .pth")
    command.add_argument("--profile", type=Path, help="a person's own, .npz")

    command = commands.add_parser("speak", help="speak a text by espeak-ng")
    command.set_defaults(run=speak)
    command.add_argument("text")
    command.add_argument("--output", type=output_file, help="speak into this .wav file")
    command.add_argument("--language", default=Voice.language, help="default: %(default)s")
    command.add_argument("--voice", help="one of espeak-ng's (default: the language's own)")
    command.add_argument("--rate", type=int, default=Voice.rate, help="words/min (default: %(default)s)")

    command = commands.add_parser("spell", help="write a video in which the synthetic signer spells a word")
    command.set_defaults(run=spell)
    command.add_argument("word")
    command.add_argument("--output", type=output_file, required=True, help="an .mp4 file, which browsers and players show")
    command.add_argument("--speed", type=float, default=SPEED, help="letters/s, 0.5 to 6 (default: %(default)s)")

    arguments = parser.parse_args()
    arguments.run(arguments)


def read(arguments: argparse.Namespace) -> None:
    silence_opencv()
    source = arguments.source
    if arguments.watch and not (isinstance(source, Path) and source.is_dir()):
        raise UserError(f"--watch is for a folder that is being filled, found {source}; leave it out")
    with Recognizer.load(arguments.model, profile=arguments.profile) as recognizer:
        if is_stills(source):
            _read_pictures(watch_pictures(source) if arguments.watch else find_pictures(source), recognizer, arguments.json)
        else:
            with closing(open_source(source)) as stream:
                _read_stream(stream, recognizer, arguments.json)


def speak(arguments: argparse.Namespace) -> None:
    needed_engine()
    with Speaker(Voice(arguments.language, arguments.voice, arguments.rate), arguments.output) as speaker:
        speaker.say(arguments.text)
        try:
            speaker.finish()
        except KeyboardInterrupt:
            speaker.muted = True
            raise
    if speaker.problem:  # which it has said
        sys.exit(2)
    if arguments.output:
        print(f"wrote {arguments.output}")


def spell(arguments: argparse.Namespace) -> None:
    with VideoWriter(arguments.output) as video:
        for picture, timestamp in tqdm(sign_word(arguments.word, speed=arguments.speed), unit=" frames", leave=False):
            video.write(picture, timestamp)
    print(f"wrote {arguments.output}; read it with: sign2sound read {arguments.output}")


def _read_pictures(paths: Iterable[Path], recognizer: Recognizer, as_json: bool) -> None:
    """Read each picture on its own, as soon as it comes; what can't be read is said, counted and skipped."""
    counts = {"read": 0, "without a hand": 0, "broken": 0}
    try:
        for path in paths:
            name = printable(path)
            try:
                reading = recognizer.read_picture(path)
            except BrokenPicture as error:
                counts["broken"] += 1
                print(f"{name}  cannot be read, skipped: {error}", file=sys.stderr)
                continue
            if reading.notice:
                print(reading.notice, file=sys.stderr)
            found = reading.hand is not None
            counts["read" if found else "without a hand"] += 1
            if as_json:
                letter = {"label": reading.label, "confidence": round(reading.confidence, 4)} if found else {"label": None}
                print(json.dumps({"file": name, **letter}), flush=True)
            else:
                print(f"{name}  {reading.label}  {reading.confidence:.2f}" if found else f"{name}  no hand found", flush=True)
    finally:
        parts = ", ".join(f"{count} {what}" for what, count in counts.items())
        print(f"{counted(sum(counts.values()), 'picture')}: {parts}", file=sys.stderr)
    if counts["broken"] == sum(counts.values()):
        raise UserError("nothing could be read; give pictures that a picture viewer shows")


def _read_stream(stream: Camera | VideoFile, recognizer: Recognizer, as_json: bool) -> None:
    """Print each letter as it is written, and at last the text, however the stream ends."""
    speller = Speller()
    try:
        for frame in stream:
            reading = recognizer.read(frame.picture, frame.timestamp)
            if reading.notice:
                print(reading.notice, file=sys.stderr)
            event = speller.update(frame.timestamp, reading.probabilities)
            if event and as_json:
                print(json.dumps({"seconds": round(event.timestamp, 3), "event": event.kind, "text": event.text}), flush=True)
            elif event:
                print(f"{event.timestamp:7.2f} s  {event.kind:<10}{event.text}", flush=True)
    finally:
        print(json.dumps({"text": speller.text}) if as_json else f"text: {speller.text}")
