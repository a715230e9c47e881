"""Bad flags and configs for the commands, and valid but unusual configs."""

import pathlib
import random
from collections.abc import Sequence

from experiments.fault_campaign import bench as bench_lib
from experiments.fault_campaign import campaign, processes
from mnist_jax import config as config_lib
from mnist_jax.training import registries

Arguments = Sequence[str | bytes]

RECIPE = f'--config={bench_lib.CONFIGS}/single_conv.py:smoke'
SECONDS = 30  # Enough to refuse; a command that takes longer has accepted.
LONG = 'x' * 5000

# By command: flags that it must refuse, each by itself.
REFUSED: dict[str, list[Arguments]] = {
  'mnist_jax.main': [
    [], ['--config='], ['--config'], ['--config=:smoke'],
    ['--config=/nope.py'], ['--config=/'], [f'--config={LONG}.py'],
    [f'{RECIPE}:smoke'], [f'{RECIPE}x'], [RECIPE, '--config.=1'],
    [RECIPE, '--config.data=1'], [RECIPE, '--config.seed'],
    [RECIPE, '--workdir=/proc/x'], [RECIPE, f'--workdir={LONG}'],
    [RECIPE, '--workdir=/dev/null'], [RECIPE, '--distributed=maybe'],
    [RECIPE, '--distributed', '--coordinator=x', '--num_processes=0'],
    [RECIPE, '--distributed', '--num_processes=2', '--process_id=2'],
    [RECIPE, '--config.data.name=mnist', '--config.data.manual_dir=/nope'],
    [RECIPE, '--config.num_devices=3'], [RECIPE, 'positional'],
    [RECIPE, '--config.data.name=idx'], [RECIPE, '--config.data.name=folders'],
    [RECIPE, '--config.data.name=idx', '--config.data.manual_dir=/nope'],
    [RECIPE, '--config.data.name=folders', '--config.data.manual_dir=/proc/x'],
    [RECIPE, '--config.data.framing=x'],
  ],
  'mnist_jax.analysis': [
    [], [''], ['/nope'], ['/dev/null'], ['/'], [LONG], ['--out'],
    ['/nope', '/nope2'], [b'\xff'], ['a\nb'],
  ],
  'mnist_jax.predict': [
    [], [''], ['/nope.png'], ['/dev/null'], ['/dev'], [LONG], [b'\xff.png'],
    ['a\nb.png'], ['/nope.png', '--json'], ['x', '--weights=nope'],
    ['x', '--weights='], ['x', '--weights=/dev/null'], ['x', '--weights=/'],
    ['x', '--threshold=2'], ['x', '--threshold=nan'], ['x', '--threshold=x'],
    ['x', '--figure=x.jpg'], ['x', '--figure_rows=0'],
    ['x', '--figure_rows=9999999999999999999'],
  ],
  'mnist_jax.demo': [
    ['--port=65536'], ['--port=-1'], ['--port=x'], ['--host='], ['--host=::'],
    ['--host=0.0.0.0'], ['--host=a b'], ['--weights=nope'], ['x'],
    ['--host=203.0.113.1'], [f'--host={LONG}'],
  ],
  'mnist_jax.export': [
    [], ['robust'], ['', 'out'], ['robust', ''], ['nope', 'out'],
    ['/', 'out'], ['/dev/null', 'out'], [LONG, 'out'], [b'\xff', 'out'],
    ['robust', '/dev/null'], ['robust', '/'], ['robust', '/proc/x'],
    ['robust', LONG], ['robust', 'out', 'more'],
    ['robust', 'out', '--config=/nope.py'],
  ],
  'mnist_jax.models.onednn': [[''], ['x'], ['--out=/nope'], [LONG]],
  'mnist_jax.demo.static_page': [
    [], [''], ['/dev/null'], ['/dev/null/x'], ['/proc/x'], [LONG], ['x', 'y'],
    ['x', '--weights='], ['x', '--weights=nope'], ['x', '--weights=/dev/null'],
  ],
  'experiments.seed_sweep': [
    [], ['--config='], [RECIPE, '--num_seeds=0'], [RECIPE, '--num_seeds=-1'],
    [RECIPE, '--num_seeds=1001'], [RECIPE, '--num_seeds=x'],
    [RECIPE, '--mode=x'], [RECIPE, '--only=x'], [RECIPE, '--settings'],
    [RECIPE, '--publish_as=../x'], [RECIPE, '--slurm=x=1'],
    [RECIPE, '--submit=x'], [RECIPE, '--workdir=/proc/x'],
    [RECIPE, '--config.seed=2147483647', '--num_seeds=2'],
  ],
  'experiments.ablations': [
    ['--num_seeds=0'], ['--num_seeds=x'], ['--publish_as=a/b'],
    [RECIPE, '--workdir=/proc/x'], ['--config=/nope.py'],
  ],
  'experiments.photos': [
    [], ['--data=/nope'], ['--data=/dev/null'], ['--half=x'], ['--weights='],
  ],
  'experiments.publish': [
    [], ['--workdir=/nope', '--name=x'], ['--workdir=/', '--name=x'],
    ['--workdir=/nope', '--name=../x'], ['--name=x'],
  ],
  'experiments.reproduce': [['--names=nope'], ['--names=']],
  'experiments.benchmark': [
    ['--rounds=0'], ['--configs=x'], ['--seconds=nan'],
    ['--tensorflow_python=/nope'],
  ],
}  # fmt: skip
ANYWHERE: list[Arguments] = [
  ['--nope'], ['--nope=1'], ['--flagfile=/nope'], ['-x'], [b'--\xff=1'],
  [f'--{LONG}'], ['--=1'], ['--a\nb'],
]  # fmt: skip
BAD_NUMBERS = ('nan', 'inf', '-inf', '-1e300', 'x', '', '1,5', '9' * 400, '[]')
BAD_WORDS = ('nonsense', ' ', '0', 'Adam', 'mnist,uci_digits')
BROKEN_RECIPES = (
  'def get_config(:', '', 'get_config = 1', 'raise KeyError("x")', '\x00',
  'import nothing_like_this', 'import sys; sys.exit(3)', 'x' * 100_000,
  'def get_config(mode=""): return None', 'def get_config(mode=""): return {}',
  'def get_config(mode=""): raise ValueError("a\\nb")',
  'def get_config(mode=""): return get_config(mode)',
  'def get_config(mode): return None',
)  # fmt: skip
UNUSUAL = (
  ['data.batch_size=1', 'total_epochs=0.1'],
  ['data.batch_size=1300'], ['data.batch_size=1299'],
  ['data.batch_size=63'], ['data.batch_size=2', 'total_epochs=0.2'],
  ['total_epochs=0.0001'], ['total_epochs=0.12'], ['total_epochs=1.5'],
  ['seed=2147483647'], ['optim.lr=1000', 'model.dropout=0'],
  ['optim.lr=1e-12'], ['model.dropout=0.99'], ['optim.label_smoothing=0.99'],
  ['optim.ema_decay=0.999999'], ['optim.clip_norm=1e-9'],
  ['optim.weight_decay=10'], ['optim.momentum=0.9999', 'optim.nesterov=true'],
  ['data.valid=random', 'early_stop.patience=1', 'total_epochs=5'],
  ['data.valid=random', 'select=best_valid', 'data.batch_size=7'],
  ['data.valid=random', 'optim.schedule=plateau', 'optim.plateau_patience=1'],
  ['optim.schedule=cosine', 'optim.warmup_epochs=1.99'],
  ['optim.schedule=one_cycle', 'optim.warmup_epochs=1'],
  ['optim.schedule=exponential', 'optim.decay_rate=1e-12'],
  ['optim.name=adamw', 'optim.beta1=0', 'optim.beta2=0'],
  ['augment.enabled=true', 'augment.rotate=180', 'augment.scale=0.9'],
  ['augment.enabled=true', 'augment.shift=28', 'augment.elastic=28'],
  ['augment.enabled=true', 'augment.erase_probability=1',
   'augment.erase_area=1'],
  ['data.non_digits=1', 'data.batch_size=7'],
  ['log.tensorboard=true'], ['num_devices=1'], ['model.name=improved'],
)  # fmt: skip


