"""play.py: plays cases.py on a database, and brings what came out into a form in which it can be compared."""
import cases
from pg import PASSWORD

OWNER = "view_owner"
STREAMED = 1000  # added to the ids of values that are inserted while the connector streams


def config(cluster, db):
    """The same keys for Debezium and for Homeport."""
    return {"connector.class": "io.debezium.connector.postgresql.PostgresConnector", "database.hostname": "127.0.0.1",
            "database.port": str(cluster.port), "database.user": OWNER, "database.password": PASSWORD, "database.dbname": db,
            "topic.prefix": "p", "plugin.name": "pgoutput", "skipped.operations": "none"}


def _insert_values(cur, first):
    for name, (column_type, values) in cases.TYPES.items():
        for i, value in enumerate([*values, "NULL"], first):
            cur.execute(f'INSERT INTO "t_{name}" VALUES ({i}, ({value})::{column_type})')


def _run(cluster, db, work):
    conn = cluster.connect(db)
    try:
        with conn.cursor() as cur:
            work(cur)
    finally:
        conn.close()


def before(cluster, db):
    """Tables, and the rows of the snapshot."""
    def work(cur):
        cur.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (OWNER,))
        if not cur.fetchall():
            cur.execute(f"CREATE ROLE {OWNER} SUPERUSER LOGIN PASSWORD %s", (PASSWORD,))
        for name in cases.EXTENSIONS:
            cur.execute(f"CREATE EXTENSION {name}")
        cur.execute(cases.DDL)
        for name, (column_type, _) in cases.TYPES.items():
            cur.execute(f'CREATE TABLE "t_{name}"(id int PRIMARY KEY, v {column_type})')
        _insert_values(cur, 1)
        cur.execute(cases.TABLES)
    _run(cluster, db, work)


def after(cluster, db):
    """What happens while the connector streams."""
    def work(cur):
        _insert_values(cur, STREAMED + 1)
        for statement in [*cases.STREAM, *cases.ORIGIN, cases.END]:
            cur.execute(statement)
    _run(cluster, db, work)


def _source(source):
    """What two runs have in common. Which row of a snapshot is the first depends on the order of the tables."""
    out = {k: source[k] for k in ("connector", "name", "db", "schema", "table", "origin", "origin_lsn", "xmin")}
    out["snapshot"] = source["snapshot"] not in ("false", None)
    return out


def _fields(schema, name):
    return next((f["fields"] for f in schema["fields"] if f["field"] == name), None)


def normalise(messages):
    """(key, value) pairs with schemas -> messages without times, positions and repeated schemas, by topic in order."""
    out, seen = [], {}
    for key, value in messages:
        message = {"key": key and key["payload"], "value": None}
        if value:
            payload = value["payload"]
            message["value"] = {k: v for k, v in payload.items() if k not in ("ts_ms", "ts_us", "ts_ns", "source")}
            message["value"]["source"] = _source(payload["source"])
            table = payload["source"]["table"]
            schemas = (key and key["schema"], value["schema"])
            if seen.get(table) != schemas:
                seen[table] = schemas
                message["fields"] = _fields(value["schema"], "after") or _fields(value["schema"], "message")
                message["key_schema"] = key and key["schema"]
                message["envelope"] = {**value["schema"], "fields": [
                    {k: v for k, v in f.items() if not (f["field"] in ("before", "after") and k == "fields")}
                    for f in value["schema"]["fields"]]}
        out.append(message)
    return out
