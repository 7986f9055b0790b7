"""compare.py: whether two tables hold the same rows, told row by row.

Rows are compared as text, column by column by name (the order of columns may differ). Equal tables cost one hash per
side; of different ones the exact rows are listed: lost (only in the source), extra (only in the target) or changed.
"""
from dataclasses import dataclass, field


def _quote(name):
    return '"' + name.replace('"', '""') + '"'


def _table(table):
    schema, name = table if isinstance(table, tuple) else ("public", table)
    return f"{_quote(schema)}.{_quote(name)}"


def columns(cluster, db, table):
    """Names of the columns that hold data of their own (generated ones follow from the others)."""
    return [c for (c,) in cluster.sql(
        db, "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped "
            "ORDER BY attname", (_table(table),))]


def key_columns(cluster, db, table):
    return [c for (c,) in cluster.sql(
        db, "SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey) "
            "WHERE i.indrelid = %s::regclass AND i.indisprimary ORDER BY array_position(i.indkey::int2[], a.attnum)",
        (_table(table),))]


def _row_text(names):
    return "ROW(" + ", ".join(f"t.{_quote(c)}::text" for c in names) + ")::text"


def fingerprint(cluster, db, table, names=None):
    """(rows, hash of the multiset of rows)."""
    names = names or columns(cluster, db, table)
    return cluster.sql(
        db, f"SELECT count(*), coalesce(sum(('x' || left(md5({_row_text(names)}), 15))::bit(60)::bigint), 0)::text "
            f"FROM {_table(table)} t")[0]


def _short(cell):
    text = str(cell)
    return text if len(text) <= 80 else f"{text[:60]}... ({len(text)} characters)"


@dataclass
class Difference:
    table: object
    source_rows: int
    target_rows: int
    lost: list = field(default_factory=list)
    extra: list = field(default_factory=list)
    changed: list = field(default_factory=list)

    def __bool__(self):
        return bool(self.lost or self.extra or self.changed)

    def __str__(self):
        text = [f"{self.table}: {self.source_rows} rows in the source, {self.target_rows} in the target, "
                f"{len(self.lost)} lost, {len(self.extra)} extra (doubled or unknown), {len(self.changed)} changed"]
        for what in ("lost", "extra", "changed"):
            for row in getattr(self, what)[:10]:
                text.append(f"  {what}: ({', '.join(map(_short, row))})")
        return "\n".join(text)


def _rows(cluster, db, table, names):
    cells = ", ".join(f"t.{_quote(c)}::text" for c in names)
    return cluster.sql(db, f"SELECT {cells} FROM {_table(table)} t")


def compare(source, target, table, target_table=None, names=None, key=None):
    """`source` and `target` are (cluster, db). Gives a Difference, which is false when there is none."""
    target_table = target_table or table
    names = names or columns(*source, table)
    a, b = fingerprint(*source, table, names), fingerprint(*target, target_table, names)
    result = Difference(table, a[0], b[0])
    if a == b:
        return result
    key = key_columns(*source, table) if key is None else key
    left, right = _rows(*source, table, names), _rows(*target, target_table, names)
    counts = {}
    for row in left:
        counts[row] = counts.get(row, 0) + 1
    for row in right:
        counts[row] = counts.get(row, 0) - 1
    missing = [row for row, n in counts.items() for _ in range(max(n, 0))]
    surplus = [row for row, n in counts.items() for _ in range(max(-n, 0))]
    if key:
        at = [names.index(k) for k in key]
        by_key = {tuple(row[i] for i in at): row for row in surplus}
        for row in missing:
            other = by_key.pop(tuple(row[i] for i in at), None)
            if other is None:
                result.lost.append(row)
            else:
                result.changed.append([(n, x, y) for n, x, y in zip(names, row, other) if x != y])
        result.extra.extend(by_key.values())
        seen = set(map(id, by_key.values()))
        keyed = {tuple(row[i] for i in at) for row in missing}
        result.extra.extend(r for r in surplus if id(r) not in seen and tuple(r[i] for i in at) not in keyed)
    else:
        result.lost, result.extra = missing, surplus
    if not result:
        result.extra.append(("the hashes differ, the rows do not", a, b))
    return result


def assert_equal(source, target, tables, **more):
    differences = [d for d in (compare(source, target, t, **more) for t in tables) if d]
    assert not differences, "\n".join(map(str, differences))


def equal(source, target, table, target_table=None):
    """Cheap: same row count and multiset hash."""
    names = columns(*source, table)
    return fingerprint(*source, table, names) == fingerprint(*target, target_table or table, names)
