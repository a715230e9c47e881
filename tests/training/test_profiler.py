"""A profile traces the steps that were asked for, and changes none."""

import gzip

from mnist_jax.training import profiler


def calls_with(tmp_path, num_steps, spans):
  """Returns the calls that reach the training loop."""
  calls = []
  tracer = profiler.Profiler(tmp_path, num_steps)
  take = tracer.wrap(lambda start, stop: calls.append((start, stop)))
  for span in spans:
    take(*span)
  return calls


def test_the_steps_after_the_first_call_are_traced_once(tmp_path, capsys):
  spans = [(0, 10), (10, 60), (60, 90)]
  calls = calls_with(tmp_path, 20, spans)
  assert calls == [(0, 10), (10, 30), (30, 60), (60, 90)]
  (line,) = capsys.readouterr().out.splitlines()
  assert line.startswith(f'profile of 20 steps in {tmp_path / "profile"}')
  (trace,) = tmp_path.rglob('perfetto_trace.json.gz')
  assert b'traceEvents' in gzip.decompress(trace.read_bytes())


def test_fewer_steps_are_traced_where_a_call_has_no_more(tmp_path, capsys):
  assert calls_with(tmp_path, 20, [(0, 10), (10, 15)]) == [(0, 10), (10, 15)]
  assert 'profile of 5 steps' in capsys.readouterr().out


def test_without_a_profile_the_calls_are_as_they_were(tmp_path, capsys):
  assert calls_with(tmp_path, 0, [(0, 10), (10, 60)]) == [(0, 10), (10, 60)]
  assert not capsys.readouterr().out
  assert not list(tmp_path.iterdir())
