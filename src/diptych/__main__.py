"""The command line. ``python -m diptych`` trains two networks on both engines; ``python -m diptych
run script.py`` runs a Keras script; ``python -m diptych show conv2d_forward`` prints a function in
both engines; ``python -m diptych info`` prints versions, engine, instruction set and threads.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from . import __version__
from .language import said


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] == ["run"]:  # what follows is partly the script's own
        from .compat.run import main as run_script

        return run_script(given[1:])
    if given[:1] == ["show"]:
        from .teach.showing import main as show_sources

        try:
            return show_sources(given[1:])
        except BrokenPipeError:  # `| head` has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
    parser = argparse.ArgumentParser(
        prog="diptych",
        description=said("A neural network library with the Keras API and two engines."),
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="command")
    demo = commands.add_parser(
        "demo", help=said("train two networks on real digits, on both engines (the default)")
    )
    for one in (parser, demo):
        one.add_argument(
            "--epochs",
            type=_positive,
            default=12,
            help=said("passes over the training digits (default 12)"),
        )
        one.add_argument(
            "--seed", type=int, default=0, help=said("of weights and shuffles (default 0)")
        )
        one.add_argument(
            "--picture",
            type=Path,
            default=Path("diptych-digits.png"),
            help=said("where the picture goes"),
        )
    commands.add_parser("run", help=said("run a Keras script or notebook: diptych run script.py"))
    commands.add_parser(
        "show", help=said("a function in both engines: diptych show conv2d_forward")
    )
    commands.add_parser("info", help=said("versions, engine, instruction set, threads"))
    chosen = parser.parse_args(given)
    if chosen.command == "info":
        from .info import info_text

        print(info_text())
        return 0
    from .demo import run

    return run(chosen.epochs, chosen.seed, chosen.picture)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a number of at least 1, got {text}")
    return number


if __name__ == "__main__":
    sys.exit(main())
