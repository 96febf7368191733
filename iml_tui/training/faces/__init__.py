"""The five baselines that tell real faces from generated ones."""
