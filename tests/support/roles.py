"""roles.py: the least that Homeport's roles need in a database, as the plugins' READMEs give it.

Everything that the tests run, they run as these roles, so that a privilege the READMEs forget shows.
"""
from pg import PASSWORD

SOURCE_ROLE = "homeport_source"
SINK_ROLE = "homeport_sink"


def make_roles(cluster):
    """Both roles, once per cluster."""
    quoted = PASSWORD.replace("'", "''")
    have = {r for (r,) in cluster.sql("postgres", "SELECT rolname FROM pg_roles")}
    if SOURCE_ROLE not in have:
        cluster.sql("postgres", f"CREATE ROLE {SOURCE_ROLE} LOGIN REPLICATION PASSWORD '{quoted}'")
    if SINK_ROLE not in have:
        cluster.sql("postgres", f"CREATE ROLE {SINK_ROLE} LOGIN PASSWORD '{quoted}'")


def grant_source(cluster, db, schemas=("public",)):
    """Reading rights for snapshots; the publication is the owner's (publication.autocreate.mode=disabled)."""
    cluster.sql("postgres", f'GRANT CONNECT ON DATABASE "{db}" TO {SOURCE_ROLE}')
    for schema in schemas:
        cluster.sql(db, f'GRANT USAGE ON SCHEMA "{schema}" TO {SOURCE_ROLE};'
                        f'GRANT SELECT ON ALL TABLES IN SCHEMA "{schema}" TO {SOURCE_ROLE};'
                        f'ALTER DEFAULT PRIVILEGES IN SCHEMA "{schema}" GRANT SELECT ON TABLES TO {SOURCE_ROLE};')


def publish(cluster, db, publication, tables=None, **options):
    """A publication for the listed tables (default: all of schema public)."""
    with_options = ""
    if options:
        with_options = " WITH (" + ", ".join(f"{k} = '{v}'" for k, v in options.items()) + ")"
    target = "TABLE " + ", ".join(tables) if tables else "TABLES IN SCHEMA public"
    cluster.sql(db, f'CREATE PUBLICATION "{publication}" FOR {target}{with_options}')


def grant_sink(cluster, db, schemas=("public",), create_tables=False):
    """Writing rights on the target tables, a schema of its own for positions, and the origin functions."""
    cluster.sql("postgres", f'GRANT CONNECT ON DATABASE "{db}" TO {SINK_ROLE}')
    cluster.sql(db, f"CREATE SCHEMA IF NOT EXISTS homeport AUTHORIZATION {SINK_ROLE}")
    for schema in schemas:
        more = ", CREATE" if create_tables else ""
        cluster.sql(db, f'GRANT USAGE{more} ON SCHEMA "{schema}" TO {SINK_ROLE};'
                        f'GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA "{schema}" TO {SINK_ROLE};'
                        f'ALTER DEFAULT PRIVILEGES IN SCHEMA "{schema}" '
                        f'GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON TABLES TO {SINK_ROLE};')
    cluster.sql(db, f"GRANT EXECUTE ON FUNCTION pg_replication_origin_create(text), pg_replication_origin_oid(text), "
                    f"pg_replication_origin_session_setup(text), pg_replication_origin_session_reset(), "
                    f"pg_replication_origin_session_is_setup(), "
                    f"pg_replication_origin_xact_setup(pg_lsn, timestamptz), pg_replication_origin_xact_reset() "
                    f"TO {SINK_ROLE}")
