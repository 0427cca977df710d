"""``python -m audiosense_collector``."""

from audiosense_collector.cli import main

if __name__ == "__main__":
    main()
