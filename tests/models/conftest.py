"""oneDNN's convolution, built once for the tests that compare it."""

import pytest

from mnist_jax import errors
from mnist_jax.models import onednn


@pytest.fixture(scope='session')
def onednn_built(tmp_path_factory):
  """The library's path; it is in a cache of its own, so other tests lack it."""
  with pytest.MonkeyPatch.context() as patch:
    patch.setenv('XDG_CACHE_HOME', str(tmp_path_factory.mktemp('onednn')))
    try:
      path = onednn.build()
    except errors.UserError as error:
      absent = ('is not installed', 'is for Linux')
      if not any(words in str(error) for words in absent):
        raise
      pytest.skip(str(error))
    onednn.is_built.cache_clear()
    assert onednn.is_built()
  onednn.is_built.cache_clear()
  return path
