"""Learning curves of many seeds as one line and a band."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import axes, figure, ticker

from mnist_jax.analysis import figure_style
from mnist_jax.analysis.run import training_figures


@dataclasses.dataclass(frozen=True, eq=False)
class Band:
  """One curve of many seeds; arrays of one number per epoch, [E]."""

  epochs: np.ndarray  # Rising.
  mean: np.ndarray  # Over the seeds that have a number there.
  low: np.ndarray  # The lowest of them.
  high: np.ndarray
  count: np.ndarray  # How many they are, int, at least 1.


def find_band(
  seeded: Sequence[Sequence[Mapping[str, float]]], key: str
) -> Band | None:
  """Gather one metric of all seeds by epoch.

  Args:
    seeded: the rows of each seed, each with `epoch`.
    key: such as 'train/loss'.

  Returns:
    The band; None where no seed has a finite number of that name.
  """
  found: dict[float, list[float]] = {}
  for row in (row for rows in seeded for row in rows):
    if np.isfinite(row.get(key, np.nan)):
      # The same step can round to another epoch: six digits tell them apart.
      found.setdefault(round(row['epoch'], 6), []).append(row[key])
  if not found:
    return None
  epochs = sorted(found)
  values = [np.array(found[epoch]) for epoch in epochs]
  low, high = (np.array([f(v) for v in values]) for f in (np.min, np.max))
  # Rounding can move the mean of equal numbers off them.
  mean = np.clip([v.mean() for v in values], low, high)
  count = np.array([len(v) for v in values])
  return Band(np.array(epochs), mean, low, high, count)


@figure_style.applied
def curves(
  seeded: Sequence[Sequence[Mapping[str, float]]], caption: str
) -> figure.Figure:
  """Draw loss and error over the epochs, with the range over seeds.

  The curves are pale from where seeds stop.

  Args:
    seeded: the rows of `metrics.jsonl` of each seed, of one or more.
  """
  charted = [_find_bands(seeded, metric) for metric in ('loss', 'accuracy')]
  fig = figure_style.new_figure(
    3.35,
    f'Training curves of {len(seeded)} seed{"s" * (len(seeded) != 1)}',
    _explain([band for bands in charted for band in bands.values()]),
    caption,
  )
  axes_ = [figure_style.add_axes(fig, x, 0.85, 2.7, 2.2) for x in (0.7, 4.05)]
  for ax, title, bands in zip(axes_, ('Loss', 'Error'), charted, strict=True):
    _draw_chart(ax, title, bands)
  axes_[1].yaxis.set_major_formatter(lambda y, _: f'{100 * y:.4g}%')
  splits = [s for s in training_figures.SERIES if s in charted[0] | charted[1]]
  handles = training_figures.list_handles(splits)
  figure_style.add_legend(fig, 2, handles=handles)
  return fig


def _find_bands(seeded, metric: str) -> dict[str, Band]:
  bands = {}
  for split in training_figures.SERIES:
    band = find_band(seeded, f'{split}/{metric}')
    if band and metric == 'accuracy':  # Drawn as error.
      error = {
        'mean': 1 - band.mean,
        'low': 1 - band.high,
        'high': 1 - band.low,
      }
      band = dataclasses.replace(band, **error)
    if band:
      bands[split] = band
  return bands


def _explain(bands: Sequence[Band]) -> str:
  text = 'line: mean over seeds; band: from the lowest to the highest'
  full = [b.epochs[: count_full(b)] for b in bands if min(b.count) < b.count[0]]
  if full:
    first = min(epochs[-1] for epochs in full)
    text += f'; pale after epoch {first:g}, when seeds stop'
  return text


def count_full(band: Band) -> int:
  """Count the epochs before any seed stops."""
  fewer = band.count < band.count[0]
  return int(np.argmax(fewer)) if fewer.any() else len(band.count)


def _draw_chart(ax: axes.Axes, title: str, bands: Mapping[str, Band]):
  ax.set(xlabel='epoch', title=title)
  ax.grid(axis='y')
  for split, band in bands.items():
    if len(band.epochs) == 1:
      _draw_point(ax, split, band)
    else:
      _draw_band(ax, split, band)
  if not bands:
    ax.text(0.5, 0.5, 'not finite', transform=ax.transAxes, ha='center')
    ax.set(xticks=[], yticks=[])
    return
  epochs = np.unique(np.concatenate([band.epochs for band in bands.values()]))
  if len(epochs) == 1:
    ax.set(xlim=(epochs[0] - 0.5, epochs[0] + 0.5), xticks=epochs)
    ax.xaxis.set_major_formatter(lambda x, _: f'{x:.4g}')
  else:
    ax.xaxis.set_major_locator(ticker.MaxNLocator(6, integer=epochs[-1] >= 3))
  ends = [edge for b in bands.values() for edge in (b.low, b.high)]
  training_figures.scale_by_log(ax, np.concatenate(ends), title)


def _draw_point(ax: axes.Axes, split: str, band: Band):
  # Side by side, because both splits are at the same epoch.
  x = band.epochs + (0.06 if split == 'valid' else -0.06)
  look = training_figures.SERIES[split] | {'linestyle': '', 'markersize': 5}
  # Lists: of arrays of one number matplotlib 3.10 makes numbers, and warns.
  reach = [(band.mean - band.low).tolist(), (band.high - band.mean).tolist()]
  ax.errorbar(x, band.mean, yerr=reach, capsize=4, **look)


def _draw_band(ax: axes.Axes, split: str, band: Band):
  look, full = training_figures.SERIES[split], count_full(band)
  dots = training_figures.mark_some(len(band.epochs))
  parts = [(slice(full), 1.0)]
  if full < len(band.epochs):
    # The pale part starts at the last full epoch, so that the line has no gap.
    parts.append((slice(full - 1, None), 0.4))
  for part, alpha in parts:
    epochs = band.epochs[part]
    ax.plot(epochs, band.mean[part], alpha=alpha, **look, **dots)
    tint = {'color': look['color'], 'linewidth': 0, 'alpha': 0.18 * alpha}
    ax.fill_between(epochs, band.low[part], band.high[part], **tint)
