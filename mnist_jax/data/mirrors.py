"""Finds the servers from which a data set can be downloaded.

Without this, TFDS would retry for minutes on a machine without a network, and
notice late that a captive portal answers every request with its login page.
"""

import threading
import time
import urllib.parse
import urllib.request

from mnist_jax.data import official

PROBE_SECONDS = 4.0
_SMALL = 2**20  # Bytes of a file that is fetched only to see whether it can be.


def find_mirrors(source: official.Source) -> tuple[list[str], str]:
  """Requests the smallest file from all mirrors, for PROBE_SECONDS at most.

  Returns:
    The mirrors that deliver it intact, or offer it where it is a large archive,
    and the faults of the others in one line.
  """
  file = min(source.files.values(), key=lambda file: file.size)
  faults = dict.fromkeys(source.mirrors, 'no answer')

  def probe(mirror):
    try:
      faults[mirror] = _probe(mirror + file.name, file)
    # Of a proxy, a certificate or a socket: in any case the mirror is no use.
    except Exception as error:
      cause = getattr(error, 'reason', error)
      faults[mirror] = getattr(cause, 'strerror', None) or str(cause)

  # Daemon threads, as name resolution has no timeout and must not delay exit.
  threads = [
    threading.Thread(target=probe, args=(mirror,), daemon=True)
    for mirror in source.mirrors
  ]
  for thread in threads:
    thread.start()
  deadline = time.monotonic() + PROBE_SECONDS
  for thread in threads:
    thread.join(max(0.0, deadline - time.monotonic()))
  seen = dict(faults)
  found = [mirror for mirror in seen if not seen[mirror]]
  return found, ', '.join(
    f'{urllib.parse.urlsplit(mirror).netloc}: {fault}'
    for mirror, fault in seen.items()
    if fault
  )


def _probe(url: str, file: official.File) -> str:
  """Returns why a server does not have a file, or '' if it seems to."""
  with urllib.request.urlopen(url, timeout=3) as response:
    if file.size <= _SMALL:
      return official.find_fault(response.read(file.size + 1), file)
    offered = response.headers['Content-Length'] or file.size
    if int(offered) == file.size:
      return ''
    return f'it offers {int(offered):,} bytes, not {file.size:,}'
