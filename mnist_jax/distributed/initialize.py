"""`--distributed`: how the processes of a run meet, on one machine or many."""

import contextlib
import ctypes
import os
import signal
import socket
import sys
import time

from absl import flags

from mnist_jax import errors
from mnist_jax.distributed import multihost

# A host that says nothing for so long is taken for dead. A killed process is
# noticed at once, by its closed connections; this is for lost power or network.
HEARTBEAT_SECONDS = 60

_DISTRIBUTED = flags.DEFINE_bool(
  'distributed',
  False,
  'Run as one of several processes, each started with this same command; TPU '
  'pods, Slurm and Open MPI are recognised, elsewhere the next flags say who.',
)
_COORDINATOR = flags.DEFINE_string(
  'coordinator', '', 'HOST:PORT of process 0, a port that is free there.'
)
_NUM_PROCESSES = flags.DEFINE_integer(
  'num_processes', None, 'How many processes the run has.', lower_bound=1
)
_PROCESS_ID = flags.DEFINE_integer(
  'process_id', None, 'Which one this is, from 0.', lower_bound=0
)
_JOIN_TIMEOUT = flags.DEFINE_integer(
  'join_timeout', 120, 'Seconds to wait for the other processes.', lower_bound=1
)

_ABORT_HANDLERS = []  # ctypes frees what nothing else holds.


def join(config) -> None:
  """Joins the other processes, if there are any, and settles the devices.

  Raises:
    errors.UserError: when the flags contradict each other, or the others
      cannot be reached.
  """
  given = _COORDINATOR.value, _NUM_PROCESSES.value, _PROCESS_ID.value
  if _DISTRIBUTED.value:
    initialize(*given, join_timeout=_JOIN_TIMEOUT.value)
  elif check_flags(*given):
    raise errors.UserError(
      '--coordinator, --num_processes and --process_id need --distributed'
    )
  from mnist_jax.distributed import devices

  devices.configure(
    config,
    num_processes=expected(_NUM_PROCESSES.value),
    num_here=expected_here(_COORDINATOR.value, _NUM_PROCESSES.value),
  )


def initialize(
  coordinator: str,
  num_processes: int | None,
  process_id: int | None,
  *,
  join_timeout: int,
) -> None:
  """Joins the other processes; comes before JAX looks for devices.

  Args:
    coordinator: 'host:port' of process 0. '' where JAX finds out by itself, on
      TPU pods and under Slurm or Open MPI; the next two are None then.
    num_processes: of the whole run.
    process_id: 0 up to `num_processes` - 1, another one for each process.
    join_timeout: seconds to wait for the others.

  Raises:
    errors.UserError: when the flags contradict each other, or process 0 cannot
      be reached.
  """
  explicit = check_flags(coordinator, num_processes, process_id)
  if explicit:
    _check_address(coordinator, process_id, join_timeout)
  os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')  # Read at JAX's import.
  import jax

  _quieten()
  _explain_aborts(
    f'the processes of this run have not all met within {join_timeout} s; '
    'start all of them with the same --coordinator and --num_processes'
  )
  with contextlib.suppress(AttributeError):  # Signals are ours: interrupts.py.
    jax.config.update('jax_enable_preemption_service', False)
  try:
    jax.distributed.initialize(
      coordinator or None,
      num_processes,
      process_id,
      cluster_detection_method='deactivate' if explicit else None,
      initialization_timeout=join_timeout,
      heartbeat_timeout_seconds=HEARTBEAT_SECONDS,
    )
  except (ValueError, KeyError, RuntimeError, OSError) as error:
    raise errors.UserError(
      f'the processes cannot join ({multihost.first_line(error)}); outside TPU '
      'pods, Slurm and Open MPI --distributed needs --coordinator=HOST:PORT, '
      '--num_processes and --process_id'
    ) from error
  _explain_aborts(multihost.GONE.format('JAX says more above'))


def check_flags(
  coordinator: str, num_processes: int | None, process_id: int | None
) -> bool:
  """Returns whether the processes are given by flags, not found by JAX.

  Raises:
    errors.UserError: when only some are given, or they contradict each other.
  """
  given = bool(coordinator), num_processes is not None, process_id is not None
  if not any(given):
    return False
  if not all(given):
    raise errors.UserError(
      '--coordinator=HOST:PORT, --num_processes and --process_id come '
      'together; give all three, or none where JAX finds them by itself (TPU '
      'pods, Slurm, Open MPI)'
    )
  host, _, port = coordinator.rpartition(':')
  if not host or not port.isdecimal() or not 0 < int(port) < 65536:
    raise errors.UserError(
      f'--coordinator={coordinator} must be HOST:PORT of process 0, such as '
      '--coordinator=127.0.0.1:12345'
    )
  if not 0 <= process_id < num_processes:
    raise errors.UserError(
      f'--process_id={process_id} must be from 0 to {num_processes - 1}, '
      f'below --num_processes={num_processes}'
    )
  return True


def expected(num_processes: int | None) -> int:
  """Returns how many processes there will be, before JAX can be asked.

  Args:
    num_processes: the flag, None where the launcher is to say.
  """
  launched = os.environ.get('SLURM_NTASKS') or os.environ.get(
    'OMPI_COMM_WORLD_SIZE'
  )
  return num_processes or (int(launched or 1) if multihost.joined() else 1)


def expected_here(coordinator: str, num_processes: int | None) -> int:
  """Returns how many of them share this machine's cores, as far as is known."""
  host = coordinator.rpartition(':')[0]
  local = host in ('localhost', '[::1]') or host.startswith('127.')
  return num_processes if local else 1


def _quieten() -> None:
  """Keeps what C++ prints off stdout: Gloo tells of each connection."""
  sys.stdout.flush()
  sys.stdout = os.fdopen(os.dup(1), 'w', buffering=1)
  null = os.open(os.devnull, os.O_WRONLY)
  os.dup2(null, 1)
  os.close(null)


def _check_address(coordinator: str, process_id: int, timeout: int) -> None:
  """Finds out in words what JAX answers by ending the process."""
  host, _, port = coordinator.rpartition(':')
  if process_id == 0:
    try:
      with socket.create_server(('', int(port))):
        return
    except OSError as error:
      raise errors.UserError(
        f'port {port} of --coordinator={coordinator} cannot be opened '
        f'({error.strerror}); choose another one'
      ) from error
  deadline = time.monotonic() + timeout
  while True:
    try:
      socket.create_connection((host.strip('[]'), int(port)), 5).close()
      return
    except OSError as error:
      if time.monotonic() > deadline:
        raise errors.UserError(
          f'process 0 cannot be reached at --coordinator={coordinator} '
          f'({error.strerror or error}, tried for {timeout} s); start it, or '
          'mend the address'
        ) from error
    time.sleep(0.2)


def _explain_aborts(line: str) -> None:
  """Has this process end with `line` where JAX's runtime aborts it.

  When a process is lost, JAX's C++ ends all others by abort(), and nothing but
  a handler of C's comes between: Python's own run only in the main thread.
  """

  def explain(unused_number):
    message = f'mnist_jax: {line}\n'.encode()
    with contextlib.suppress(OSError):
      os.write(2, message)
    os._exit(os.EX_TEMPFAIL)

  handler = ctypes.CFUNCTYPE(None, ctypes.c_int)(explain)
  _ABORT_HANDLERS.append(handler)
  ctypes.CDLL(None).signal(signal.SIGABRT, handler)
