"""``python -m nobgd``."""

import sys

from nobgd.cli import main

if __name__ == "__main__":
    sys.exit(main())
