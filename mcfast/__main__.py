"""`python -m mcfast`, for where the script `mcfast` is not on the path."""

import sys

from mcfast.cli import main

sys.exit(main())
