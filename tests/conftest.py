"""For all tests: how long an example of a property takes says how busy the machine is, not whether the property holds."""

from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
