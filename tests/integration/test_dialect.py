"""Configs as other people have them: Debezium's class names, keys and defaults (D18, T12)."""
import pytest

from pg import PASSWORD
from pipeline import source_config
from roles import SINK_ROLE, SOURCE_ROLE
from waiting import wait_until


def test_debezium_configs_run(pair):
    """A config from the documentation of Debezium and one of its JDBC sink, with converters, as a superuser would."""
    p = pair().prepare("CREATE TABLE customers (id int PRIMARY KEY, name text)", target_ddl="", create_tables=True,
                       seed="INSERT INTO customers VALUES (1, 'Anna')")
    host = p.host
    host.create("inventory-connector", {
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector", "tasks.max": "1",
        "plugin.name": "pgoutput", "database.hostname": "127.0.0.1", "database.port": str(p.source[0].port),
        "database.user": SOURCE_ROLE, "database.password": PASSWORD, "database.dbname": p.source[1],
        "topic.prefix": p.name, "table.include.list": "public.customers", "slot.name": p.slot,
        "publication.name": f"{p.name}_pub", "publication.autocreate.mode": "disabled",
        "key.converter": "org.apache.kafka.connect.json.JsonConverter",
        "value.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter.schemas.enable": "false"})
    host.create("jdbc-connector", {
        "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector", "tasks.max": "1",
        "connection.url": f"jdbc:postgresql://127.0.0.1:{p.target[0].port}/{p.target[1]}",
        "connection.username": SINK_ROLE, "connection.password": PASSWORD, "insert.mode": "upsert",
        "delete.enabled": "true", "primary.key.mode": "record_key", "schema.evolution": "basic",
        "topics": f"{p.name}.public.customers"})
    table = f"{p.name}_public_customers"  # the JDBC sink's default: the topic, dots made underscores
    p.target[0].wait(p.target[1], f"SELECT to_regclass('{table}') IS NOT NULL", f"{table} to be made")
    p.src("INSERT INTO customers VALUES (2, 'Bea'); UPDATE customers SET name = 'Anne' WHERE id = 1")
    wait_until(lambda: p.dst(f"SELECT id, name FROM {table} ORDER BY id") == [(1, "Anne"), (2, "Bea")],
               lambda: f"the rows: {p.dst(f'SELECT * FROM {table}')}", 20)
    p.src("DELETE FROM customers WHERE id = 2")
    p.target[0].wait(p.target[1], f"SELECT count(*) = 1 FROM {table}", "the delete")
    plugins = {entry["class"] for entry in host.get("/connector-plugins").json}
    assert {"source-pg", "sink-pg"} <= plugins or any("Postgres" in c for c in plugins)


def test_debezium_publication_for_all_tables(pair):
    """Debezium's default makes a publication FOR ALL TABLES: under its name so does ours, given the rights."""
    p = pair().prepare("CREATE TABLE t (id int PRIMARY KEY)")
    p.src(f"DROP PUBLICATION {p.name}_pub")
    p.src("CREATE ROLE owner_all SUPERUSER REPLICATION LOGIN PASSWORD 'x'")
    p.start_source(connector__class="io.debezium.connector.postgresql.PostgresConnector", plugin__name="pgoutput",
                   database__user="owner_all", database__password="x", publication__autocreate__mode=None,
                   publication__name=None)
    try:
        assert p.src("SELECT puballtables FROM pg_publication WHERE pubname = 'dbz_publication'") == [(True,)]
        p.start_sink()
        p.src("INSERT INTO t VALUES (1)")
        p.wait_equal("t")
    finally:
        p.host.remove(p.source_name)
        wait_until(lambda: p.src("SELECT pg_drop_replication_slot(%s)", (p.slot,)) is not None, "the slot to go", 20)
        p.src("DROP PUBLICATION dbz_publication; DROP ROLE owner_all")


def test_filtered_publication_is_made_for_the_listed_tables(pair):
    """publication.autocreate.mode=filtered, by a role that owns the tables."""
    p = pair().prepare("CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY)")
    p.src(f"DROP PUBLICATION {p.name}_pub; ALTER TABLE a OWNER TO {SOURCE_ROLE}; "
          f'GRANT CREATE ON DATABASE "{p.source[1]}" TO {SOURCE_ROLE}')
    p.start(source={"publication__autocreate__mode": "filtered", "table__include__list": "public\\.a"})
    assert p.src("SELECT tablename FROM pg_publication_tables WHERE pubname = %s", (f"{p.name}_pub",)) == [("a",)]
    p.src("INSERT INTO a VALUES (1); INSERT INTO b VALUES (1)")
    p.wait_equal("a")


