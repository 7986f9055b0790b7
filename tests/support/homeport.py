"""homeport.py: a running `homeport serve` for the tests, and a client of its REST interface."""
import http.client
import json
import os
import re
import signal
import subprocess
import urllib.parse

from pg import die_with_parent, free_port
from waiting import Hopeless, wait_until

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def build_folder():
    """The build to test: HOMEPORT_BUILD, default build/ of the repository."""
    return os.environ.get("HOMEPORT_BUILD") or os.path.join(REPO, "build")


class Answer:
    """One answer of the REST interface."""

    def __init__(self, status, headers, text):
        self.status = status
        self.headers = headers
        self.text = text

    @property
    def json(self):
        return json.loads(self.text)

    def __repr__(self):
        return f"{self.status} {self.text[:2000]}"


def path_of(*parts):
    return "/" + "/".join(urllib.parse.quote(p, safe="") for p in parts)


class Host:
    """`homeport serve` with a data folder below `folder`. Dies with the process that started it."""

    def __init__(self, folder, settings=None, env=None, build=None, name="host"):
        self.folder = folder
        self.name = name
        self.build = build or build_folder()
        self.binary = os.path.join(self.build, "homeport")
        self.data_dir = os.path.join(folder, f"{name}-data")
        self.log_path = os.path.join(folder, f"{name}.log")
        self.settings = {"data.dir": self.data_dir, "plugin.path": os.path.join(self.build, "plugins"),
                         "offset.flush.interval.ms": "1000", **(settings or {})}
        self.env = dict(env or {})
        self.port = None
        self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    # ---- the process ----

    def write_properties(self):
        path = os.path.join(self.folder, f"{self.name}.properties")
        with open(path, "w", encoding="utf-8") as f:
            f.write(f"listeners=http://127.0.0.1:{self.port}\n")
            for key, value in self.settings.items():
                f.write(f"{key}={value}\n")
        return path

    def spawn(self, *args, **more):
        """Another command of the binary: `spawn("tail", ...)`; waits for its end."""
        return subprocess.run([self.binary, *args], capture_output=True, text=True, timeout=120, check=False, **more)

    def start(self, wait=True):
        for _ in range(5):
            self.port = self.port or free_port()
            env = {k: v for k, v in os.environ.items() if not k.startswith("HOMEPORT_")}
            env.update(self.env)
            with open(self.log_path, "ab") as log:
                # pylint: disable=subprocess-popen-preexec-fn
                self.process = subprocess.Popen([self.binary, "serve", "--config", self.write_properties()], env=env,
                                                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                                preexec_fn=die_with_parent(signal.SIGTERM))
            if not wait:
                return self
            wait_until(lambda: self.process.poll() is not None or self.answers(),
                       lambda: f"{self.name} to answer\n{self.log_tail()}", 20)
            if self.process.poll() is None:
                return self
            if "in use" not in self.log_tail(5):
                break
            self.port = None
        raise RuntimeError(f"homeport serve ended with {self.process.returncode} at its start\n{self.log_tail()}")

    def answers(self):
        try:
            return self.get("/").status == 200
        except OSError:
            return False

    @property
    def pid(self):
        return self.process.pid

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def stop(self, timeout=30):
        """SIGTERM; the exit status."""
        if self.alive():
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"homeport did not end within {timeout} s of SIGTERM\n{self.log_tail()}") from None
        return self.process.returncode if self.process else None

    def kill(self):
        """kill -9 of the supervisor; its workers have to follow by themselves."""
        workers = self.workers()
        if self.alive():
            self.process.kill()
        if self.process:
            self.process.wait()
        wait_until(lambda: not any(_alive(p) for p in workers), "workers to end with their supervisor", 10)

    def restart(self):
        self.stop()
        return self.start()

    def workers(self):
        """Process ids of the workers."""
        return sorted(_children(self.process.pid)) if self.alive() else []

    def worker_of(self, connector):
        """Process id of one connector's worker, told by its status (`worker_pid`) or its command line."""
        for pid in self.workers():
            if connector in _cmdline(pid):
                return pid
        return None

    def memory(self, pid):
        """/proc/PID/status as {name: KiB}."""
        with open(f"/proc/{pid}/status", encoding="utf-8") as f:
            return {k: int(v) for k, v in re.findall(r"^(\w+):\s+(\d+) kB", f.read(), re.M)}

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def log_tail(self, n=40):
        return "".join(self.log().splitlines(keepends=True)[-n:])

    # ---- REST ----

    def call(self, method, path, body=None, raw=None, headers=None, timeout=60):
        """`body` is sent as JSON, `raw` as it is."""
        data = raw
        sent = {"Accept": "application/json", **(headers or {})}
        if body is not None:
            data = json.dumps(body)
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        conn = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            conn.request(method, path, body=data, headers=sent)
            got = conn.getresponse()
            return Answer(got.status, dict(got.getheaders()), got.read().decode("utf-8", "replace"))
        finally:
            conn.close()

    def get(self, path, **more):
        return self.call("GET", path, **more)

    def put(self, path, body=None, **more):
        return self.call("PUT", path, body, **more)

    def post(self, path, body=None, **more):
        return self.call("POST", path, body, **more)

    def delete(self, path, **more):
        return self.call("DELETE", path, **more)

    def expect(self, status, method, path, body=None):
        answer = self.call(method, path, body)
        wanted = status if isinstance(status, tuple) else (status,)
        assert answer.status in wanted, f"{method} {path}: {answer!r}\n{self.log_tail()}"
        return answer

    def create(self, name, config, wait="RUNNING"):
        self.expect(201, "POST", "/connectors", {"name": name, "config": config})
        if wait:
            self.wait_state(name, wait)

    def change(self, name, config):
        return self.expect((200, 201), "PUT", path_of("connectors", name, "config"), config)

    def remove(self, name):
        self.expect(204, "DELETE", path_of("connectors", name))

    def pause(self, name):
        self.expect(202, "PUT", path_of("connectors", name, "pause"))
        self.wait_state(name, "PAUSED")

    def resume(self, name):
        self.expect(202, "PUT", path_of("connectors", name, "resume"))
        self.wait_state(name, "RUNNING")

    def stop_connector(self, name):
        self.expect(204, "PUT", path_of("connectors", name, "stop"))
        self.wait_state(name, "STOPPED")

    def restart_connector(self, name):
        self.expect(202, "POST", path_of("connectors", name, "restart") + "?includeTasks=true")

    def status(self, name):
        answer = self.get(path_of("connectors", name, "status"))
        return answer.json if answer.status == 200 else None

    def states(self, name):
        """(connector's state, its tasks' states)."""
        status = self.status(name)
        return (status["connector"]["state"], [t["state"] for t in status["tasks"]]) if status else (None, [])

    def trace(self, name):
        """Every reason that the status shows, as one text."""
        status = self.status(name)
        parts = [status["connector"], *status["tasks"]] if status else []
        return "\n".join(p["trace"] for p in parts if p.get("trace"))

    def wait_state(self, name, state, timeout=30):
        """Until the connector and, unless it is STOPPED, its task are in `state`."""
        def reached():
            connector, tasks = self.states(name)
            if state == "STOPPED":
                return connector == "STOPPED" and not tasks
            if state in ("FAILED", "RESTARTING"):
                return state in (connector, *tasks)
            if "FAILED" in tasks:
                raise Hopeless(f"{name} has failed: {self.trace(name)}\n{self.log_tail()}")
            return connector == state and tasks == [state]
        wait_until(reached, lambda: f"{name} to be {state}; it is {self.status(name)}\n{self.log_tail()}", timeout)

    def wait_trace(self, name, text, timeout=30):
        return wait_until(lambda: text in self.trace(name) and self.trace(name),
                          lambda: f"{text!r} in the trace of {name}: {self.status(name)}", timeout)

    def offsets(self, name):
        return self.expect(200, "GET", path_of("connectors", name, "offsets")).json["offsets"]

    def reset_offsets(self, name):
        return self.expect(200, "DELETE", path_of("connectors", name, "offsets"))

    def metrics(self):
        """[(name, {label: value}, number)]."""
        text = self.get("/metrics", headers={"Accept": "text/plain"}).text
        out = []
        for line in text.splitlines():
            found = re.fullmatch(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)(?: \d+)?', line)
            if found:
                labels = dict(re.findall(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"', found.group(2) or ""))
                out.append((found.group(1), labels, float(found.group(3))))
        return out

    def metric(self, name, **labels):
        """Sum of the metric over the series that have these labels; None if there is none."""
        found = [v for n, have, v in self.metrics() if n == name and labels.items() <= have.items()]
        return sum(found) if found else None


def _alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def _children(parent):
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", encoding="utf-8") as f:
                    fields = f.read().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(fields[1]) == parent and fields[0] != "Z":
                found.append(int(entry))
    return found


def _cmdline(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            return f.read().replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:
        return ""
