"""Trains, evaluates and applies the models: reads marts, writes tables."""

import os

# XGBoost's threads meet after every step of every tree. By default one that arrives early keeps its core busy waiting,
# and where another program wants that core, training takes twenty times as long. Read when the library is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
