"""Drives the deciding rooms: does what they say, when they say it, on one daemon thread or inline. Nothing here decides."""
