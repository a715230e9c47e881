"""A PyTorch recipe from the data to the test errors, as one process.

It prints one line of JSON. The training time is that of the steps alone, on
data that are normalised and shuffled before.
"""

import json
import sys
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional

from experiments.benchmark.peers import pytorch, work
from mnist_jax.data import datasets

# Takes the model, images [N, 1, 28, 28] and labels [N]; returns the seconds.
Train = Callable[[nn.Module, torch.Tensor, torch.Tensor], float]


def main(create_model: Callable[[], nn.Module], train: Train) -> None:
  """Loads the data, trains, tests, and prints the result.

  The command line has a name of `worker.PYTORCH`, which says how the images lie
  in memory, the data set and the seed.
  """
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
    'test_errors': num_errors,
    'num_params': sum(p.numel() for p in model.parameters()),
  }
  print(json.dumps(result))


def take_step(
  model: nn.Module,
  optimizer: torch.optim.Optimizer,
  images: torch.Tensor,
  labels: torch.Tensor,
) -> None:
  """Takes one step on images [B, 1, 28, 28] float32 and labels [B] int64."""
  loss = functional.cross_entropy(model(images), labels)
  optimizer.zero_grad(set_to_none=True)
  loss.backward()
  optimizer.step()


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
