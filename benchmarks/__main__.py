"""`python -m benchmarks`, in a checkout."""

import sys

from benchmarks.command import main

sys.exit(main())
