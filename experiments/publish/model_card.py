"""The model card of pretrained weights, written from their numbers."""

import jinja2

from mnist_jax import config as config_lib

# A short form of Mitchell et al., Model Cards for Model Reporting, 2019.
_TEMPLATE = """\
# {{ about.name }}

Reads one handwritten digit, 0 to 9, from a 28x28 picture. The network is
`{{ about.model }}` with {{ about.num_params | count }} weights, trained by
the recipe `{{ about.config_name }}`.

| file | |
|---|---|
| `{{ about.name }}.safetensors` | {{ about.num_bytes | count }} bytes, \
float32, SHA-256 `{{ about.sha256 }}` |
| `{{ about.name }}.json` | config, temperature, numbers, versions |

## Use

```
python -m mnist_jax.predict --weights={{ about.name }} photo.jpeg
python -m mnist_jax.demo --weights={{ about.name }}
```

Meant for learning, teaching, and reading your own single digits. Not meant
for numbers that have consequences and that nobody checks, such as amounts of
money, addresses, doses or exam results.

## Training

- data: {{ about.dataset }}, {{ about.train['count'] | count }} images \
{{- '' if about.valid else ' (no validation split)' }}
- command: `{{ about.command }}`
- {{ '%g' | format(about.epochs) }} epochs, \
{{ about.steps | count }} steps, \
{{ '%.0f' | format(about.train_seconds) }} s on {{ about.device }}, seed \
{{ about.seed }}
- distortions: {{ distortions }}
- weights taken: {{ about.selected }}
- commit `{{ about.git_commit or 'unknown' }}`, {{ versions }}

## Numbers

| split | accuracy | errors |
|---|--:|--:|
{% for name in ('train', 'valid', 'test') if about[name] %}
| {{ titles[name] }} | {{ about[name].accuracy | percent }} | \
{{ about[name].num_errors | count }} of \
{{ about[name]['count'] | count }} |
{% endfor %}

Nothing was chosen by the test split.
{% if about.calibration %}

Confidence is the softmax of the outputs divided by \
{{ '%.3f' | format(about.temperature) }}, the
temperature that fits the validation split best. The expected calibration error
there is {{ '%.4f' | format(about.calibration.ece_before) }} before and \
{{ '%.4f' | format(about.calibration.ece_after) }} after. If the
network does not answer below a confidence, then of the validation images

| confidence under | without answer | errors among these | errors left |
|--:|--:|--:|--:|
{% for row in about.calibration.thresholds %}
| {{ '%g' | format(100 * row.threshold) }} % | {{ row.unsure }} of \
{{ row.count | count }} | {{ row.errors_unsure }} | \
{{ row.errors_sure }} |
{% endfor %}
{% endif %}
{% if photos %}

Accuracy on other people's photos, scans and drawings, from the picture file to
the digit; "plain resize" scales the whole picture to 28x28 without looking for
the digit:

| set |{% for way in photos %} {{ way }} |{% endfor %} images |
|---|{{ '--:|' * (photos | length) }}--:|
{% for name in sets %}
| {{ name }} |{% for way in photos.values() %} \
{{ (way[name].accuracy | percent) if name in way else '-' }} |\
{% endfor %} {{ rows[name]['count'] | count }} |
{% endfor %}
{% endif %}

## Limits

{% if about.config.data.non_digits | default(0) %}
- It was trained to be unsure of what is no digit, but a letter, a heart or a
  smudge is still read as a digit at times, sometimes with high confidence.
{% else %}
- It knows ten digits and nothing else: a letter, a smudge or a printed logo is
  read as a digit too, sometimes with high confidence.
{% endif %}
- MNIST was written by Americans around 1990. Other ways to write 1, 4, 7 and 9
  are rare in it and are read less well.
- On pictures unlike MNIST it is right less often than its confidence says.
- Touching digits are not always separated.

MIT licence, like the rest of this project. MNIST: LeCun, Cortes and Burges.
"""


def render(about: dict, photos: dict) -> str:
  """Returns the card as Markdown.

  Args:
    about: the content of NAME.json.
    photos: {way of reading: {set: scores}}, the scores with 'accuracy' in
      [0, 1], 'num_errors' and 'count'; {} for none.
  """
  environment = jinja2.Environment(
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
  )
  environment.filters |= {'count': '{:,}'.format, 'percent': '{:.2%}'.format}
  sets = list(dict.fromkeys(name for way in photos.values() for name in way))
  rows = {name: way[name] for way in photos.values() for name in way}
  return environment.from_string(_TEMPLATE).render(
    about=about,
    titles={'train': 'training', 'valid': 'validation', 'test': 'test'},
    versions=', '.join(f'{k} {v}' for k, v in about['versions'].items()),
    distortions=_distortions(about['config'].get('augment', {})),
    photos=photos if sets else {},
    sets=sets,
    rows=rows,
  )


def _distortions(augment: dict) -> str:
  if not augment.get('enabled'):
    return 'none'
  # Without the fields of earlier versions, which were off.
  known = config_lib.default().augment
  return ', '.join(
    f'{name} {value:g}' if isinstance(value, float) else f'{name} {value}'
    for name, value in augment.items()
    if value and name in known and name != 'enabled'
  )
