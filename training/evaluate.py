"""Measure a checkpoint: python training/evaluate.py --model checkpoints/best_model.pth --data data/processed"""

if __name__ == "__main__":  # above the imports that take seconds
    from sign2sound.errors import before_imports

    before_imports()

import argparse
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import (
    ConfusionMatrixDisplay,
    confusion_matrix,
    log_loss,
    precision_recall_fscore_support,
    top_k_accuracy_score,
)

from data.dataset import Samples
from sign2sound.checkpoint import load_checkpoint, load_model
from sign2sound.errors import UserError, run
from sign2sound.files import atomic_write, in_project, output_folder
from sign2sound.labels import STATIC_LETTERS
from sign2sound.model import find_device
from training.config import DataConfig, ImageDataConfig
from training.images.pictures import Pictures
from training.report import calibration_error, for_terminal, markdown_table, percent, share, write_report
from training.split import split_samples
from training.tasks import task_of_checkpoint

_GROUPS_IN_TABLE = 40


def main() -> None:
    arguments = parse_arguments()
    checkpoint = load_checkpoint(arguments.model)
    if "training_sources" not in checkpoint["metrics"]:
        raise UserError(f"{arguments.model} does not say what it was trained on; expected a checkpoint by train.py")
    task, device = task_of_checkpoint(checkpoint), find_device(arguments.device)
    model, _ = load_model(arguments.model, task.model_class)
    parts = dict(zip(("stills", "clips"), task.load(arguments.data), strict=True))

    report = {
        "model": str(arguments.model),
        "trained_on": checkpoint["metrics"]["training_sources"],
        "data": [str(path) for path in arguments.data],
        "rows": arguments.rows,
    }
    for name, samples in parts.items():
        if samples is None:
            continue
        samples = samples[rows_to_measure(samples, checkpoint, arguments.rows)]
        if name == "stills" and not samples.found.any():
            raise UserError(
                f"no hand in the {len(samples)} {arguments.rows} stills of {', '.join(report['data'])}; "
                "try --rows all, or other data"
            )
        if not samples.found.any():
            continue
        probabilities = task.predict(model, samples, device)
        measured_on = {source: acquaintance(source, checkpoint["metrics"], arguments.rows) for source in set(samples.sources)}
        report[name] = measure(samples, probabilities, measured_on)
        if name == "stills":
            draw_confusion(samples, probabilities.argmax(1), arguments.output)

    table = to_markdown(report)
    write_report(arguments.output / "report", report, table)
    print(for_terminal(table))
    print(
        f"wrote report.json, report.md, confusion_counts.png and confusion_normalised.png in {arguments.output}; "
        f"next: python inference/realtime_demo.py --model {arguments.model}"
    )


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure a checkpoint on samples it was not trained on.")
    parser.add_argument(
        "--model", type=Path, default=in_project("checkpoints/best_model.pth"), help="checkpoint (default: %(default)s)"
    )
    parser.add_argument(
        "--data", type=Path, nargs="+", default=[Path(in_project("data/processed"))],
        help="processed folders or landmark files (.npz); for an image model what it can be trained on",
    )  # fmt: skip
    parser.add_argument(
        "--rows",
        choices=("held-out", "all"),
        default="held-out",
        help="held-out: of sources trained on only the rows stored for testing, where there are none those for validation, of "
        "others all (default); all: every row",
    )
    parser.add_argument(
        "--output", type=output_folder, default=in_project("results/run"), help="folder of the report (default: %(default)s)"
    )
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    return parser.parse_args()


def rows_to_measure(samples: Samples | Pictures, checkpoint: dict, which: str) -> np.ndarray:
    """bool (N,): trusted samples, misses too, and for `held-out` none that the checkpoint was trained on."""
    if which == "all":
        return samples.trusted
    data = checkpoint["config"]["data"]
    # Checkpoints older than the key `rescued` were trained on such rows; the validation rows are the same either way.
    config = ImageDataConfig(**data) if isinstance(samples, Pictures) else DataConfig(**{"rescued": True} | data)
    trained_on = np.isin(samples.sources, checkpoint["metrics"]["training_sources"])
    _, validation = split_samples(samples, config, checkpoint["config"]["seed"])
    tested = np.isin(samples.sources, samples.sources[samples.test])
    return samples.trusted & (np.where(tested, samples.test, validation) | ~trained_on)


