"""Measure what the project does, each time against a named alternative in the same run.

python scripts/benchmark.py --list                what the parts measure and need, and how long they take
python scripts/benchmark.py                       all of them; the machine should do nothing else
python scripts/benchmark.py live startup          some of them; those measured before stay in the table
python scripts/benchmark.py --output results/benchmark.md
python scripts/benchmark.py --readme              write README's table from results/benchmark.json
"""

if __name__ == "__main__":  # above the imports that take seconds
    from sign2sound.errors import before_imports

    before_imports()

import argparse
import json
import os
import shlex
import sys
from dataclasses import asdict
from datetime import date
from pathlib import Path
from types import ModuleType

from scripts.benchmarks import export, gpu, listing, live, memory, preprocess, speech, startup, train
from scripts.benchmarks.measuring import Part, Row, machine, table
from sign2sound.errors import UserError, run
from sign2sound.files import atomic_write, in_project, output_file
from training.report import markdown_table, write_report

PARTS: dict[str, ModuleType] = {
    "memory": memory,  # first: the peak of a command is never below that of the process that starts it
    "listing": listing,
    "preprocess": preprocess,
    "live": live,
    "train": train,
    "gpu": gpu,
    "startup": startup,
    "export": export,
    "speech": speech,
}

README = in_project("README.md")
README_MARKS = "<!-- from here on by `python scripts/benchmark.py --readme` -->", "<!-- to here -->"
# What README's table calls the rows that it shows, by part and name.
README_ROWS = {
    ("live", "1280×720, ONNX, p50"): "a frame of 1280×720, p50",
    ("live", "1280×720, ONNX, p95"): "the same, p95",
    ("startup", "page: first answer"): "from the command to the page's first answer",
    ("preprocess", "all cores, of the limit"): "preprocessing, of what the networks allow",
}


def main() -> None:
    arguments = parse_arguments()
    if arguments.list:
        rows = [[name, part.__doc__.splitlines()[0], part.NEEDS, f"{part.MINUTES} min"] for name, part in PARTS.items()]
        print("\n".join(markdown_table(["part", "measures", "needs", "about"], rows, "lllr")))
        return
    report = arguments.output.with_suffix(".json")
    if arguments.readme:
        write_readme(Path(README), Path(in_project("results/benchmark.json")))
        return
    chosen = [name for name in PARTS if name in (arguments.parts or PARTS)]
    refuse_what_lacks(chosen, arguments)
    measured = json.loads(report.read_bytes()) if report.is_file() else {}
    for number, name in enumerate(chosen, start=1):
        print(f"{name} ({number} of {len(chosen)}, about {PARTS[name].MINUTES} min) …", flush=True)
        load = os.getloadavg()[0]
        part = PARTS[name].measure(arguments)
        measured[name] = {
            "machine": machine(),
            "date": date.today().isoformat(),
            "load": round(load, 2),
            "command": f"python {shlex.join(sys.argv)}",
            **asdict(part),
        }
        print(table(part), flush=True)
        write_report(arguments.output, measured, markdown({name: measured[name] for name in PARTS if name in measured}))
    print(f"wrote {arguments.output} and {report}; README's table: python scripts/benchmark.py --readme")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)} (default: all)")
    parser.add_argument("--list", action="store_true", help="list the parts, what each needs and how long it takes")
    parser.add_argument(
        "--readme", action="store_true", help="write README's table from results/benchmark.json, and measure nothing"
    )
    parser.add_argument(
        "--output",
        type=output_file,
        default=in_project("results/run/benchmark.md"),
        help="the table; .json beside it (default: %(default)s)",
    )
    parser.add_argument("--repeats", type=int, default=3, help="of each measurement (default: %(default)s)")
    parser.add_argument(
        "--model", type=Path, default=in_project("checkpoints/best_model.pth"), help="checkpoint (default: %(default)s)"
    )
    parser.add_argument(
        "--pictures", type=Path, default=in_project("data/raw"), help="folder of class folders (default: %(default)s)"
    )
    parser.add_argument("--images", type=int, default=1000, help="how many of these (default: %(default)s)")
    parser.add_argument("--videos", type=Path, default=in_project("videos"), help="folder of .mp4 (default: %(default)s)")
    parser.add_argument(
        "--landmarks",
        type=Path,
        default=in_project("landmarks/kaggle.npz"),
        help="stills of the Kaggle set (default: %(default)s)",
    )
    arguments = parser.parse_args()
    if unknown := sorted(set(arguments.parts) - set(PARTS)):
        raise UserError(f"no part {', '.join(unknown)}; expected some of {', '.join(PARTS)}")
    return arguments


def refuse_what_lacks(chosen: list[str], arguments: argparse.Namespace) -> None:
    """Raises UserError where parts lack what they need, before any is measured."""
    problems = {}
    for name in chosen:
        try:
            PARTS[name].check(arguments)
        except UserError as error:
            problems[name] = str(error)
    if problems:
        ready = " ".join(name for name in chosen if name not in problems)
        lacking = "; ".join(f"{name}: {problem}" for name, problem in problems.items())
        raise UserError(f"{lacking}" + (f". Ready to be measured: python scripts/benchmark.py {ready}" if ready else ""))


def markdown(parts: dict[str, dict]) -> str:
    """The report: parts measured on the same machine share its line."""
    machines = list(dict.fromkeys(part["machine"] for part in parts.values()))
    lines = [
        "# Benchmark",
        "",
        "Medians; the spread is the least and the greatest of the repeats. Each ratio is of one run.",
        "",
    ]
    for number, name in enumerate(machines, start=1):
        lines += [f"Machine {number}: {name}.", ""]
    for name, part in parts.items():
        rows = [Row(**row) for row in part["rows"]]
        where = machines.index(part["machine"]) + 1
        lines += [f"## {name}", "", PARTS[name].__doc__.splitlines()[0], "", table(Part(rows, part["notes"]))]
        lines += [f"`{part['command']}`, {part['date']}, machine {where}, load before it {part['load']}.", ""]
    return "\n".join(lines)


def write_readme(readme: Path, report: Path) -> None:
    """Put the table of README_ROWS, as far as they were measured, between README_MARKS. Raises UserError without marks."""
    parts = json.loads(report.read_bytes())
    found = {(name, row["what"]): Row(**row) for name, part in parts.items() for row in part["rows"]}
    cells = {key: found[key].cells() for key in README_ROWS if key in found}
    rows = [
        [README_ROWS[key], value, f"{against}, {reference}", ratio]
        for key, (_, value, _, against, reference, _, ratio) in cells.items()
    ]
    lines = markdown_table(["measured", "here", "against", "ratio"], rows, "lrlr")[:-1]
    text = readme.read_text(encoding="utf-8")
    before, begin, rest = text.partition(README_MARKS[0])
    _, end, after = rest.partition(README_MARKS[1])
    if not end:
        raise UserError(f"{readme} has no lines {' and '.join(README_MARKS)}, between which the table goes")
    with atomic_write(readme) as file:
        file.write("\n".join([before + begin, *lines, end + after]).encode())
    print(f"wrote {len(rows)} rows into {readme}")
    for part, what in README_ROWS:
        if (part, what) not in found:
            print(f"not measured, left out: {what}; python scripts/benchmark.py --output {report.with_suffix('.md')} {part}")


if __name__ == "__main__":
    run(main)
