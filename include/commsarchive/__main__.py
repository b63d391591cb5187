"""``python -m include.commsarchive``: the command line."""

import sys

from include.commsarchive.cli.main import main

sys.exit(main())
