"""pipeline.py: connectors of one direction, source database to target database, as the tests want them."""
from compare import assert_equal, equal
from pg import PASSWORD
from roles import SINK_ROLE, SOURCE_ROLE, grant_sink, grant_source, make_roles, publish
from waiting import Hopeless, Timeout, wait_until


def source_config(cluster, db, prefix, **more):
    """Keys of a source; keywords write dots as two underscores (snapshot__mode="no_data")."""
    config = {"connector.class": "source-pg", "database.hostname": "127.0.0.1", "database.port": str(cluster.port),
              "database.user": SOURCE_ROLE, "database.password": PASSWORD, "database.dbname": db,
              "topic.prefix": prefix, "slot.name": f"{prefix}_slot", "publication.name": f"{prefix}_pub",
              "publication.autocreate.mode": "disabled"}
    return with_keys(config, more)


def sink_config(cluster, db, prefix, **more):
    config = {"connector.class": "sink-pg", "connection.url": f"postgresql://127.0.0.1:{cluster.port}/{db}",
              "connection.username": SINK_ROLE, "connection.password": PASSWORD,
              "topics.regex": prefix.replace(".", "\\.") + "\\..*", "collection.name.format": "${source.schema}.${source.table}",
              "insert.mode": "upsert", "primary.key.mode": "record_key", "delete.enabled": "true",
              "truncate.enabled": "true", "schema.evolution": "none"}
    return with_keys(config, more)


def with_keys(config, more):
    """Adds keys; None takes one away."""
    for key, value in more.items():
        key = key.replace("__", ".")
        if value is None:
            config.pop(key, None)
        else:
            config[key] = value
    return config


class Pair:
    """Two databases with the same tables, and the connectors NAME-source and NAME-sink between them."""

    def __init__(self, host, source, target, name="p"):
        """`source` and `target` are (cluster, database name), both made already."""
        self.host, self.source, self.target, self.name = host, source, target, name
        self.source_name, self.sink_name = f"{name}-source", f"{name}-sink"
        self.slot = f"{name}_slot"

    def prepare(self, ddl="", target_ddl=None, seed="", schemas=("public",), tables=None, create_tables=False, **publication):
        """Tables on both sides (target: the same unless said otherwise), rights, and the publication."""
        cluster, db = self.source
        if ddl:
            cluster.sql(db, ddl)
        if seed:
            cluster.sql(db, seed)
        if target_ddl != "" and (target_ddl or ddl):
            self.target[0].sql(self.target[1], target_ddl or ddl)
        for c in {self.source[0], self.target[0]}:
            make_roles(c)
        grant_source(cluster, db, schemas)
        grant_sink(*self.target, schemas, create_tables)
        publish(cluster, db, f"{self.name}_pub", tables, **publication)
        return self

    def start_source(self, **more):
        self.host.create(self.source_name, source_config(*self.source, self.name, **more))

    def start_sink(self, **more):
        self.host.create(self.sink_name, sink_config(*self.target, self.name, **more))

    def start(self, source=None, sink=None):
        self.start_source(**(source or {}))
        self.start_sink(**(sink or {}))
        return self

    def src(self, text, params=None):
        return self.source[0].sql(self.source[1], text, params)

    def dst(self, text, params=None):
        return self.target[0].sql(self.target[1], text, params)

    def wait_equal(self, *tables, timeout=30):
        """Until the tables hold the same rows; the difference, row by row, if they do not come to."""
        def same():
            if all(equal(self.source, self.target, t) for t in tables):
                return True
            for name in (self.source_name, self.sink_name):
                if "FAILED" in self.host.states(name)[1]:
                    raise Hopeless(f"{name} has failed: {self.host.trace(name)}")
            return False
        try:
            wait_until(same, "the tables to be equal", timeout, interval=0.1)
        except Timeout:
            assert_equal(self.source, self.target, tables)
            raise AssertionError(f"slow: equal only after {timeout} s") from None

    def check_equal(self, *tables):
        assert_equal(self.source, self.target, tables)

    def caught_up(self, timeout=60):
        """Until everything committed in the source so far is in the log, told by the slot."""
        return self.source[0].wait_confirmed(self.slot, timeout=timeout)
