"""Reads the digits in photos, scans and drawings.

python -m mnist_jax.predict [--weights=robust] IMAGE_OR_FOLDER...
"""

from __future__ import annotations

from mnist_jax.cli import interrupts

if __name__ == '__main__':
  interrupts.install()

import argparse
import dataclasses
import json
import pathlib
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from mnist_jax import errors
from mnist_jax.cli import argparse_args, exit_codes, printable
from mnist_jax.workdir import paths

# All else is imported where it is used, so that --help is quick.
if TYPE_CHECKING:
  from mnist_jax.photos import pipeline
  from mnist_jax.predict import classifier, digit_reader

PROGRESS_FROM = 20  # Files; fewer are read before one could look at a bar.


@dataclasses.dataclass(frozen=True)
class FileReading:
  """What was read in one file."""

  path: pathlib.Path
  picture: pipeline.Picture | None  # None if the file could not be opened.
  predictions: tuple[digit_reader.Prediction, ...]
  note: str  # '', or why there are no predictions.


def main(argv: Sequence[str] | None = None) -> int:
  """Reads every picture and prints one line per digit, or JSON.

  Args:
    argv: the command line without the program's name; None reads sys.argv.

  Returns:
    The exit code: 0, or 2 when none of the pictures could be opened.

  Raises:
    errors.UserError: for a wrong command line, folder or file of weights.
  """
  given = _parse(argv)
  from mnist_jax.distributed import devices
  from mnist_jax.predict import classifier, image_files, score_labelled, weights

  images = image_files.expand(given.paths)
  devices.configure_reading()
  argparse_args.load_config(given.config)
  loaded = weights.load_weights(given.weights)
  weights.check_digits(loaded)
  network = classifier.Classifier(loaded)
  score = score_labelled.Score(images.labels)
  num_opened, objects, figure_rows = 0, [], []
  for reading in _read_all(images.files, network, given.threshold):
    score.add(reading.path, reading.predictions)
    if given.json:
      objects.append(_to_json(reading))
    else:
      _print_lines(reading)
    if reading.picture:
      num_opened += 1
      figure_rows += [
        (reading.path.name, reading.picture, prediction)
        for prediction in reading.predictions
      ]
    else:
      _print_problem(reading)
    del figure_rows[given.figure_rows :]
  if given.json:
    print(json.dumps(objects, indent=1))
  else:
    print(score.summary(), end='')
  if given.figure:
    _draw(paths.expand(given.figure), figure_rows, network.name)
  return 0 if num_opened else exit_codes.USER_ERROR


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
  parser = argparse_args.Parser(
    prog='python -m mnist_jax.predict',
    description='Finds the handwritten digits in pictures and reads them: one '
    'line per digit. A folder stands for the images below it, or for those '
    'that its labels.csv names (path,label), which are then scored too. The '
    'exit code is 0 if at least one picture could be opened, otherwise 2.',
  )
  parser.add_argument('paths', nargs='*', metavar='IMAGE_OR_FOLDER')
  parser.add_argument(
    '--weights',
    default='robust',
    metavar='NAME_OR_DIR',
    help='pretrained weights (robust, improved), a .safetensors file, or the '
    'workdir of a finished run; %(default)s when not given',
  )
  argparse_args.add_config(parser)
  parser.add_argument(
    '--json',
    action='store_true',
    help='print one JSON list instead of lines and scores',
  )
  parser.add_argument(
    '--threshold',
    type=float,
    default=0.9,
    metavar='SHARE',
    help='below this confidence a digit is "not sure"; %(default)s when not '
    "given: of MNIST's validation images about 1 in 50 are below it, and "
    'about three in five of all errors. Below 0.4 it is always "not a digit"',
  )
  parser.add_argument(
    '--figure',
    metavar='OUT.png',
    help='draw the pictures, what the network saw, and its probabilities',
  )
  parser.add_argument(
    '--figure_rows',
    type=int,
    default=12,
    metavar='N',
    help='digits in the figure at most, 1 to 50; %(default)s when not given',
  )
  given = parser.parse_args(argv)
  if not given.paths:
    parser.error('give an image file or a folder')
  if not 0 <= given.threshold <= 1:
    parser.error(f'--threshold {given.threshold:g} must be from 0 to 1')
  if not 1 <= given.figure_rows <= 50:
    parser.error(f'--figure_rows {given.figure_rows} must be from 1 to 50')
  if given.figure and not given.figure.lower().endswith('.png'):
    parser.error(f'--figure {given.figure} must end in .png')
  return given


def _read_all(
  files: list[pathlib.Path], network: classifier.Classifier, threshold: float
) -> Iterator[FileReading]:
  import tqdm

  from mnist_jax.predict import digit_reader

  for path in tqdm.tqdm(
    files,
    unit='picture',
    leave=False,
    disable=len(files) < PROGRESS_FROM or not sys.stderr.isatty(),
  ):
    try:
      picture, predictions = digit_reader.read(path, network, threshold)
      yield FileReading(path, picture, predictions, picture.note)
    except errors.UserError as error:
      message = error.args[0].replace(str(path), printable.escape(path))
      yield FileReading(path, None, (), str(errors.UserError(message)))


def _to_json(reading: FileReading) -> dict:
  return {
    'file': str(reading.path),
    'digits': [prediction.as_json() for prediction in reading.predictions],
    'note': reading.note,
  }


def _print_lines(reading: FileReading) -> None:
  import tqdm

  path = printable.escape(reading.path)
  for prediction in reading.predictions:
    tqdm.tqdm.write(f'{path} -> {describe(prediction)}')
  if reading.picture and reading.note:
    tqdm.tqdm.write(f'{path} -> {reading.note}')


def _print_problem(reading: FileReading) -> None:
  """Prints why a file could not be read."""
  import tqdm

  path, note = printable.escape(reading.path), reading.note
  with tqdm.tqdm.external_write_mode(file=sys.stderr):
    exit_codes.print_error(note if path in note else f'{path}: {note}')


def describe(prediction: digit_reader.Prediction) -> str:
  """Returns the digit as text, such as 'not sure: 3 or 8 (48 %)'."""
  digit, runner_up = prediction.digit, prediction.runner_up
  percent = 100 * prediction.confidence
  # Rounding must not turn any of these into 100 %.
  if prediction.verdict == 'no digit':
    text = f'not a digit (best guess {digit}, {percent:.0f} %)'
  elif prediction.verdict == 'unsure':
    confidence = f'{percent:.0f}' if percent < 99.5 else 'over 99'
    text = f'not sure: {digit} or {runner_up} ({confidence} %)'
  else:
    confidence = f'{percent:.1f}' if percent < 99.95 else 'over 99.9'
    text = f'{digit} (confidence {confidence} %, second choice {runner_up})'
  return text + ', touches its neighbour' * prediction.touching


def _draw(
  out: pathlib.Path,
  rows: Sequence[tuple[str, pipeline.Picture, digit_reader.Prediction]],
  weights_name: str,
) -> None:
  if not rows:
    raise errors.UserError(
      f'{out} is not drawn: no digit was found in any of the pictures'
    )
  from mnist_jax.analysis import figure_style
  from mnist_jax.predict import figure as figure_lib
  from mnist_jax.workdir import atomic_files

  caption = f'weights: {printable.escape(weights_name)}'
  figure = figure_lib.draw([figure_lib.Row(*row) for row in rows], caption)
  atomic_files.write(out, figure_style.to_png(figure))


if __name__ == '__main__':
  sys.exit(argparse_args.run(main))
