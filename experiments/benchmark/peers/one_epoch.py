"""Trains to 99 % in one epoch of PyTorch, on this machine's CPU.

  python -m experiments.benchmark.peers.one_epoch pytorch_channels_last mnist 0

The recipe is tuomaso/train_mnist_fast's (99.04 % over 30 seeds there): a small
net without batch norm, batches of 256 in a fixed order, Adam at 0.01 under
PyTorch's one-cycle schedule. It prints one line of JSON; the training time is
that of the steps alone, on data that are normalised and shuffled before.
"""

import json
import sys
import time

import torch
from torch import nn
from torch.nn import functional

from experiments.benchmark.peers import pytorch, work
from mnist_jax.data import datasets

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
    loss = functional.cross_entropy(model(x), y)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    schedule.step()
  return time.perf_counter() - started


@torch.inference_mode()
def count_errors(
  model: nn.Module, images: torch.Tensor, labels: torch.Tensor
) -> int:
  """Counts the images whose digit the model gets wrong."""
  model.eval()
  return sum(
    int((model(x).argmax(1) != y).sum())
    for x, y in zip(images.split(1000), labels.split(1000), strict=True)
  )


def main() -> None:
  """Loads the data, trains, tests, and prints the result."""
  _, name, data_name, seed = sys.argv
  pytorch.use_all_cores()
  torch.manual_seed(int(seed))
  channels_last = 'channels_last' in name
  config = work.create_config('basic', data_name)
  dataset = datasets.load_dataset(config.data)
  images, labels, test_images, test_labels = (
    torch.tensor(array)
    for split in (dataset.train, dataset.test)
    for array in (split.images, split.labels)
  )
  order = torch.randperm(len(labels))
  images = pytorch.as_input(images[order], channels_last)
  model = create_model()
  if channels_last:
    model = model.to(memory_format=torch.channels_last)
  seconds = train(model, images, labels[order].long())
  test_images = pytorch.as_input(test_images, channels_last)
  num_errors = count_errors(model, test_images, test_labels)
  result = {
    'seed': int(seed),
    'train_seconds': seconds,
    'test_accuracy': 1 - num_errors / len(test_labels),
    'num_params': sum(p.numel() for p in model.parameters()),
  }
  print(json.dumps(result))


if __name__ == '__main__':
  main()
