"""What a run decides by: the best epoch, and when it is enough."""

from mnist_jax.training import early_stopping


def make_row(epoch, num_errors, loss):
  return {
    'epoch': epoch,
    'valid/num_errors': num_errors,
    'valid/loss': loss,
  }


def test_patience_counts_epochs_since_the_best():
  run = early_stopping.Progress()
  stops = []
  for epoch, num_errors in enumerate([9, 7, 8, 7, 6, 6, 6, 6], start=1):
    run.record(make_row(float(epoch), num_errors, 0.5))
    stops.append(run.should_stop(3))
  assert (run.best_epoch, run.epochs_without) == (5.0, 3)
  assert stops == [False] * 7 + [True]
  assert not run.should_stop(0)


def test_without_validation_nothing_is_best_and_nothing_stops():
  run = early_stopping.Progress()
  run.record({'epoch': 1.0})
  assert (run.epochs, run.best_epoch) == (1, None)
