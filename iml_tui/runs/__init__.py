"""The run directory: layout, records, events, series, locks, tables, history. No torch, no textual."""
