# SPDX-License-Identifier: GPL-2.0-or-later
# Inserts in transactions, an index, joins and updates in a file.
n=$(size 100000 10000 500)
cat > script.sql <<EOF
PRAGMA journal_mode = WAL;
CREATE TABLE item (id INTEGER PRIMARY KEY, kind INTEGER, name TEXT);
CREATE TABLE kind (id INTEGER PRIMARY KEY, total INTEGER);
EOF
awk -v n="$n" 'BEGIN {
	for (i = 0; i < n; i++) {
		if (i % 100 == 0) print (i ? "COMMIT;" : "") "BEGIN;"
		printf "INSERT INTO item VALUES (%d, %d, \x27name %d of many\x27);\n", i, i % 100, i * 7919 % n
	}
	print "COMMIT;"
}' >> script.sql
cat >> script.sql <<EOF
CREATE INDEX by_kind ON item (kind, name);
INSERT INTO kind SELECT kind, sum(id) FROM item GROUP BY kind;
UPDATE item SET name = upper(name) WHERE kind < 50;
SELECT count(*), sum(i.id) = (SELECT sum(total) FROM kind), count(DISTINCT name)
	FROM item i JOIN kind k ON i.kind = k.id;
DELETE FROM item WHERE kind >= 50;
SELECT count(*) FROM item;
PRAGMA integrity_check;
EOF
timed sqlite "[ \"\$(tr '\n' ' ' < sqlite.out)\" = 'wal $n|1|$n $((n / 2)) ok ' ]" sqlite3 db ".read script.sql"
