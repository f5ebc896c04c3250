"""Drivers and fakes of verification."""
