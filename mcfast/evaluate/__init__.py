"""Honest numbers: how well the networks do what they are for."""
