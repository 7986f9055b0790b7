"""Fixtures of the conformance tests: a host with the plugins made for tests, and raw HTTP."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))

import pytest  # noqa: E402 pylint: disable=wrong-import-position

from fixtures import *  # noqa: E402,F401,F403 pylint: disable=wildcard-import,unused-wildcard-import,wrong-import-position
from fixtures import pytest_configure, pytest_runtest_makereport  # noqa: E402,F401 pylint: disable=wrong-import-position,unused-import
from homeport import Host, build_folder  # noqa: E402 pylint: disable=wrong-import-position

SETTINGS = {"worker.restart.max": "3", "worker.hang.timeout.ms": "2000", "task.shutdown.graceful.timeout.ms": "2000",
            "offset.flush.interval.ms": "200"}


@pytest.fixture
def make_host(work):
    """make_host(**settings): hosts on the same data folder, with the test plugins; stopped after the test."""
    made = []

    def make(name="host", env=None, **settings):
        host = Host(work, settings={"plugin.path": os.path.join(build_folder(), "tests", "plugins"), **SETTINGS,
                                    **{k.replace("_", "."): v for k, v in settings.items()}}, env=env, name=name)
        made.append(host)
        return host
    yield make
    for host in made:
        if host.alive():
            assert host.stop() == 0, host.log_tail()


@pytest.fixture
def host(make_host):  # pylint: disable=function-redefined
    """One running host with the test plugins."""
    return make_host().start()
