"""JSON that a run did not write is one line, whatever is wrong with it."""

import json

import pytest

from mnist_jax import errors
from mnist_jax.workdir import json_files, metric_writer
from mnist_jax.workdir import workdir as workdir_lib

WAY_OUT = 'do this'
ROW = {'step': 1, 'epoch': 1.0, 'train/loss': 0.5}


def refused(read):
  with pytest.raises(errors.UserError) as caught:
    read()
  message = str(caught.value)
  assert '\n' not in message
  return message


@pytest.mark.parametrize(
  'content',
  [
    b'',
    b'{',
    b'[]',
    b'3',
    b'null',
    b'{"a": NaN}',
    b'{"a": 1}\0',
    b'{"a": "\xff"}',
    b'{"a": ' + b'9' * 5000 + b'}',
    b'[' * 100_000,
  ],
)
def test_what_is_not_a_json_object_is_one_line(tmp_path, content):
  path = tmp_path / 'x.json'
  path.write_bytes(content)
  message = refused(lambda: json_files.read_object(path, way_out=WAY_OUT))
  assert message.startswith(f'{path} is damaged')
  assert message.endswith(WAY_OUT)


def test_no_file_is_none_and_a_folder_is_one_line(tmp_path):
  assert json_files.read_object(tmp_path / 'x.json', way_out='') is None
  assert 'not a file' in refused(
    lambda: json_files.read_object(tmp_path, way_out=WAY_OUT)
  )


def test_a_file_is_not_read_when_it_is_too_large(tmp_path):
  path = tmp_path / 'x.json'
  with path.open('wb') as file:
    file.truncate(json_files.MAX_BYTES + 1)  # Sparse: it takes no room.
  assert 'larger than' in refused(
    lambda: json_files.read_object(path, way_out=WAY_OUT)
  )


@pytest.mark.parametrize(
  ('name', 'read'),
  [
    ('result.json', workdir_lib.read_result),
    ('config.json', workdir_lib.read_config),
    ('failed.json', workdir_lib.read_failure),
  ],
)
@pytest.mark.parametrize('content', ['{}', '[]', '{"data": 3, "reason": []}'])
def test_a_workdirs_file_of_the_wrong_shape_is_one_line(
  tmp_path, name, read, content
):
  (tmp_path / name).write_text(content)
  assert name in refused(lambda: read(tmp_path))


def write_rows(folder, *lines, end='\n'):
  (folder / metric_writer.NAME).write_text('\n'.join(lines) + end)


def test_a_step_taken_again_counts_once_and_as_the_last_time(tmp_path):
  again = ROW | {'train/loss': 0.25}
  write_rows(
    tmp_path,
    *map(json.dumps, (ROW, ROW | {'step': 3}, ROW | {'step': 2}, again)),
  )
  rows = metric_writer.read_rows(tmp_path)
  assert [row['step'] for row in rows] == [1, 2, 3]
  assert rows[0] == again


def test_a_last_line_that_was_cut_short_is_left_out(tmp_path):
  write_rows(tmp_path, json.dumps(ROW), '{"step": 2, "ep', end='')
  assert metric_writer.read_rows(tmp_path) == [ROW]


@pytest.mark.parametrize(
  'line', ['{"step": 2, "ep', '\0', '{"step": NaN, "epoch": 1}', '[]', '']
)
def test_a_bad_line_in_the_middle_is_named(tmp_path, line):
  write_rows(tmp_path, json.dumps(ROW), line, json.dumps(ROW | {'step': 3}))
  message = refused(lambda: metric_writer.read_rows(tmp_path))
  assert 'line 2 is damaged' in message
