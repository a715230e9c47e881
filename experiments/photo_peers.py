"""RapidOCR and Tesseract as readers of digits, where they are installed.

They get the same pictures as we do, and are read generously: only digits count,
and a letter that looks like a digit counts as that digit.
"""

import functools
import importlib.util
import io
import os
import shutil
import subprocess
import unicodedata
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

# Pixels [H, W] uint8, and what they show: one 'digit', a 'row' of digits, or a
# 'page' of rows -> the digits in reading order.
Peer = Callable[[np.ndarray, str], tuple[int, ...]]

INSTALL = {
  'RapidOCR': 'pip install -r requirements-bench.txt',
  'Tesseract': 'apt-get install tesseract-ocr',
}
# Per digit, the characters that are taken for it.
LOOKALIKES = (
  'OoQDUC口',
  'lIi|!jJtr[](){}/\\丨一',
  'Zz乙',
  'E',
  'Ahy',
  'Ss$',
  'bG',
  'T?つ了',
  'B&',
  'gqPp',
)
_MODES = {'digit': '10', 'row': '7', 'page': '6'}  # Tesseract's --psm.
_SECONDS = 30  # For one picture; after that nothing is found.


def load_installed() -> dict[str, Peer]:
  """Returns the readers that are installed, by name.

  Prints a line for each that is not, which says how to install it.
  """
  found: dict[str, Peer] = {}
  if importlib.util.find_spec('rapidocr_onnxruntime'):
    found['RapidOCR'] = functools.partial(read_by_rapidocr, load_rapidocr())
  if shutil.which('tesseract'):
    found['Tesseract'] = read_by_tesseract
  for name, command in INSTALL.items():
    if name not in found:
      print(f'{name} is left out, as it is not installed: {command}')
  return found


def load_rapidocr() -> Any:
  """Returns RapidOCR with its default models (PP-OCRv4)."""
  from rapidocr_onnxruntime import RapidOCR

  # With more threads it is slower beside other programs.
  return RapidOCR(intra_op_num_threads=1, inter_op_num_threads=1)


def read_by_rapidocr(
  engine: Any, pixels: np.ndarray, layout: str
) -> tuple[int, ...]:
  """Reads a picture; see `Peer`.

  A digit or a row is first taken for a line of text. RapidOCR itself looks for
  text first, but misses most digits that stand alone, and parts of rows.
  """
  ways = [_find_text] if layout == 'page' else [_read_line, _find_text]
  for way in ways:
    if digits := to_digits(way(engine, pixels, layout)):
      return digits
  return ()


def _read_line(engine: Any, pixels: np.ndarray, layout: str) -> str:
  """Takes the whole picture for one line of text."""
  del layout
  lines, _ = engine(pixels, use_det=False, use_cls=False)
  return ''.join(text for text, _ in lines or [])


def _find_text(engine: Any, pixels: np.ndarray, layout: str) -> str:
  """Finds lines of text and reads them."""
  lines, _ = engine(pixels)
  lines = lines or []
  if layout == 'row':  # A page's lines are sorted already.
    lines.sort(key=lambda line: np.mean(line[0], axis=0)[0])
  return ''.join(text for _, text, _ in lines)


def read_by_tesseract(pixels: np.ndarray, layout: str) -> tuple[int, ...]:
  """Reads a picture with a whitelist of digits; see `Peer`."""
  content = io.BytesIO()
  Image.fromarray(pixels).save(content, 'PNG')
  try:
    done = subprocess.run(
      ['tesseract', 'stdin', 'stdout', '--psm', _MODES[layout]]
      + ['-c', 'tessedit_char_whitelist=0123456789'],
      input=content.getvalue(),
      capture_output=True,
      timeout=_SECONDS,
      # Its threads wait for each other longer than they work.
      env=os.environ | {'OMP_THREAD_LIMIT': '1'},
    )
  except subprocess.TimeoutExpired:
    return ()
  return to_digits(done.stdout.decode(errors='replace'))


def to_digits(text: str) -> tuple[int, ...]:
  """Returns the digits of a text, and of the letters that look like them."""
  return tuple(
    _DIGIT_OF[character]
    for character in unicodedata.normalize('NFKC', text)
    if character in _DIGIT_OF
  )


_DIGIT_OF = {
  character: digit
  for digit, letters in enumerate(LOOKALIKES)
  for character in f'{digit}{letters}'
}
