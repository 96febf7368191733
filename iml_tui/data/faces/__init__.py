"""Rendered faces, real ones and ones with the giveaways of generated pictures: the embedded data of section 7."""
