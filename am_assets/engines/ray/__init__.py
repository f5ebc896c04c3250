"""Engines that share their work among actors of Ray."""
