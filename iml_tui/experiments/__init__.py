"""What can be run: pure descriptions of the experiments, one file each. No torch, no textual."""
