"""Find the hand in every picture of a data set: python scripts/preprocess.py --input DIR --output data/processed"""

if __name__ == "__main__":  # above the imports that take seconds
    from sign2sound.errors import before_imports

    before_imports()

import argparse

from data.places import is_address
from data.preprocessing import preprocess, table
from sign2sound.errors import UserError, run
from sign2sound.files import counted, in_project, output_folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--input",
        required=True,
        metavar="DIR",
        help="folder that holds a folder of pictures per class, or an address that fsspec knows, such as s3://bucket/pictures",
    )
    parser.add_argument(
        "--output",
        type=lambda path: path if is_address(path) else output_folder(path.removeprefix("file://")),
        default=in_project("data/processed"),
        metavar="DIR",
        help="folder or address; default: %(default)s",
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--workers", type=int, metavar="N", help="processes; default: one per core")
    where.add_argument(
        "--cluster", metavar="ADDRESS", help="work on the Dask cluster of the scheduler there, such as tcp://scheduler:8786"
    )
    parser.add_argument(
        "--group-by",
        default="blocks",
        metavar="HOW",
        help="what stays together in a split by group: blocks (of consecutive pictures; default), folder (below the class), a "
        r"regular expression whose first group names the group, such as '(signer\d+)_', or a .csv file of path,group",
    )
    parser.add_argument("--split", choices=("group", "random"), default="group", help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="of the split; default: %(default)s")
    parser.add_argument("--fresh", action="store_true", help="begin again where the output holds other work")
    args = parser.parse_args()
    if args.workers is not None and args.workers < 1:
        raise UserError(f"--workers {args.workers}: expected 1 or more")
    if args.split == "random":
        print("--split random: neighbouring video frames are near-duplicates, so the validation accuracy will flatter")

    outcome = preprocess(
        args.input,
        args.output,
        group_by=args.group_by,
        split=args.split,
        seed=args.seed,
        workers=args.workers,
        cluster=args.cluster,
        fresh=args.fresh,
    )
    report = outcome.report
    if not outcome.looked_at:
        print(f"{args.output} was finished before, with the same options and pictures")
    print(table(report))
    if outcome.looked_at:
        rate = outcome.looked_at / outcome.seconds
        print(f"{counted(outcome.looked_at, 'image')} in {outcome.seconds:.1f} s, {rate:.1f} images/s")
        print("of it " + ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in outcome.stages.items()))
    if report["broken"]:
        broken = counted(len(report["broken"]), "broken picture")
        print(f"{broken} left out; {args.output}/report.json says why")
    following = f"python training/train.py data.paths=[{args.output}]"
    print(f"wrote landmarks.npy, index.csv and report.json in {args.output}; next: {following}")


if __name__ == "__main__":
    run(main)
