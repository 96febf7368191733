"""The yardstick: the training loop as a course teaches it, with a DataLoader and one model at a time."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset


class DataLoaderLoop:
    """A perceptron, `torch.optim.Adam`, and a shuffling `DataLoader` with the default collation, on the CPU."""

    def __init__(
        self,
        coordinates: Tensor,
        labels: Tensor,
        classes: int,
        batch_size: int,
        learning_rate: float,
        hidden_layers: int = 6,
        hidden_width: int = 16,
    ) -> None:
        layers: list[nn.Module] = []
        inputs = coordinates.shape[1]
        for _ in range(hidden_layers):
            layers += [nn.Linear(inputs, hidden_width), nn.ReLU()]
            inputs = hidden_width
        layers.append(nn.Linear(inputs, classes))
        self.model = nn.Sequential(*layers)
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=learning_rate)
        self.loader = DataLoader(TensorDataset(coordinates, labels), batch_size=batch_size, shuffle=True)

    def train_epoch(self) -> tuple[float, float]:
        """Train one epoch; mean loss and accuracy over its samples."""
        self.model.train()
        total_loss = 0.0
        correct = 0
        samples = 0
        for inputs, labels in self.loader:
            self.optimizer.zero_grad()
            outputs = self.model(inputs)
            loss = self.criterion(outputs, labels)
            loss.backward()
            self.optimizer.step()
            total_loss += loss.item() * len(labels)
            correct += (outputs.argmax(dim=1) == labels).sum().item()
            samples += len(labels)
        return total_loss / samples, correct / samples
