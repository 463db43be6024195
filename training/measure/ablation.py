"""What each part of the recipe is worth on people left out: python training/measure/ablation.py data.paths=[landmarks,clips]

Each variant of the configuration is measured as people.py does. Two that differ in `seed` alone say what chance does.
"""

if __name__ == "__main__":  # above the imports that take seconds
    from sign2sound.errors import before_imports

    before_imports()

import argparse
from pathlib import Path

import yaml

from data.dataset import load_samples
from sign2sound.errors import UserError, run
from sign2sound.files import in_project
from training.config import load_config
from training.measure.folds import deal, describe_sources, train_folds
from training.measure.people import add_training_arguments, read_people, report_on
from training.report import for_terminal, markdown_table, percent, write_report

_COLUMNS = {"mean": "mean", "median": "median", "worst_tenth": "worst tenth"}


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure variants of the configuration on people left out.")
    add_training_arguments(parser)
    parser.add_argument(
        "--variants", type=Path, default=in_project("training/measure/ablation.yaml"),
        help="name and overrides of each variant (default: %(default)s)",
    )  # fmt: skip
    arguments = parser.parse_intermixed_args()
    try:
        variants = yaml.safe_load(arguments.variants.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise UserError(f"cannot read {arguments.variants}: {' '.join(str(error).split())}") from error
    configs = {name: load_config(arguments.config, [*arguments.overrides, *values]) for name, values in variants.items()}
    caches = {name: arguments.models / "".join(c if c.isalnum() else "_" for c in name) for name in configs}

    stills, clips = load_samples(load_config(arguments.config, arguments.overrides).data.paths)
    folds = deal(describe_sources(stills, clips), arguments.folds)
    train_folds({caches[name]: config for name, config in configs.items()}, folds, arguments.workers)
    report = {name: report_on(read_people(cache, folds, stills, clips)) for name, cache in caches.items()}
    table = to_markdown(report, arguments.overrides)
    write_report(arguments.output / "ablation", report, table)
    print(for_terminal(table))
    print(f"wrote ablation.md and ablation.json in {arguments.output}")


def to_markdown(report: dict[str, dict], overrides: list[str]) -> str:
    """The table for people."""
    rows = []
    for name, figures in report.items():
        moving = [row["both"][0] for row in figures["moving"].values()]
        still = [percent(figures["given_hand"][key]) for key in _COLUMNS]
        held = [percent(figures[key]["mean"]) for key in ("held_half", "held_three")]
        rows.append([name, *still, *held, percent(sum(moving) / len(moving) if moving else None)])
    lines = [
        "People left out, 24 static letters, given a hand, by source; and J and Z as motions, the mean over sources.",
        f"Overrides of all variants: {' '.join(overrides)}.",
        "",
        *markdown_table(["variant", *_COLUMNS.values(), "held 0.5 s, mean", "held 3 s, mean", "J and Z"], rows),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    run(main)
