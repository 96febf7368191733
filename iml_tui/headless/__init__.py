"""The commands of `iml-lab` without a screen: one file each for what they read, follow and print. Never imports torch."""
