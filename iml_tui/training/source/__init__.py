"""The offline source task: a network pretrained on rendered scenes."""
