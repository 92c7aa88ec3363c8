"""Trained networks that ordinary packages ship, and those that a user brings."""