def cases(bench: bench_lib.Bench) -> list[campaign.Case]:
  """Returns the cases of this family."""
  del bench
  return [
    campaign.Case(
      'bad flags', len(list_flags()), 2, lambda its: [refuse_flags(its)]
    ),
    campaign.Case('bad config values', 60, 1, lambda its: [refuse_value(its)]),
    campaign.Case('broken recipes', 14, 1, lambda its: [refuse_recipe(its)]),
    campaign.Case(
      'unusual configs', len(UNUSUAL), 1, lambda its: [train_unusual(its)]
    ),
  ]


def refuse_flags(its: campaign.Try) -> str:
  """Gives a command flags that it must refuse in one line."""
  options = list_flags()
  random.Random(0).shuffle(options)
  module, flags = options[its.number % len(options)]
  return refuse(['-m', module, *flags], its.folder)


def list_flags() -> list[tuple[str, list[str]]]:
  """Returns each command with each of the flags that it must refuse."""
  return [
    (module, flags)
    for module, refused in REFUSED.items()
    for flags in (*refused, *ANYWHERE)
  ]


def refuse_value(its: campaign.Try) -> str:
  """Gives a field of the config a value outside its rule."""
  fields = config_lib.flatten(config_lib.default())
  words = registries.choices()
  choices = [
    name
    for name, default in fields.items()
    if name in words or not isinstance(default, str)
  ]
  name = its.rng.choice(sorted(choices))
  bad = BAD_WORDS if name in words else BAD_NUMBERS
  flag = f'--config.{name}={its.rng.choice(bad)}'
  workdir = f'--workdir={its.folder}/run'
  module = its.rng.choice(('mnist_jax.main', 'experiments.seed_sweep'))
  return refuse(['-m', module, RECIPE, workdir, flag], its.folder)


def refuse_recipe(its: campaign.Try) -> str:
  """Gives a run a recipe that cannot be loaded."""
  text = BROKEN_RECIPES[its.number % len(BROKEN_RECIPES)]
  path = its.folder / 'recipe.py'
  path.write_text(text)
  what = refuse(['-m', 'mnist_jax.main', f'--config={path}'], its.folder)
  return campaign.describe(f'recipe {text[:50]!r}', what)


def refuse(arguments: Arguments, folder: pathlib.Path) -> str:
  """Runs a command that must end with one line and code 2."""
  done = processes.run(arguments, folder, limit=SECONDS)
  what = processes.judge(done, (2,))
  shown = ' '.join(
    word if isinstance(word, str) else repr(word) for word in arguments[1:]
  )
  return campaign.describe(repr(shown[:160]), what)


def train_unusual(its: campaign.Try) -> str:
  """Trains an unusual config: to the end, or refused in one line."""
  settings = UNUSUAL[its.number % len(UNUSUAL)]
  recipe = (RECIPE, *(f'--config.{setting}' for setting in settings))
  arguments = bench_lib.train(its.folder / 'run', recipe)
  done = processes.run(arguments, its.folder)
  what = processes.judge(done)
  report = its.folder / 'run' / 'report.html'
  if not what and not done.code and not report.exists():
    what = 'code 0, but there is no report'
  return campaign.describe(' '.join(settings), what)
