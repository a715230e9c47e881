"""Finds the servers from which MNIST can be downloaded.

Without this, TFDS would retry for minutes on a machine without a network, and
notice late that a captive portal answers every request with its login page.
"""

import threading
import time
import urllib.parse
import urllib.request

from mnist_jax.data import official

PROBE_SECONDS = 4.0


def find_mirrors() -> tuple[list[str], str]:
  """Requests the smallest file from all mirrors, for PROBE_SECONDS at most.

  Returns:
    The mirrors that deliver it intact, and the faults of the others in one
    line.
  """
  file = min(official.FILES.values(), key=lambda file: file.size)
  faults = dict.fromkeys(official.MIRRORS, 'no answer')

  def probe(mirror):
    try:
      with urllib.request.urlopen(mirror + file.name, timeout=3) as response:
        faults[mirror] = official.find_fault(response.read(), file)
    # Of a proxy, a certificate or a socket: in any case the mirror is no use.
    except Exception as error:
      cause = getattr(error, 'reason', error)
      faults[mirror] = getattr(cause, 'strerror', None) or str(cause)

  # Daemon threads, as name resolution has no timeout and must not delay exit.
  threads = [
    threading.Thread(target=probe, args=(mirror,), daemon=True)
    for mirror in official.MIRRORS
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
