"""Frozen values and enums that every room speaks. Pure: no IO, no clock, no logging, no randomness."""
