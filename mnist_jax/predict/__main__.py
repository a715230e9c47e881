"""Reads the digits in photos, scans and drawings.

python -m mnist_jax.predict [--weights=robust] IMAGE_OR_FOLDER...
"""

import argparse
import json
import pathlib
import sys
from collections.abc import Iterator, Sequence

from mnist_jax import errors
from mnist_jax.cli import argparse_args

# Readings are imported where they are used, so that --help answers at once.

PROGRESS_FROM = 20  # Files; fewer are read before a bar could be looked at.


def main(argv: Sequence[str] | None = None) -> int:
  """Reads every picture and prints one line per digit, or JSON.

  Args:
    argv: the command line without the program's name; None reads sys.argv.

  Returns:
    The exit code: 0, or 2 when not one of the pictures could be opened.

  Raises:
    errors.UserError: for what the user can mend.
  """
  given = _parse(argv)
  from mnist_jax.distributed import devices
  from mnist_jax.predict import classifier, image_files, score_labelled
  from mnist_jax.predict import weights as weights_lib

  chosen = image_files.choose(given.paths)
  devices.configure_reading()
  network = classifier.Classifier(weights_lib.load_weights(given.weights))
  tally = score_labelled.Tally(chosen.labels, given.threshold)
  found, rows = [], []
  for path, reading, note in _read_all(chosen.files, network):
    answers = reading.answers if reading else ()
    tally.add(path, reading)
    if given.json:
      found.append(_as_json(path, answers, note))
    else:
      _say(path, answers, note, given.threshold)
    rows += [(path, reading.picture, answer) for answer in answers]
    del rows[given.figure_rows :]
  print(
    f'{json.dumps(found, indent=1)}\n' if given.json else tally.text(), end=''
  )
  if given.figure:
    _draw(given.figure, rows, network.name)
  return 0 if tally.num_opened else 2


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
  parser = argparse_args.Parser(
    prog='python -m mnist_jax.predict',
    description='Finds the handwritten digits in pictures and reads them: one '
    'line per digit. A folder stands for the images below it, or for those '
    'that its labels.csv names (path,label), which are then scored too. The '
    'exit code is 0 if at least one picture could be opened, else 2.',
  )
  parser.add_argument('paths', nargs='*', metavar='IMAGE_OR_FOLDER')
  parser.add_argument(
    '--weights',
    default='robust',
    metavar='NAME_OR_DIR',
    help='weights in the box (robust, improved), a .safetensors file, or the '
    'workdir of a finished run; %(default)s when not given',
  )
  parser.add_argument(
    '--json', action='store_true', help='print one JSON list instead of lines'
  )
  parser.add_argument(
    '--threshold',
    type=float,
    default=0.8,
    metavar='SHARE',
    help='below this confidence the answer is "not sure"; %(default)s when not '
    "given, which about 1 in 100 of MNIST's validation images are under, and "
    'half of all errors',
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


def _read_all(files: list[pathlib.Path], network) -> Iterator[tuple]:
  """Yields each file with its reading, or None and the reason why not."""
  import tqdm

  from mnist_jax.predict import digit_reader

  for path in tqdm.tqdm(
    files,
    unit='picture',
    leave=False,
    disable=len(files) < PROGRESS_FROM or not sys.stderr.isatty(),
  ):
    try:
      reading = digit_reader.read(path, network)
      yield path, reading, reading.note
    except errors.UserError as error:
      yield path, None, ' '.join(str(error).split())


def _as_json(path: pathlib.Path, answers, note: str) -> dict:
  return {
    'file': str(path),
    'digits': [
      {
        'digit': answer.digit,
        'confidence': round(answer.confidence, 6),
        'runner_up': answer.runner_up,
        'box': list(answer.box),
      }
      for answer in answers
    ],
    'note': note,
  }


def _say(path: pathlib.Path, answers, note: str, threshold: float) -> None:
  import tqdm

  for answer in answers:
    tqdm.tqdm.write(f'{path} -> {describe(answer, threshold)}')
  if not answers:  # The reason may have named the file already.
    tqdm.tqdm.write(note if str(path) in note else f'{path} -> {note}')


def describe(answer, threshold: float) -> str:
  """Returns '8 (confidence 99.3 %, next 3)', or 'not sure: 3 or 8 (48 %)'."""
  share = 100 * answer.confidence
  if answer.confidence < threshold:
    return f'not sure: {answer.digit} or {answer.runner_up} ({share:.0f} %)'
  # Rounding must not make a certainty of it.
  sure = f'{share:.1f}' if share < 99.95 else 'over 99.9'
  return f'{answer.digit} (confidence {sure} %, next {answer.runner_up})'


def _draw(out: str, rows: list[tuple], weights: str) -> None:
  if not rows:
    raise errors.UserError(
      f'{out} is not drawn: no digit was found in any of the pictures'
    )
  from mnist_jax.analysis import figure_style
  from mnist_jax.predict import figure as figure_lib
  from mnist_jax.workdir import atomic_files

  figure = figure_lib.draw(
    [
      figure_lib.Row(
        name=path.name,
        pixels=picture.pixels,
        box=_in_pixels(answer.box, picture),
        image=answer.image,
        probabilities=answer.probabilities,
      )
      for path, picture, answer in rows
    ],
    f'weights: {weights}',
  )
  atomic_files.write(out, figure_style.to_png(figure))


def _in_pixels(box, picture) -> tuple[float, ...]:
  """Scales a box from the original to the picture that was looked at."""
  height, width = picture.pixels.shape
  x, y = width / picture.size[0], height / picture.size[1]
  return (box[0] * x, box[1] * y, box[2] * x, box[3] * y)


if __name__ == '__main__':
  sys.exit(argparse_args.run(main))
