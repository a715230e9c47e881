"""Files that are valid but hostile: npz, safetensors and JSON."""

import io
import json
import pathlib
import random
import struct
import zipfile
from collections.abc import Callable

import numpy as np

import experiments
from experiments.fault_campaign import bench as bench_lib
from experiments.fault_campaign import campaign, damage, processes
from mnist_jax.predict import weights

DEEP = '[' * 100_000
VALUES = (
  'null', '[]', '{}', '"x"', '1e999', 'NaN', '-1', DEEP, '{"a":' * 50_000,
  '1' * 5000, '[[[]]]', 'true', '"\\u0000"', '\ufeff{}', '{"a": 1, "a": 2}',
)  # fmt: skip
LEAVES: tuple = (
  None,
  [],
  {},
  'x',
  -1,
  1e308,
  float('nan'),
  10**400,
  True,
  '\x00',
)
JSON_FILES = ('result.json', 'config.json', 'metrics.jsonl', 'analysis.json')


def cases(bench: bench_lib.Bench) -> list[campaign.Case]:
  """Returns the cases of this family."""
  return [
    campaign.Case('hostile JSON', 80, 1.5, lambda its: [read_json(bench, its)]),
    campaign.Case('hostile npz', 40, 1, lambda its: [read_arrays(bench, its)]),
    campaign.Case(
      'hostile safetensors', 40, 1, lambda its: [read_weights(its)]
    ),
    campaign.Case('hostile sweep.json', 30, 1, lambda its: [read_sweep(its)]),
  ]


def read_json(bench: bench_lib.Bench, its: campaign.Try) -> str:
  """Puts valid JSON of a wrong shape into a workdir, and uses it."""
  workdir = bench.copy(bench.finished, its.folder)
  path = workdir / its.rng.choice(JSON_FILES)
  if its.rng.random() < 0.5:
    text = its.rng.choice(VALUES)
  else:
    text = path.read_text()
    if path.suffix == '.jsonl':
      text = text.split('\n')[0]
    text = spoil(text, its.rng)
  path.write_text(text)
  use = its.rng.choice((damage.resume, damage.analyse, damage.predict))
  what = use(bench, workdir)
  shown = f'{path.name}, {use.__name__}, {text[:60]!r}'
  return campaign.describe(shown, without_changes(what))


def without_changes(what: str) -> str:
  """Returns what went wrong, '' where it is only that other results came out.

  A changed number that fits its rule cannot be told from the right one.
  """
  return '' if what.startswith('code 0, but ') else what


def spoil(text: str, rng: random.Random) -> str:
  """Replaces or removes one random value of a JSON object."""
  content = json.loads(text)
  places = damage.places(content)
  keys = rng.choice(places)[: rng.randint(1, 3)]
  inner = content
  for key in keys[:-1]:
    inner = inner[key]
  if rng.random() < 0.3:
    del inner[keys[-1]]
  else:
    inner[keys[-1]] = rng.choice(LEAVES)
  return json.dumps(content)


def read_arrays(bench: bench_lib.Bench, its: campaign.Try) -> str:
  """Puts a hostile npz file into a workdir, and analyses it."""
  workdir = bench.copy(bench.finished, its.folder)
  path = workdir / its.rng.choice(('predictions.npz', 'explanations.npz'))
  way = its.rng.choice(
    (claim_shape, encrypt, bomb, pickle, retype, reshape, poison)
  )
  way(path, its.rng)
  what = damage.analyse(bench, workdir)
  return campaign.describe(
    f'{path.name}, {way.__name__}', without_changes(what)
  )


def claim_shape(path: pathlib.Path, rng: random.Random) -> None:
  """Makes an array say that it has 10^12 elements."""
  names = load(path)
  name = rng.choice(sorted(names))
  write(path, names | {name: npy_header(10**12) + bytes(64)})


def npy_header(size: int) -> bytes:
  """Returns the header of an npy file of `size` float32 numbers."""
  header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({size},), }}"
  header += ' ' * (-(len(header) + 11) % 64) + '\n'
  start = b'\x93NUMPY\x01\x00' + struct.pack('<H', len(header))
  return start + header.encode()


def encrypt(path: pathlib.Path, rng: random.Random) -> None:
  """Sets the flag of encryption in every header of the zip file."""
  del rng
  content = bytearray(path.read_bytes())
  for mark, offset in ((b'PK\x03\x04', 6), (b'PK\x01\x02', 8)):
    place = content.find(mark)
    while place >= 0:
      content[place + offset] |= 1
      place = content.find(mark, place + 1)
  path.write_bytes(content)


