"""Widgets of the laboratory, one a file."""
