"""The command line of train.py, apart from it so that a mistake in it is said before torch is imported, which takes seconds."""

import argparse
from pathlib import Path

from sign2sound.files import in_project, output_folder
from training.config import Config, ImageConfig, load_config


def parse_command() -> tuple[argparse.Namespace, Config | ImageConfig]:
    """The options and the configuration. Raises UserError."""
    parser = argparse.ArgumentParser(description="Train the landmark GRU, or with a recipe an image CNN.")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="a value of the configuration, such as epochs=10")
    parser.add_argument(
        "--config", type=Path, default=in_project("training/config.yaml"), help="all settings (default: %(default)s)"
    )
    checkpoints, curves = in_project("checkpoints/run"), in_project("results/run")
    parser.add_argument(
        "--output",
        type=output_folder,
        help=f"folder of all that the run writes (default: {checkpoints}, and for curves {curves})",
    )
    parser.add_argument("--results", type=output_folder, help="folder of the curves (default: that of --output)")
    again = parser.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true", help="go on from the last epoch of the run in --output")
    again.add_argument("--fresh", action="store_true", help="start anew, over the run in --output")
    arguments = parser.parse_intermixed_args()
    arguments.results = arguments.results or arguments.output or output_folder(curves)
    arguments.output = arguments.output or output_folder(checkpoints)
    return arguments, load_config(arguments.config, arguments.overrides)
