"""The same models in PyTorch, eager or compiled, as a careful user has them.

All images are one uint8 tensor. A batch is gathered from it by index and
normalised, and no number is read back before the block is over.
"""

import torch
from torch import nn
from torch.nn import functional

from experiments.benchmark.peers import contender, work
from mnist_jax.data import batches


def create_model(doing: work.Work) -> nn.Sequential:
  """Creates the model of `doing.layers`: images [B, 1, 28, 28] to logits."""
  modules, features, side = [], 1, 28
  for layer in doing.layers:
    match layer:
      case 'conv', new, size, padding:
        border = size // 2 if padding == 'SAME' else 0
        modules.append(nn.Conv2d(features, new, size, padding=border))
        features, side = new, side + 2 * border - size + 1
      case ('norm',):
        norm = nn.BatchNorm2d if side > 1 else nn.BatchNorm1d
        modules.append(norm(features))
      case ('relu',):
        modules.append(nn.ReLU(inplace=True))
      case ('pool',):
        modules.append(nn.MaxPool2d(2))
        side //= 2
      case ('dropout',):
        modules.append(nn.Dropout(doing.dropout))
      case ('flatten',):
        modules.append(nn.Flatten())
        features, side = features * side * side, 1
      case 'dense', new:
        modules.append(nn.Linear(features, new))
        features = new
  return nn.Sequential(*modules)


def as_input(images: torch.Tensor, channels_last: bool) -> torch.Tensor:
  """Normalises uint8 images [B, 28, 28]; returns [B, 1, 28, 28] as a view.

  With one channel both layouts hold the same bytes; only the strides tell the
  first convolution which one it is.
  """
  x = images.float().sub_(255 * work.MEAN).div_(255 * work.STD)
  if channels_last:
    return x.unsqueeze(-1).permute(0, 3, 1, 2)
  return x.unsqueeze(1)


def use_all_cores() -> str:
  """Lets torch use every core of this process; returns that in words."""
  cores = contender.num_cores()
  torch.set_num_threads(cores)
  return f'{cores} threads of PyTorch'


def create_optimizer(
  doing: work.Work, model: nn.Module
) -> torch.optim.Optimizer:
  """Creates the optimizer with PyTorch's defaults except the learning rate."""
  kind = {'sgd': torch.optim.SGD, 'adam': torch.optim.Adam}[doing.optimizer]
  return kind(model.parameters(), lr=work.LEARNING_RATE)


def create(
  name: str, dataset, *, channels_last: bool, compiled: bool = False
) -> contender.Contender:
  """Creates the contender on all cores.

  Args:
    name: of the model, a key of `work.WORKS`.
    dataset: from `datasets.load_dataset`.
    channels_last: the memory layout; the other one is contiguous.
    compiled: whether `torch.compile`, in its default mode, compiles the model's
      forward and backward pass. The optimizer's step is PyTorch's own.
  """
  runs_on = use_all_cores()
  torch.manual_seed(0)
  doing, num_train = work.WORKS[name], len(dataset.train)
  layout = torch.channels_last if channels_last else torch.contiguous_format
  model = create_model(doing).to(memory_format=layout).train()
  optimizer = create_optimizer(doing, model)
  forward = torch.compile(model) if compiled else model
  images = torch.from_numpy(dataset.train.images)
  labels = torch.from_numpy(dataset.train.labels).long()

  def load(epoch: int) -> torch.Tensor:
    indices = batches.epoch_indices(
      num_train, doing.batch_size, seed=0, epoch=epoch
    )
    return torch.from_numpy(indices).long()

  epochs = contender.Epochs(load, num_train // doing.batch_size)

  def take(num_steps: int) -> float:
    loss_sum = torch.zeros(())
    for indices, start, stop in epochs.pieces(num_steps):
      for rows in indices[start:stop]:
        x = as_input(images[rows], channels_last)
        loss = functional.cross_entropy(forward(x), labels[rows])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        loss_sum += loss.detach()
    return loss_sum.item() / num_steps

  num_params = sum(p.numel() for p in model.parameters())
  return contender.Contender(take, num_params, runs_on)
