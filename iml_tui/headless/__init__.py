"""The commands of `iml-lab` without a screen, one file for each thing they do. Never imports torch."""
