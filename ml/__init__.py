"""Trains, evaluates and applies the models: reads marts, writes tables."""
