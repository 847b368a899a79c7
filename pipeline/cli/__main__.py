"""`python -m pipeline.cli`: the `plumbline` command without an installed script."""

import sys

from pipeline.cli.command_line import main

sys.exit(main())
