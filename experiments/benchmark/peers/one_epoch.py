"""Trains to 99 % in one epoch of PyTorch, on this machine's CPU.

  python -m experiments.benchmark.peers.one_epoch pytorch_channels_last mnist 0

The recipe is tuomaso/train_mnist_fast's (99.04 % over 30 seeds there): a small
net without batch norm, batches of 256 in a fixed order, Adam at 0.01 under
PyTorch's one-cycle schedule.
"""

import time

import torch
from torch import nn

from experiments.benchmark.peers import whole_run

BATCH_SIZE = 256


def create_model() -> nn.Sequential:
  """Creates the network: 215,194 weights, pooling before ReLU."""
  return nn.Sequential(
    *(nn.Conv2d(1, 24, 5), nn.MaxPool2d(2), nn.ReLU(inplace=True)),
    *(nn.Conv2d(24, 32, 3), nn.MaxPool2d(2), nn.ReLU(inplace=True)),
    nn.Flatten(),
    *(nn.Linear(800, 256), nn.ReLU(inplace=True)),
    nn.Linear(256, 10),
  )


def train(
  model: nn.Module, images: torch.Tensor, labels: torch.Tensor
) -> float:
  """Trains for one epoch in the given order; returns the seconds it took."""
  num_steps = -(-len(labels) // BATCH_SIZE)
  optimizer = torch.optim.Adam(model.parameters(), lr=0.01, betas=(0.7, 0.9))
  schedule = torch.optim.lr_scheduler.OneCycleLR(
    optimizer, max_lr=0.01, total_steps=num_steps, cycle_momentum=False
  )
  batches = zip(images.split(BATCH_SIZE), labels.split(BATCH_SIZE), strict=True)
  model.train()
  started = time.perf_counter()
  for x, y in batches:
    whole_run.take_step(model, optimizer, x, y)
    schedule.step()
  return time.perf_counter() - started


if __name__ == '__main__':
  whole_run.main(create_model, train)