def test_snapshot_modes(pair):
    """initial_only ends after the snapshot, no_data takes none, a column list leaves columns out."""
    p = pair().prepare("CREATE TABLE t (id int PRIMARY KEY, v text, secret text)", seed="INSERT INTO t VALUES (1, 'a', 's')")
    p.start(source={"snapshot__mode": "no_data", "column__exclude__list": "public\\.t\\.secret"})
    p.src("INSERT INTO t VALUES (2, 'b', 's')")
    wait_until(lambda: p.dst("SELECT id, v, secret FROM t") == [(2, "b", None)], lambda: p.dst("SELECT * FROM t"), 20)
    p.host.remove(p.source_name)
    q = pair().prepare("CREATE TABLE t (id int PRIMARY KEY)", seed="INSERT INTO t VALUES (1)")
    q.start(source={"snapshot__mode": "initial_only"})
    q.wait_equal("t")
    q.src("INSERT INTO t VALUES (2)")
    assert q.dst("SELECT count(*) FROM t") == [(1,)]


def test_sink_insert_and_update_modes(pair):
    p = pair().prepare("CREATE TABLE t (id int PRIMARY KEY, v text)")
    p.start(sink={"insert__mode": "update"})
    p.dst("INSERT INTO t VALUES (1, 'old'), (2, 'old')")
    p.src("INSERT INTO t VALUES (1, 'new'), (3, 'not there')")
    p.target[0].wait(p.target[1], "SELECT v = 'new' FROM t WHERE id = 1", "the update")
    assert p.dst("SELECT count(*) FROM t") == [(2,)]


def test_delete_not_enabled(pair):
    p = pair().prepare("CREATE TABLE t (id int PRIMARY KEY)", seed="INSERT INTO t VALUES (1), (2)")
    p.start(sink={"delete__enabled": "false"})
    p.wait_equal("t")
    p.src("DELETE FROM t WHERE id = 1; INSERT INTO t VALUES (3)")
    p.target[0].wait(p.target[1], "SELECT count(*) = 3 FROM t", "the insert after the delete")


def test_a_key_we_cannot_honour_is_an_error_and_an_unknown_one_a_warning(pair):
    p = pair().prepare("CREATE TABLE t (id int PRIMARY KEY)")
    config = source_config(*p.source, p.name, snapshot__mode="custom")
    answer = p.host.post("/connectors", {"name": "x", "config": config})
    assert answer.status == 400 and "snapshot.mode" in answer.json["message"], answer
    p.start_source(no__such__key="1")
    wait_until(lambda: "no.such.key" in p.host.log(), p.host.log_tail, 5)


@pytest.mark.parametrize("key,value,fine", [
    ("snapshot.mode.configuration.based.snapshot.data", "false", True), ("snapshot.mode.configuration.based.snapshot.data", "true", False),
    ("lsn.flush.mode", "connector", True), ("lsn.flush.mode", "manual", False), ("decimal.handling.mode", "precise", True),
    ("decimal.handling.mode", "double", False), ("column.mask.with.12.chars", "public.t.x", False)])
def test_debezium_defaults_are_accepted_and_what_cannot_be_honoured_is_not(pair, key, value, fine):
    """What a client that posts every key with Debezium's default sends, and what differs from it."""
    p = pair()
    config = {**source_config(*p.source, p.name), "name": "x",
              "connector.class": "io.debezium.connector.postgresql.PostgresConnector", key: value}
    answer = p.host.put("/connector-plugins/PostgresConnector/config/validate", config).json
    errors = [c["value"]["name"] for c in answer["configs"] if c["value"]["errors"]]
    assert errors == ([] if fine else [key]), answer


def test_lists_that_match_nothing_are_warned_about(pair):
    p = pair().prepare("CREATE TABLE t (id int PRIMARY KEY)")
    p.start_source(table__include__list="public.misspelt")
    wait_until(lambda: "no table is captured" in p.host.log(), p.host.log_tail, 5)
    p.host.change(p.source_name, source_config(*p.source, p.name, table__include__list="public.t"))
    p.src("INSERT INTO t VALUES (1)")
    p.start_sink()
    p.target[0].wait(p.target[1], "SELECT count(*) = 1 FROM t", "the row, once the list is right")
    assert p.host.log().count("no table is captured") == 1
