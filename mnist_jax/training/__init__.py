"""One run: step, epoch, loop, optimizer and final evaluation."""
