"""The picture in the README, and the script that takes it."""
