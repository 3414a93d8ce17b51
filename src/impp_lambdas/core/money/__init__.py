"""Prices, usage, storage classes, quotes and ledgers."""
