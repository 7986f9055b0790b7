"""fixtures.py: what the suites share: servers for the whole run, databases and a host for each test, logs of what failed."""
import os
import re
import shutil

import pytest

import pg
from homeport import Host, build_folder
from pipeline import Pair


def pytest_configure(config):
    config.addinivalue_line("markers", "quick: part of the one end-to-end pass of ./check --quick")


class Servers:
    """Clusters by version and role, started when first asked for, gone at the end of the run."""

    def __init__(self, folder):
        self.folder = folder
        self.clusters = {}
        self.counter = 0

    def get(self, version, role):
        key = (version, role)
        if key not in self.clusters:
            cluster = pg.Cluster(version, self.folder, role)
            cluster.__enter__()
            self.clusters[key] = cluster
        return self.clusters[key]

    def fresh(self, version, role, **settings):
        """A cluster of its own, for tests that stop or starve it."""
        self.counter += 1
        cluster = pg.Cluster(version, self.folder, f"{role}{self.counter}", settings)
        return cluster

    def stop(self):
        for cluster in self.clusters.values():
            cluster.stop("immediate")


@pytest.fixture(scope="session")
def run_folder():
    folder = pg.temp_folder()
    yield folder
    pg.remove_folder(folder)


@pytest.fixture(scope="session")
def servers(run_folder):
    made = Servers(run_folder)
    yield made
    made.stop()


@pytest.fixture
def work(run_folder, request):
    """A folder for this test; its logs are kept when it fails."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", request.node.name)[:80]
    folder = os.path.join(run_folder, name)
    os.mkdir(folder)
    yield folder
    if getattr(request.node, "failed", False):
        keep = os.path.join(os.environ.get("HOMEPORT_ARTIFACTS") or os.path.join(build_folder(), "test-logs"), name)
        shutil.rmtree(keep, ignore_errors=True)
        os.makedirs(keep)
        for entry in os.listdir(folder):
            if entry.endswith((".log", ".properties", ".txt")):
                shutil.copy(os.path.join(folder, entry), keep)
        print(f"logs kept in {keep}")
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def host(work):
    """A running host with an empty data folder."""
    made = Host(work)
    made.start()
    yield made
    if made.alive():
        status = made.stop()
        assert status == 0, f"homeport ended with status {status}\n{made.log_tail()}"


@pytest.fixture
def databases(servers):
    """databases(version, role): a new database on the shared cluster, dropped after the test."""
    made = []

    def make(version, role):
        cluster = servers.get(version, role)
        servers.counter += 1
        name = f"{role}_{servers.counter}"
        cluster.create_db(name)
        made.append((cluster, name))
        return cluster, name
    yield make
    for cluster, name in made:
        cluster.drop_db(name)
        cluster.drop_origins()


@pytest.fixture
def pair(databases, host):
    """pair(source version, target version): databases on both sides and the connectors' maker. Databases are
    dropped after the host has ended."""
    count = 0

    def make(source=15, target=15, name=None):
        nonlocal count
        count += 1
        return Pair(host, databases(source, "src"), databases(target, "dst"), name or f"p{count}")
    return make


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.failed:
        item.failed = True
    host_of_test = getattr(item, "funcargs", {}).get("host")
    if report.failed and call.when == "call" and isinstance(host_of_test, Host):
        report.sections.append(("homeport's log", host_of_test.log_tail(60)))
