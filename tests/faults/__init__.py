"""Faults: real workers that are killed, starved and lied to, and what becomes of their runs.

Each test belongs to a row of the table in README.md ("What can go wrong"), which it names by `fault`. What it does
happens at an observed event, never after a while. Workers are forked from one process that has PyTorch in memory
already, and get what is to befall them by name (`befalling.py`): the lab itself knows nothing of faults.
"""