def measure(samples: Samples | Pictures, probabilities: np.ndarray, measured_on: dict[str, str]) -> dict:
    """All figures of the report for probabilities (N, classes). A miss is predicted as `nothing`: an error, unless it is one.
    An image model looks for no hand: every picture counts as one with a hand.

    measured_on: how well the model knows each source.
    """
    all_classes = range(len(samples.classes))
    predicted = probabilities.argmax(1)
    right = predicted == samples.labels
    found = samples.found
    labels, given = samples.labels[found], probabilities[found]
    precision, recall, f1, support = precision_recall_fscore_support(
        labels, given.argmax(1), labels=all_classes, zero_division=np.nan
    )
    static = np.isin(np.array(samples.classes)[samples.labels], STATIC_LETTERS)
    passes = {f"pass {number}": found & (samples.passes == number) for number in range(1, samples.passes.max(initial=1) + 1)}
    passes["all rescued"] = found & (samples.passes > 1)

    def accuracies(rows: np.ndarray) -> dict:
        return {
            "samples": int(rows.sum()),
            "misses": int((rows & ~found).sum()),
            "accuracy_given_hand": share(right[rows & found]),
            "accuracy_end_to_end": share(right[rows]),
            "static_letters_given_hand": share(right[rows & static & found]),
            "static_letters_end_to_end": share(right[rows & static]),
        }

    return {
        **accuracies(np.ones(len(samples), dtype=bool)),
        "top3_given_hand": float(top_k_accuracy_score(labels, given, k=3, labels=all_classes)),
        "loss_given_hand": float(log_loss(labels, given, labels=all_classes)),
        "macro_f1_given_hand": float(f1[support > 0].mean()),
        "expected_calibration_error": calibration_error(labels, given),
        "classes": {
            label: {
                "precision": _measured(precision[index]),
                "recall": _measured(recall[index]),
                "f1": _measured(f1[index]),
                "support": int(support[index]),
                "misses": int(((samples.labels == index) & ~found).sum()),
            }
            for index, label in enumerate(samples.classes)
        },
        "sources": {
            source: {"measured_on": measured_on[source], **accuracies(samples.sources == source)}
            for source in np.unique(samples.sources).tolist()
        },
        "measured_on": {
            who: accuracies(np.array([measured_on[source] == who for source in samples.sources]))
            for who in sorted(set(measured_on.values()))
        },
        "passes": {
            name: {**accuracies(rows), "first_pass_on_the_same_mix": accuracy_on_mix(samples, right, passes["pass 1"], rows)}
            for name, rows in passes.items()
        },
        "groups": {group: accuracies(samples.groups == group) for group in np.unique(samples.groups).tolist()},
        "confusion": confusion_matrix(samples.labels, predicted, labels=all_classes).tolist(),
    }


def acquaintance(source: str, metrics: dict, rows: str) -> str:
    """How well a model with these checkpoint metrics knows the rows of a source, as far as the source's name tells."""
    if source in metrics["training_sources"]:
        return "trained on, other frames" if rows == "held-out" else "trained on, the same frames too"
    return "not trained on, but used to choose the epoch" if source in metrics["validation_sources"] else "not trained on"


def accuracy_on_mix(samples: Samples, right: np.ndarray, measured: np.ndarray, mix: np.ndarray) -> float | None:
    """Accuracy over the rows `measured`, weighted so that each source and class counts as often as it does in the rows `mix`.

    A class of a source that `measured` has no row of is left out.
    """
    cells = samples.labels + len(samples.classes) * np.unique(samples.sources, return_inverse=True)[1]
    counts = np.bincount(cells[measured], minlength=cells.max() + 1)
    hits = np.bincount(cells[measured], weights=right[measured], minlength=cells.max() + 1)
    wanted = cells[mix & (counts[cells] > 0)]
    return share(hits[wanted] / counts[wanted])


