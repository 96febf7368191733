"""The screens: the lab itself, help, and the questions it asks."""
