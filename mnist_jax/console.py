"""What a run says: a header, a bar or one line per epoch, a result."""

import sys

import jax
import tqdm

import mnist_jax
from mnist_jax import devices, hosts, summary


def say(line: str = '') -> None:
  """Prints a line beside the progress bar, at once even into a file."""
  if not hosts.is_first():
    return
  tqdm.tqdm.write(line)
  sys.stdout.flush()


def warn(line: str) -> None:
  """Prints a warning on stderr that nobody can miss."""
  if not hosts.is_first():
    return
  rule = '!' * 72
  tqdm.tqdm.write(f'{rule}\nWARNING: {line}\n{rule}', file=sys.stderr)


def describe(job, config_name: str, path) -> None:
  """Says what runs: devices, data, model, and where results go."""
  config, dataset = job.config, job.dataset
  if dataset.notice:
    warn(dataset.notice)
  shared = f' in {hosts.count()} processes' if hosts.count() > 1 else ''
  say(f'mnist_jax {mnist_jax.__version__}: {config_name}, seed {config.seed}')
  say(
    f'  devices  {job.mesh.size} x {devices.describe(job.mesh)}{shared}, '
    f'jax {jax.__version__}'
  )
  names = {'train': 'train', 'valid': f'valid ({config.data.valid})'}
  sizes = (
    f'{len(split["label"]):,} {names.get(name, name)}'
    for name, split in job.splits.items()
  )
  say(f'  data     {dataset.name}: {", ".join(sizes)}')
  say_model(config.model.name, summary.describe(job.model))
  say(f'  results  {path}\n')


def say_model(name: str, layers: list[summary.Layer]) -> None:
  """Prints the table of layers with weights and FLOPs per image."""
  say(f'  model    {name:<14}{"output":>14}{"weights":>12}{"MFLOP":>9}')
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
  say(f'           {name:<14}{output:>14}{num_params:>12,}{flops / 1e6:>9.2f}')


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


def point_line(name: str, result: dict) -> str:
  """Returns a finished point of a sweep as one line."""
  parts = [f'{name:<12}']
  for split in ('train', 'valid', 'test'):
    if scores := result[split]:
      parts.append(
        f'{split} {scores["accuracy"]:7.2%} ({scores["num_errors"]} errors)'
      )
  return '  '.join([*parts, f'{result["train_seconds"]:.1f} s'])


def say_result(result: dict, path) -> None:
  """Prints the test result, and where to look."""
  test = result['test']
  say(
    f'\ntest accuracy {test["accuracy"]:.2%} ({test["num_errors"]} errors of '
    f'{test["count"]:,}), loss {test["loss"]:.4f}, on {result["dataset"]}'
  )
  say(
    f'{result["train_seconds"]:.1f} s training, '
    f'{result["compile_seconds"]:.1f} s compiling, '
    f'{result["total_seconds"]:.1f} s in all'
  )
  for name in ('report.html', 'figures', 'result.json', 'checkpoints'):
    say(f'  {path / name}')


def progress_bar(*, total: int, initial: int) -> tqdm.tqdm:
  """Opens a bar over all steps on a terminal; in a log it stays silent."""
  return tqdm.tqdm(
    total=total,
    initial=initial,
    unit='step',
    dynamic_ncols=True,
    smoothing=0.1,
    leave=False,
    disable=not (sys.stderr.isatty() and hosts.is_first()),
  )
