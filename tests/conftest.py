"""For all tests: how long one example of a property takes says how busy the machine is, and nothing of the property.

And what the commands print is what they print without `QUIET`, also in `make test QUIET=1`.
"""

import os

from hypothesis import settings

os.environ.pop("QUIET", None)

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
