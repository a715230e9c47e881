"""Trains as PyTorch's own MNIST example does, on this machine's CPU.

  python -m experiments.benchmark.peers.example pytorch_channels_last mnist 0

The recipe of pytorch/examples: two convolutions, dropout, Adadelta at a rate of
1.0 that falls by 0.7 after each of 14 epochs, batches of 64 in random order.
"""

import time

import torch
from torch import nn

from experiments.benchmark.peers import whole_run

BATCH_SIZE = 64
EPOCHS = 14


def create_model() -> nn.Sequential:
  """Creates the network: 1,199,882 weights."""
  return nn.Sequential(
    *(nn.Conv2d(1, 32, 3), nn.ReLU(inplace=True)),
    *(nn.Conv2d(32, 64, 3), nn.ReLU(inplace=True)),
    *(nn.MaxPool2d(2), nn.Dropout(0.25), nn.Flatten()),
    *(nn.Linear(9216, 128), nn.ReLU(inplace=True), nn.Dropout(0.5)),
    nn.Linear(128, 10),
  )


def train(
  model: nn.Module,
  images: torch.Tensor,
  labels: torch.Tensor,
  epochs: int = EPOCHS,
) -> float:
  """Trains in a new order each epoch; returns the seconds it took."""
  optimizer = torch.optim.Adadelta(model.parameters(), lr=1.0)
  schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.7)
  model.train()
  started = time.perf_counter()
  for _ in range(epochs):
    for rows in torch.randperm(len(labels)).split(BATCH_SIZE):
      whole_run.take_step(model, optimizer, images[rows], labels[rows])
    schedule.step()
  return time.perf_counter() - started


if __name__ == '__main__':
  whole_run.main(create_model, train)
