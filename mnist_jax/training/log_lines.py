"""What a run prints: a header, one line per epoch, its result."""

import pathlib

import jax

import mnist_jax
from mnist_jax.cli import console
from mnist_jax.data import class_names
from mnist_jax.distributed import devices, multihost
from mnist_jax.models import layers as layers_lib
from mnist_jax.models import onednn, summary
from mnist_jax.training.trainer import Trainer


def say_header(
  trainer: Trainer, config_name: str, workdir: pathlib.Path
) -> None:
  """Says what runs: devices, data, model, and where results go."""
  config, dataset, mesh = trainer.config, trainer.dataset, trainer.mesh
  if dataset.notice:
    console.warn(dataset.notice)
  shared = ''
  if multihost.count() > 1:
    shared = f' in {multihost.count()} processes'
  platform = mesh.devices.flat[0].platform
  versions = {'jax': jax.__version__} | onednn.versions(platform)
  names = {'valid': f'valid ({_held_out(config.data.valid, dataset.name)})'}
  counts = {
    name: getattr(dataset, name).num_digits() for name in trainer.splits
  }
  sizes = [f'{n:,} {names.get(name, name)}' for name, n in counts.items()]
  if num_others := len(dataset.train) - counts['train']:
    sizes[0] += f' + {num_others:,} non-digits'
  console.say(
    f'mnist_jax {mnist_jax.__version__}: {config_name}, seed {config.seed}\n'
    f'  devices  {mesh.size} x {devices.describe(mesh)}{shared}, '
    f'{", ".join(" ".join(pair) for pair in versions.items())}\n'
    f'  data     {dataset.name}: {", ".join(sizes)}'
  )
  if not class_names.are_digits(dataset.class_names):
    console.say(f'  classes  {_list_classes(dataset.class_names)}')
  say_model(config.model.name, summary.describe(trainer.model))
  if slow := _slow_on_cpu(trainer):
    console.say(f'  note     {slow}')
  if config.augment.custom and not config.augment.enabled:
    console.say(
      f'  note     augment.custom {config.augment.custom!r} is not used, as '
      'augment.enabled is False'
    )
  console.say(f'  results  {workdir}\n')


def _held_out(valid: str, dataset: str) -> str:
  """Returns which rows validate; uci_digits does not name its writers."""
  is_last = valid == 'writer_disjoint' and dataset == 'uci_digits'
  return 'last rows' if is_last else valid


def _list_classes(names: tuple[str, ...]) -> str:
  """Returns the classes in one line, the first ones by name."""
  line = f'{len(names)}: {", ".join(names)}'
  return line if len(line) <= 69 else f'{line[:65]} ...'


def _slow_on_cpu(trainer: Trainer) -> str:
  """Returns a line about convolutions that XLA:CPU runs slowly, or ''."""
  if trainer.mesh.devices.flat[0].platform != 'cpu':
    return ''
  if not (names := layers_lib.plain_convolutions(trainer.model)):
    return ''
  return (
    f'{", ".join(names)}: nn.Conv trains up to thirty times slower on CPU than '
    'ConvBlock of mnist_jax/models/layers.py'
  )


def say_model(name: str, layers: list[summary.Layer]) -> None:
  """Prints the table of layers with weights and FLOPs per image."""
  console.say(f'  model    {name:<14}{"output":>14}{"weights":>12}{"MFLOP":>9}')
  for layer in layers:
    shape = ' x '.join(map(str, layer.output))
    _say_row(layer.name, shape, layer.num_params, layer.flops)
  _say_row(
    'total per image',
    '',
    sum(layer.num_params for layer in layers),
    sum_flops(layers),
  )


def sum_flops(layers: list[summary.Layer]) -> int | None:
  """Returns the FLOPs of all layers; None where those of one are unknown."""
  flops = [layer.flops for layer in layers]
  return None if None in flops else sum(flops)  # type: ignore[arg-type]


def _say_row(
  name: str, output: str, num_params: int, flops: int | None
) -> None:
  cost = 'unknown' if flops is None else f'{flops / 1e6:.2f}'
  console.say(f'           {name:<14}{output:>14}{num_params:>12,}{cost:>9}')


def epoch_line(row: dict, total_epochs: float) -> str:
  """Returns an evaluation as one line of 80 columns or less."""
  total = f'{total_epochs:g}'
  parts = [
    f'epoch {row["epoch"]:>{len(total)}.4g}/{total}',
    f'train {row["train/loss"]:.4f} {row["train/accuracy"]:6.2%}',
  ]
  if 'valid/loss' in row:
    parts.append(
      f'valid {row["valid/loss"]:.4f} {row["valid/accuracy"]:6.2%}'
      f' ({row["valid/num_errors"]} errors)'
    )
  parts.append(f'{row["images_per_second"]:,.0f} img/s')
  return '  '.join(parts)


def say_result(result: dict, workdir: pathlib.Path) -> None:
  """Prints the test result, or that of validation, and where to look."""
  split, files = 'test', ['report.html', 'figures']
  if result['test'] is None:
    split, files = 'validation', []
  scores = result['test'] or result['valid']
  # Runs of version 0.1 did not record it.
  peak = result.get('peak_memory_mb')
  memory = f'; {peak:,.0f} MB of memory' if peak else ''
  console.say(
    f'\n{split} accuracy {scores["accuracy"]:.2%} ({scores["num_errors"]} '
    f'errors of {scores["count"]:,}), loss {scores["loss"]:.4f}, on '
    f'{result["dataset"]}\n'
    f'{result["train_seconds"]:.1f} s training, '
    f'{result["compile_seconds"]:.1f} s compiling, '
    f'{result["total_seconds"]:.1f} s in all{memory}'
  )
  if result['test'] is None:
    console.say('no report: it shows the test set, and evaluate_test is off')
  for name in (*files, 'result.json', 'checkpoints'):
    console.say(f'  {workdir / name}')