def draw_confusion(samples: Samples | Pictures, predicted: np.ndarray, folder: Path) -> None:
    """confusion_counts.png, confusion_normalised.png"""
    matplotlib.use("Agg")
    for name, normalise in (("counts", None), ("normalised", "true")):
        matrix = confusion_matrix(samples.labels, predicted, labels=range(len(samples.classes)), normalize=normalise)
        figure, axis = plt.subplots(figsize=(13, 12), layout="constrained")
        values = "d" if normalise is None else ".2f"
        display = ConfusionMatrixDisplay(matrix, display_labels=samples.classes)
        display.plot(ax=axis, cmap="Blues", values_format=values, xticks_rotation="vertical", text_kw={"fontsize": 7})
        for row, text in np.ndenumerate(display.text_):
            text.set_visible(matrix[row] > 0)
        misses = "" if samples.found.all() else ": a picture without a found hand counts as `nothing`"
        axis.set_title(f"stills, end to end{misses} ({name})")
        with atomic_write(folder / f"confusion_{name}.png") as file:
            figure.savefig(file, dpi=90)
        plt.close(figure)


def to_markdown(report: dict) -> str:
    """The report for people."""
    lines = [
        f"Measured with `{report['model']}` on {', '.join(report['data'])}, {report['rows']} rows.",
        f"The model was trained on {', '.join(report['trained_on'])}; people in these may be in other sources too.",
        "",
    ]
    for part in ("stills", "clips"):
        if part not in report:
            continue
        figures = report[part]
        lines += [f"## {part.capitalize()}", ""]
        lines += markdown_table(
            ["measured on", "samples", "misses", "given a hand", "end to end", "24 static letters"],
            [[f"{source}: {row['measured_on']}", *_row(row)] for source, row in figures["sources"].items()]
            + [[f"**all: {who}**", *_row(row)] for who, row in figures["measured_on"].items()],
        )
        lines += [
            f"Over all of these, given a hand: top-3 {figures['top3_given_hand']:.2%}, "
            f"macro F1 {figures['macro_f1_given_hand']:.4f}, loss {figures['loss_given_hand']:.4f}, "
            f"expected calibration error {figures['expected_calibration_error']:.4f}.",
            "",
        ]
        lines += markdown_table(
            ["class", "precision", "recall", "F1", "support", "misses"],
            [
                [label, *(_three_digits(row[key]) for key in ("precision", "recall", "f1")), row["support"], row["misses"]]
                for label, row in figures["classes"].items()
                if row["support"] or row["misses"]
            ],
        )
        if figures["passes"]["all rescued"]["samples"]:
            lines += [
                "By the landmarker's pass that found the hand. The last column weights the hands of pass 1 so that each source",
                "and class counts as often as in the row.",
                "",
            ]
            lines += markdown_table(
                ["found by", "samples", "given a hand", "24 static letters", "pass 1, same mix, given a hand"],
                [
                    [
                        name,
                        row["samples"],
                        percent(row["accuracy_given_hand"]),
                        percent(row["static_letters_given_hand"]),
                        percent(row["first_pass_on_the_same_mix"]),
                    ]
                    for name, row in figures["passes"].items()
                ],
            )
        if len(figures["sources"]) < len(figures["groups"]) <= _GROUPS_IN_TABLE:
            lines += markdown_table(
                ["group", "samples", "misses", "given a hand", "end to end", "24 static letters"],
                [[group, *_row(row)] for group, row in figures["groups"].items()],
            )
    return "\n".join(lines)


def _measured(value: float) -> float | None:
    """None where nothing was there to measure: no sample of the class, or none read as it."""
    return None if np.isnan(value) else float(value)


def _three_digits(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _row(row: dict) -> list:
    keys = ("accuracy_given_hand", "accuracy_end_to_end", "static_letters_given_hand")
    return [row["samples"], row["misses"], *(percent(row[key]) for key in keys)]


if __name__ == "__main__":
    run(main)
