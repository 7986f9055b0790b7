"""debezium.py: Apache Kafka, Kafka Connect and Debezium's PostgreSQL connector, fetched with Maven and run on loopback. What
they make of a database is what Homeport's view is compared with (tests/integration/debezium)."""
import glob
import json
import os
import signal
import subprocess
import tempfile

from pg import die_with_parent, free_port
from waiting import wait_until

KAFKA = "4.3.1"
DEBEZIUM = "3.6.1.Final"

COORDINATES = {
    "kafka": [f"org.apache.kafka:{a}:{KAFKA}" for a in ("kafka_2.13", "kafka-tools", "connect-runtime", "connect-json")]
             + ["org.slf4j:slf4j-simple:1.7.36"],
    "plugins/debezium": [f"io.debezium:debezium-connector-postgres:{DEBEZIUM}"],
}


def _cache():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "homeport", f"debezium-{DEBEZIUM}")


def fetch():
    """Folder with kafka/*.jar and plugins/debezium/*.jar; downloads them once."""
    folder = _cache()
    for name, coordinates in COORDINATES.items():
        target = os.path.join(folder, name)
        if glob.glob(os.path.join(target, "*.jar")):
            continue
        dependencies = "".join("<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>"
                               .format(*c.split(":")) for c in coordinates)
        with tempfile.TemporaryDirectory() as scratch:
            pom = os.path.join(scratch, "pom.xml")
            with open(pom, "w", encoding="utf-8") as f:
                f.write("<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><modelVersion>4.0.0</modelVersion>"
                        "<groupId>homeport</groupId><artifactId>tests</artifactId><version>1</version>"
                        f"<dependencies>{dependencies}</dependencies></project>")
            subprocess.run(["mvn", "-q", "-B", "-f", pom, "dependency:copy-dependencies", "-DincludeScope=runtime",
                            f"-DoutputDirectory={target}"], check=True, timeout=900)
    return folder


class Debezium:
    """A broker, a standalone Connect worker and one source connector: `with Debezium(folder, config) as d: d.messages()`."""

    def __init__(self, folder, config, topics=r"p\..*"):
        self.folder, self.config, self.topics = folder, config, topics
        self.jars = fetch()
        self.broker_port, controller_port, self.rest_port = free_port(), free_port(), free_port()
        self.processes = []
        self._write("server.properties", {
            "process.roles": "broker,controller", "node.id": 1, "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
            "listeners": f"PLAINTEXT://127.0.0.1:{self.broker_port},CONTROLLER://127.0.0.1:{controller_port}",
            "controller.listener.names": "CONTROLLER", "log.dirs": os.path.join(folder, "kafka-log"),
            "offsets.topic.replication.factor": 1, "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1, "group.initial.rebalance.delay.ms": 0, "num.partitions": 1})
        converter = "org.apache.kafka.connect.json.JsonConverter"
        self._write("worker.properties", {
            "bootstrap.servers": f"127.0.0.1:{self.broker_port}", "key.converter": converter, "value.converter": converter,
            "key.converter.schemas.enable": "true", "value.converter.schemas.enable": "true",
            "offset.storage.file.filename": os.path.join(folder, "offsets"), "listeners": f"http://127.0.0.1:{self.rest_port}",
            "plugin.path": os.path.join(self.jars, "plugins")})
        self._write("connector.properties", {"name": "dbz", **config})

    def _write(self, name, properties):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as f:
            f.writelines(f"{k}={v}\n" for k, v in properties.items())

    def _path(self, name):
        return os.path.join(self.folder, name)

    def _java(self, *args):
        return ["java", "-Xmx1g", "-cp", os.path.join(self.jars, "kafka", "*"), *args]

    def _spawn(self, name, *args):
        with open(self._path(f"{name}.log"), "wb") as log:
            # pylint: disable=subprocess-popen-preexec-fn
            process = subprocess.Popen(self._java(*args), stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                       preexec_fn=die_with_parent(signal.SIGKILL))
        self.processes.append(process)
        return process

    def log(self, name):
        with open(self._path(f"{name}.log"), encoding="utf-8", errors="replace") as f:
            return f.read()

    def __enter__(self):
        subprocess.run(self._java("kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qk", "-c",
                                  self._path("server.properties")), check=True, capture_output=True, timeout=120)
        self._spawn("kafka", "kafka.Kafka", self._path("server.properties"))
        wait_until(lambda: "Kafka Server started" in self.log("kafka"), "Kafka to start", 90)
        self._spawn("connect", "org.apache.kafka.connect.cli.ConnectStandalone", self._path("worker.properties"),
                    self._path("connector.properties"))
        wait_until(lambda: "Starting streaming" in self.log("connect"), lambda: self.log("connect")[-3000:], 300)
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            process.wait(60)

    def _consume(self):
        out = subprocess.run(self._java(
            "org.apache.kafka.tools.consumer.ConsoleConsumer", "--bootstrap-server", f"127.0.0.1:{self.broker_port}", "--include",
            self.topics, "--from-beginning", "--timeout-ms", "5000", "--formatter-property", "print.key=true",
            "--formatter-property", "print.offset=true"), capture_output=True, check=False, timeout=300)
        messages = []
        for line in out.stdout.decode("utf-8").rstrip("\n").split("\n"):  # values hold other line ends
            _, key, value = line.split("\t", 2)
            messages.append((None if key == "null" else json.loads(key), None if value == "null" else json.loads(value)))
        return messages

    def messages(self, last):
        """All messages as (key, value) pairs, once one whose payload satisfies last() is among them."""
        found = []

        def complete():
            found[:] = self._consume()
            return any(value and last(value["payload"]) for _, value in found)
        wait_until(complete, lambda: f"the last message\n{self.log('connect')[-3000:]}", 300)
        return found