def bomb(path: pathlib.Path, rng: random.Random) -> None:
  """Makes an array of 3 GB out of a file of 3 MB."""
  names = load(path)
  name = rng.choice(sorted(names))
  write(path, {key: names[key] for key in names if key != name})
  with zipfile.ZipFile(path, 'a', zipfile.ZIP_DEFLATED) as zipped:  # noqa: SIM117
    with zipped.open(f'{name}.npy', 'w', force_zip64=True) as entry:
      entry.write(npy_header(750_000_000))
      for _ in range(300):
        entry.write(bytes(10_000_000))


def pickle(path: pathlib.Path, rng: random.Random) -> None:
  """Makes an array of Python objects."""
  names = load(path)
  array = io.BytesIO()
  np.save(array, np.array([{}, None], dtype=object), allow_pickle=True)
  write(path, names | {rng.choice(sorted(names)): array.getvalue()})


def retype(path: pathlib.Path, rng: random.Random) -> None:
  """Gives an array another type of number."""
  change(path, rng, lambda array: array.astype(rng.choice(('U3', 'i1', 'c8'))))


def reshape(path: pathlib.Path, rng: random.Random) -> None:
  """Gives an array another shape."""
  change(path, rng, lambda array: rng.choice((array[None], array[:1], array.T)))


def poison(path: pathlib.Path, rng: random.Random) -> None:
  """Fills an array with NaN, or with the largest number."""
  value = rng.choice((np.nan, np.inf, -np.inf))
  change(path, rng, lambda array: np.full(array.shape, value, np.float32))


def change(
  path: pathlib.Path,
  rng: random.Random,
  how: Callable[[np.ndarray], np.ndarray],
) -> None:
  """Changes one array of an npz file."""
  names = load(path)
  name = rng.choice(sorted(names))
  array = io.BytesIO()
  np.save(array, how(np.load(io.BytesIO(names[name]))))
  write(path, names | {name: array.getvalue()})


def load(path: pathlib.Path) -> dict[str, bytes]:
  """Returns the bytes of each array of an npz file."""
  with zipfile.ZipFile(path) as zipped:
    return {
      name.removesuffix('.npy'): zipped.read(name) for name in zipped.namelist()
    }


def write(path: pathlib.Path, names: dict[str, bytes]) -> None:
  """Writes an npz file of arrays that are bytes already."""
  with zipfile.ZipFile(path, 'w') as zipped:
    for name, content in names.items():
      zipped.writestr(f'{name}.npy', content)


def read_weights(its: campaign.Try) -> str:
  """Gives `predict` hostile weights: a safetensors file and its facts."""
  content = (weights.PRETRAINED / 'improved.safetensors').read_bytes()
  facts = (weights.PRETRAINED / 'improved.json').read_text()
  size = struct.unpack('<Q', content[:8])[0]
  header, arrays = json.loads(content[8 : 8 + size]), content[8 + size :]
  way = its.rng.choice(('length', 'type', 'offsets', 'name', 'deep', 'facts'))
  key = its.rng.choice([key for key in sorted(header) if key[0] != '_'])
  text = None
  if way == 'type':
    header[key]['dtype'] = its.rng.choice(('I32', 'F64', 'BF16', 'X', 7))
  elif way == 'offsets':
    header[key]['data_offsets'] = its.rng.choice(([0, 10**15], [-4, 4], [8, 0]))
  elif way == 'name':
    header[its.rng.choice(('', '../x', '\x00', 'x' * 9999))] = header.pop(key)
  elif way == 'facts':
    facts = spoil(facts, its.rng)
  elif way == 'deep':
    text = its.rng.choice((DEEP, '{"a":' * 50_000, 'null', '[]', '{}'))
  encoded = (text if text is not None else json.dumps(header)).encode()
  length = 2**62 if way == 'length' else len(encoded)
  path = its.folder / 'hostile.safetensors'
  path.write_bytes(struct.pack('<Q', length) + encoded + arrays)
  (its.folder / 'hostile.json').write_text(facts)
  arguments = ['-m', 'mnist_jax.predict', f'--weights={path}', '/nope.png']
  done = processes.run(arguments, its.folder)
  what = processes.judge(done, (2,))
  if not what and 'nope.png' in done.stderr + done.stdout and way != 'facts':
    what = 'the weights were accepted'
  return campaign.describe(f'{way} of {key}', what)


def read_sweep(its: campaign.Try) -> str:
  """Gives the analysis a sweep.json with one impossible value."""
  text = (experiments.RESULTS / 'fast-seeds.json').read_text()
  changed = its.rng.choice(VALUES) if its.rng.random() < 0.3 else None
  if changed is None:
    sweep = json.loads(text)
    seeds = sweep['seeds']
    i = its.rng.randrange(len(seeds))
    seeds[i] = json.loads(spoil(json.dumps(seeds[i]), its.rng))
    changed = json.dumps(sweep)
  path = its.folder / 'sweep.json'
  path.write_text(changed)
  done = processes.run(['-m', 'mnist_jax.analysis', str(path)], its.folder)
  return campaign.describe(f'{changed[:60]!r}', processes.judge(done))
