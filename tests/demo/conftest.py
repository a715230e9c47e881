"""A browser for the pages of the demo."""

import os
import shutil

import pytest

CHROMIUM = next(
  filter(
    None,
    map(shutil.which, ('chromium', 'chromium-browser', 'google-chrome')),
  ),
  None,
)


@pytest.fixture(scope='module')
def browser():
  if CHROMIUM is None:
    pytest.skip('no chromium, chromium-browser or google-chrome on the PATH')
  from playwright import sync_api

  with sync_api.sync_playwright() as library:
    root = hasattr(os, 'geteuid') and os.geteuid() == 0
    browser = library.chromium.launch(
      executable_path=CHROMIUM,
      # Chromium's own sandbox does not start for root, as in containers.
      args=['--no-sandbox'] if root else [],
    )
    yield browser
    browser.close()
