"""`--distributed`: joins the processes of a run, on one machine or many."""

import contextlib
import ctypes
import dataclasses
import functools
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, NoReturn, TextIO

from absl import flags

from mnist_jax import errors
from mnist_jax.distributed import multihost

# A host that is silent for so long counts as dead. A killed process is noticed
# at once, by its closed connections; this is for lost power or network.
HEARTBEAT_SECONDS = 60

_DISTRIBUTED = flags.DEFINE_bool(
  'distributed',
  False,
  'Run as one of several processes, each started with this same command; TPU '
  'pods, Slurm and Open MPI are recognised, elsewhere the next flags are '
  'needed.',
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

_ABORT_HANDLERS: list[Any] = []  # ctypes frees what nothing else holds.


@dataclasses.dataclass(frozen=True)
class Processes:
  """The processes of a run, as flags describe them."""

  host: str  # Of process 0.
  port: int
  num_processes: int
  process_id: int  # Of this process.

  @property
  def coordinator(self) -> str:
    """Where process 0 waits for the others, 'host:port'."""
    return f'{self.host}:{self.port}'

  def num_here(self) -> int:
    """Returns how many share this machine's cores, as far as is known."""
    local = self.host in ('localhost', '[::1]') or self.host.startswith('127.')
    return self.num_processes if local else 1


def join(config: Any, *, num_trials: int = 1) -> None:
  """Joins the other processes, if there are any, and settles the devices.

  Args:
    config: of the run.
    num_trials: how many trials may train at the same time.

  Raises:
    errors.UserError: when the flags contradict each other, or the others
      cannot be reached.
  """
  processes = read_flags(
    _COORDINATOR.value, _NUM_PROCESSES.value, _PROCESS_ID.value
  )
  if _DISTRIBUTED.value:
    initialize(processes, join_timeout=_JOIN_TIMEOUT.value)
  elif processes:
    raise errors.UserError(
      '--coordinator, --num_processes and --process_id need --distributed'
    )
  from mnist_jax.distributed import devices

  devices.configure(
    config,
    num_processes=expected(processes),
    num_here=processes.num_here() if processes else 1,
    num_trials=num_trials,
  )


def read_flags(
  coordinator: str, num_processes: int | None, process_id: int | None
) -> Processes | None:
  """Returns what the flags say, None where JAX is to find out by itself.

  Raises:
    errors.UserError: when only some are given, or they contradict each other.
  """
  if not coordinator and num_processes is None and process_id is None:
    return None
  if not coordinator or num_processes is None or process_id is None:
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
  return Processes(host, int(port), num_processes, process_id)


def initialize(processes: Processes | None, *, join_timeout: int) -> None:
  """Joins the other processes; must come before JAX looks for devices.

  Args:
    processes: from `read_flags`.
    join_timeout: seconds to wait for the others.

  Raises:
    errors.UserError: when process 0 cannot be reached.
  """
  if processes:
    _check_address(processes, join_timeout)
  os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')  # Read at JAX's import.
  import jax

  sys.stdout = _silence_cpp(sys.stdout, 1)  # Gloo reports each connection.
  deadline = time.monotonic() + join_timeout
  late = (
    f'the processes of this run have not all met within {join_timeout} s; '
    'start all of them with the same --coordinator and --num_processes'
  )
  lost = multihost.GONE.format('it ended before all had met')
  _explain_aborts(lambda: late if time.monotonic() > deadline else lost)
  if jax.__version_info__ < (0, 9, 2):
    _abort_on_a_loss()
  with contextlib.suppress(AttributeError):  # preemption.py handles signals.
    jax.config.update('jax_enable_preemption_service', False)
  _meet(processes, join_timeout, late)
  _explain_aborts(lambda: multihost.GONE.format('JAX says more above'))


def _meet(processes: Processes | None, join_timeout: int, late: str) -> None:
  """Has JAX join the processes; says in one line why it cannot.

  Args:
    processes: from `read_flags`.
    join_timeout: seconds to wait for the others.
    late: the line for when they have not all met by then.

  Raises:
    errors.UserError: when JAX does not find the processes.
  """
  import jax

  given: dict[str, Any] = {}
  if processes:
    given = {
      'coordinator_address': processes.coordinator,
      'num_processes': processes.num_processes,
      'process_id': processes.process_id,
      'cluster_detection_method': 'deactivate',
    }
  try:
    with _silent_cpp_errors():
      jax.distributed.initialize(
        **given,
        initialization_timeout=join_timeout,
        heartbeat_timeout_seconds=HEARTBEAT_SECONDS,
      )
  except jax.errors.JaxRuntimeError as error:
    if 'DEADLINE_EXCEEDED' in str(error):
      _leave(late)
    _leave(multihost.GONE.format(errors.first_line(error)))
  except (ValueError, KeyError, RuntimeError, OSError) as error:
    if 'bad_cast' in str(error):  # The same as abort(); see _abort_on_a_loss.
      os.abort()
    raise errors.UserError(
      f'the processes cannot join ({errors.first_line(error)}); outside TPU '
      'pods, Slurm and Open MPI --distributed needs --coordinator=HOST:PORT, '
      '--num_processes and --process_id'
    ) from error


def expected(processes: Processes | None) -> int:
  """Returns how many processes there will be, before JAX can be asked."""
  if processes:
    return processes.num_processes
  launched = os.environ.get('SLURM_NTASKS') or os.environ.get(
    'OMPI_COMM_WORLD_SIZE'
  )
  return int(launched or 1) if multihost.joined() else 1


def _silence_cpp(stream: TextIO, descriptor: int) -> TextIO:
  """Discards what C++ prints; returns a stream for what Python prints."""
  stream.flush()
  own = os.fdopen(os.dup(descriptor), 'w', buffering=1)
  null = os.open(os.devnull, os.O_WRONLY)
  os.dup2(null, descriptor)
  os.close(null)
  return own


@contextlib.contextmanager
def _silent_cpp_errors() -> Iterator[None]:
  """Keeps C++ from printing a stack trace when a process is lost."""
  usual = sys.stderr
  sys.stderr = _silence_cpp(usual, 2)
  try:
    yield
  finally:
    os.dup2(sys.stderr.fileno(), 2)
    sys.stderr = usual


def _check_address(processes: Processes, timeout: int) -> None:
  """Checks the address of process 0, since JAX would end without a word."""
  if processes.process_id == 0:
    _check_port(processes)
  else:
    _wait_for_first(processes, timeout)


def _check_port(processes: Processes) -> None:
  try:
    socket.create_server(('', processes.port)).close()
  except OSError as error:
    raise errors.UserError(
      f'port {processes.port} of --coordinator={processes.coordinator} cannot '
      f'be opened ({error.strerror}); choose another one'
    ) from error


def _wait_for_first(processes: Processes, timeout: int) -> None:
  address = processes.host.strip('[]'), processes.port
  deadline = time.monotonic() + timeout
  while True:
    try:
      socket.create_connection(address, 5).close()
      return
    except UnicodeError as error:
      raise errors.UserError(
        f'--coordinator={processes.coordinator} has no valid name of a host '
        f'({error}); correct the address'
      ) from error
    except OSError as error:
      if time.monotonic() > deadline:
        raise errors.UserError(
          'process 0 cannot be reached at '
          f'--coordinator={processes.coordinator} ({error.strerror or error}, '
          f'tried for {timeout} s); start it, or correct the address'
        ) from error
    time.sleep(0.2)


def _leave(line: str) -> NoReturn:
  """Ends this process with a line, since another one is gone."""
  with contextlib.suppress(OSError):
    os.write(sys.stderr.fileno(), f'mnist_jax: {line}\n'.encode())
  os._exit(os.EX_TEMPFAIL)


def _abort_on_a_loss() -> None:
  """Has older JAX abort() when a process is lost, as it does since 0.9.2.

  It would exit with code 1, which nothing can catch. A callback can be set only
  on JAX's client itself.
  """
  from jax._src import distributed

  distributed._jax.get_distributed_runtime_client = functools.partial(
    distributed._jax.get_distributed_runtime_client,
    missed_heartbeat_callback=lambda status: os.abort(),
  )


def _explain_aborts(describe: Callable[[], str]) -> None:
  """Ends this process with a line where JAX's runtime aborts it.

  When a process is lost, JAX's C++ ends all others by abort(). Only a handler
  in C can act then: Python runs its own in the main thread, which is stuck.
  """

  def explain(number: int) -> None:
    del number
    _leave(describe())

  handler = ctypes.CFUNCTYPE(None, ctypes.c_int)(explain)
  _ABORT_HANDLERS.append(handler)
  ctypes.CDLL(None).signal(signal.SIGABRT, handler)
