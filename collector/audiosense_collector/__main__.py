"""``python -m audiosense_collector``, and the command ``audiosense-collector``."""

from typing import NoReturn


def main() -> NoReturn:
    """Run the command line.

    Training processes import this file again, as ``multiprocessing`` has it, and need none of the command line.
    """
    from audiosense_collector.cli import main as run  # noqa: PLC0415

    run()


if __name__ == "__main__":
    main()
