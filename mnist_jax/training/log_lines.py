"""What a run prints: a header, one line per epoch, its result."""

import jax

import mnist_jax
from mnist_jax.cli import console
from mnist_jax.distributed import devices, multihost
from mnist_jax.models import summary


def describe(trainer, config_name: str, path) -> None:
  """Says what runs: devices, data, model, and where results go."""
  config, dataset = trainer.config, trainer.dataset
  if dataset.notice:
    console.warn(dataset.notice)
  shared = f' in {multihost.count()} processes' if multihost.count() > 1 else ''
  console.say(
    f'mnist_jax {mnist_jax.__version__}: {config_name}, seed {config.seed}'
  )
  console.say(
    f'  devices  {trainer.mesh.size} x {devices.describe(trainer.mesh)}'
    f'{shared}, jax {jax.__version__}'
  )
  names = {'train': 'train', 'valid': f'valid ({config.data.valid})'}
  sizes = (
    f'{len(split["label"]):,} {names.get(name, name)}'
    for name, split in trainer.splits.items()
  )
  console.say(f'  data     {dataset.name}: {", ".join(sizes)}')
  say_model(config.model.name, summary.describe(trainer.model))
  console.say(f'  results  {path}\n')


def say_model(name: str, layers: list[summary.Layer]) -> None:
  """Prints the table of layers with weights and FLOPs per image."""
  console.say(f'  model    {name:<14}{"output":>14}{"weights":>12}{"MFLOP":>9}')
  for layer in layers:
    shape = ' x '.join(map(str, layer.output))
    say_row(layer.name, shape, layer.num_params, layer.flops)
  say_row(
    'total per image',
    '',
    sum(layer.num_params for layer in layers),
    sum(layer.flops for layer in layers),
  )


def say_row(name: str, output: str, num_params: int, flops: int) -> None:
  """Prints one row of the table of layers."""
  console.say(
    f'           {name:<14}{output:>14}{num_params:>12,}{flops / 1e6:>9.2f}'
  )


def epoch_line(row: dict, total_epochs: float) -> str:
  """Returns an evaluation as one line."""
  parts = [
    f'epoch {row["epoch"]:>4.4g}/{total_epochs:g}',
    f'train loss {row["train/loss"]:.4f} acc {row["train/accuracy"]:7.2%}',
  ]
  if 'valid/loss' in row:
    parts.append(
      f'valid loss {row["valid/loss"]:.4f} acc {row["valid/accuracy"]:7.2%}'
      f' ({row["valid/num_errors"]} errors)'
    )
  parts.append(f'lr {row["lr"]:.2g}')
  parts.append(f'{row["images_per_second"]:,.0f} images/s')
  return '  '.join(parts)


def say_result(result: dict, path) -> None:
  """Prints the test result, and where to look."""
  test = result['test']
  console.say(
    f'\ntest accuracy {test["accuracy"]:.2%} ({test["num_errors"]} errors of '
    f'{test["count"]:,}), loss {test["loss"]:.4f}, on {result["dataset"]}'
  )
  console.say(
    f'{result["train_seconds"]:.1f} s training, '
    f'{result["compile_seconds"]:.1f} s compiling, '
    f'{result["total_seconds"]:.1f} s in all'
  )
  for name in ('report.html', 'figures', 'result.json', 'checkpoints'):
    console.say(f'  {path / name}')
