"""The layers of a model: python training/summary.py --config training/images/recipes/cnn128.yaml"""

if __name__ == "__main__":  # above the imports that take seconds
    from sign2sound.errors import before_imports

    before_imports()

import argparse
from pathlib import Path

from torchinfo import summary

from sign2sound.errors import run
from sign2sound.features import FEATURES
from sign2sound.files import in_project
from training.config import ImageConfig, load_config
from training.images.cnn import count_parameters
from training.tasks import task_of


def main() -> None:
    parser = argparse.ArgumentParser(description="Show the name, the output's shape and the parameters of each layer.")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="a value of the configuration")
    parser.add_argument("--config", type=Path, default=in_project("training/config.yaml"), help="default: %(default)s")
    arguments = parser.parse_intermixed_args()
    config = load_config(arguments.config, arguments.overrides)

    model = task_of(config).make_model()
    if isinstance(config, ImageConfig):
        height, width, channels = config.model.input
        shape = (1, channels, height, width)
    else:
        shape = (1, 1, FEATURES)
    rows = ["var_names"]
    print(summary(model, shape, col_names=["output_size", "num_params"], row_settings=rows, depth=5, device="cpu", verbose=0))
    trained, statistics = count_parameters(model)
    print(f"{trained + statistics:,} parameters: {trained:,} trained and {statistics:,} batch norm statistics")


if __name__ == "__main__":
    run(main)
