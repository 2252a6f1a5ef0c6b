"""The same five tables by other means, and a measurement of all of them beside ours."""
