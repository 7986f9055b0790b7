"""Fixtures of the integration tests."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))

from fixtures import *  # noqa: E402,F401,F403 pylint: disable=wildcard-import,unused-wildcard-import,wrong-import-position
from fixtures import pytest_configure, pytest_runtest_makereport  # noqa: E402,F401 pylint: disable=wrong-import-position,unused-import
