"""For all tests: how long one example of a property takes says how busy the machine is, and nothing of the property."""

from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
