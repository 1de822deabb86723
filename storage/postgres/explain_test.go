package postgres_test

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/slokeep/slokeep/storage/postgres"
)

// large fills the tables. IDs are k00001, k00002, ...; each tenth fact is of two systems or has a source.
const large = `
INSERT INTO entity_heads (kind, id, version, at, state)
	SELECT 'order', 'k' || to_char(i, 'FM00000'), 5, i, '{}' FROM generate_series(1, 20000) i;
INSERT INTO entity_heads (kind, id) SELECT 'source', 'k' || to_char(i, 'FM00000') FROM generate_series(1, 20000) i;
INSERT INTO entity_intervals (kind, id, field, since, until)
	SELECT 'order', 'k' || to_char(i % 20000, 'FM00000'), 'field' || i / 20000, i, CASE WHEN i % 3 = 0 THEN i + 1 END
	FROM generate_series(0, 199999) i;
INSERT INTO entity_outbox (at, kind, id, version, actor_type, actor_id, actor_name)
	SELECT i, 'order', 'k' || to_char(i % 20000, 'FM00000'), i, '', '', '' FROM generate_series(1, 20000) i;
INSERT INTO entity_changes (position, at, kind, id, version, actor_type, actor_id, actor_name)
	SELECT i, i, 'order', 'k' || to_char(i % 20000, 'FM00000'), i, '', '', '' FROM generate_series(1, 100000) i;
UPDATE entity_feed SET given = 100000;
INSERT INTO entity_groups (name, source, shard, position)
	SELECT 'k' || to_char(i, 'FM00000'), 'kind order', s, 50000 FROM generate_series(1, 1000) i, generate_series(0, 15) s;
INSERT INTO entity_pending (name, source, position, at, kind, id, version, actor_type, actor_id, actor_name, attempts, error, parked)
	SELECT 'k' || to_char(i % 10, 'FM00000'), 'kind order', i, i, 'order', 'a', 1, '', '', '', 1, '', true FROM generate_series(1, 50000) i;
INSERT INTO entity_watches (name, "group", condition, progress, position, at)
	SELECT 'k' || to_char(i, 'FM00000'), 'g', 'c', 'p', 1, 1 FROM generate_series(1, 10000) i;
INSERT INTO entity_leases (name, holder, number, until)
	SELECT 'k' || to_char(i, 'FM00000'), 'me', 1, 9e15::bigint FROM generate_series(1, 20000) i;
INSERT INTO store_facts (kind, hash, source, system, systems, data)
	SELECT 'observation', sha256(i::text::bytea), '', 'k' || to_char(i % 2000, 'FM00000'), CASE WHEN i % 10 = 1 THEN '["a","b"]' END, 'data'
	FROM generate_series(1, 180000) i;
INSERT INTO store_facts (kind, hash, source, system, data)
	SELECT 'statement', sha256(i::text::bytea), 'k' || to_char(i % 10000, 'FM00000'), 'k' || to_char(i % 2000, 'FM00000'), 'data'
	FROM generate_series(180001, 200000) i;
INSERT INTO store_fact_systems (system, fact)
	SELECT 'k' || to_char((number + 1) % 2000, 'FM00000'), number FROM store_facts WHERE systems IS NOT NULL;
INSERT INTO store_source_systems (system, kind, source) SELECT DISTINCT system, kind, source FROM store_facts WHERE source <> '';
INSERT INTO store_versions (kind, id, version) SELECT 'history', 'k' || to_char(i, 'FM00000'), 1 FROM generate_series(1, 20000) i;
INSERT INTO store_records (kind, id, sub, data)
	SELECT 'day', 'k' || to_char(i % 2000, 'FM00000'), to_char(i / 2000, 'FM000'), 'data' FROM generate_series(1, 200000) i;
INSERT INTO store_histories (system, version, data) SELECT 'k' || to_char(i, 'FM00000'), 1, 'data' FROM generate_series(1, 20000) i;`

// newLarge makes a schema with tables that have grown.
func newLarge(t *testing.T) (*pgx.Conn, string) {
	t.Helper()
	schema := newSchema(t)
	pool := newPool(t, hasty)
	open(t, pool, schema)
	conn, err := pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Release)
	const begin = `SET work_mem = '4MB'; SET search_path TO %s; `
	if _, err := conn.Exec(t.Context(), fmt.Sprintf(begin, pgx.Identifier{schema}.Sanitize())+large); err != nil {
		t.Fatal(err)
	}
	for table := range strings.FieldsSeq(`entity_heads entity_intervals entity_outbox entity_changes entity_feed entity_groups entity_pending
		entity_watches entity_leases store_facts store_fact_systems store_source_systems store_versions store_records store_histories`) {
		if _, err := conn.Exec(t.Context(), `ANALYZE `+table); err != nil {
			t.Fatal(err)
		}
	}
	return conn.Conn(), schema
}

// arguments are those of each statement, as SQL, for so many rows or keys.
func arguments(n int) map[string][]string {
	ids := make([]string, n)
	numbers := make([]string, n)
	for i := range n {
		ids[i], numbers[i] = fmt.Sprintf("k%05d", 7*i%20000), fmt.Sprint(i+1)
	}
	slices.Sort(ids)
	texts := func(list []string) string { return `'{` + strings.Join(list, ",") + `}'::text[]` }
	same := func(value string) string { return texts(slices.Repeat([]string{value}, n)) }
	one := texts(ids[:1]) // one system is deleted at a time
	keys, ints, none := texts(ids), `'{`+strings.Join(numbers, ",")+`}'::bigint[]`, same("NULL")
	var hashes []string
	for i := range n {
		hashes = append(hashes, `"\\x`+hex.EncodeToString(fmt.Appendf(nil, "%032d", i))+`"`)
	}
	blobs := `'{` + strings.Join(hashes, ",") + `}'::bytea[]`
	change := []string{"1", "'order'", "'a'", "1", "NULL", "''", "''", "''", "NULL", "NULL"}
	return map[string][]string{
		"addLocks": {"'order'", keys}, "lockHeads": {"'order'", keys}, "headList": {"'order'", keys}, "headPage": {"'order'", "'k10000'"},
		"putHeads":     {same("order"), keys, ints, ints, none, none},
		"endIntervals": {same("order"), keys, same("field1"), ints}, "beginIntervals": {same("order"), keys, same("field1"), ints},
		"intervalPage": {"'order'", "'k00100'", "'field1'", "100000"},
		"putOutbox":    {ints, same("order"), keys, ints, none, same("u"), same("u"), same("u"), none, none},
		"relay":        {"'k00001'", "1", fmt.Sprint(n)}, "feedEnd": nil, "changePage": {"50000"},
		"trimChanges": {"10000", fmt.Sprint(n)}, "trimIntervals": {"10000", fmt.Sprint(n)},
		"groupPositions": {"'k00001'", "'kind order'"}, "addGroup": {"'new'", "'kind order'", "16", "0"},
		"setPosition":   {"'k00001'", "'kind order'", "3", "7", "'k00001'", "1"},
		"putPending":    slices.Concat([]string{"1"}, change, []string{"'k00001'", "'kind order'", "1", "NULL", "''", "true"}),
		"deletePending": {"'k00001'", "'kind order'", ints}, "pendingPage": {"'k00001'", "'kind order'", "1"},
		"pendingPageOf": {"'k00001'", "'kind order'", "1"}, "dropGroup": {"'k00001'"}, "dropPending": {"'k00001'"},
		"watchList": {keys}, "watchPage": {"'k05000'"}, "putWatch": {"'w'", "''", "''", "''", "1", "1"}, "dropWatch": {"'k00001'"},
		"newestToken": {"'k00001'", "1"}, "takeLeases": {keys, "'me'", "1000000"}, "releaseLeases": {keys, "'me'"}, "leasePage": {"'k10000'"},
		"notify":   {"'channel'"},
		"putFacts": {same("observation"), blobs, same(`""`), keys, none, blobs}, "addFactSystems": {keys, ints},
		"addSourceSystems": {keys, same("statement"), keys}, "factsOf": {keys}, "factsFrom": {"'statement'", keys},
		"lockFacts": {one}, "deleteSharedFacts": {one}, "keepSharedFacts": {one}, "deleteFacts": {one}, "deleteSourceSystems": {one}, "deleteHistories": {one},
		"bumpVersions": {same("history"), keys}, "readVersions": {same("history"), keys},
		"putRecords": {same("day"), keys, same("001"), blobs}, "addRecords": {same("day"), keys, same("001"), blobs},
		"getRecords": {same("day"), keys, same("001"), same("day"), keys},
		"recordPage": {"'day'", "'k01000'", "'005'", "1000"}, "recordPageTo": {"'day'", "'k01000'", "'005'", "1000", "'k01500'", "''"},
		"recordPageBack": {"'day'", "'k01000'", "'005'", "1000"}, "recordPageBackTo": {"'day'", "''", "''", "1000", "'k01500'", "''"},
		"deleteRecords": {same("day"), keys, same("001")}, "deleteUnder": {same("day"), keys},
		"readHistories": {keys}, "putHistories": {keys, ints, blobs},
	}
}

// most is how many rows or keys some statements get at most, where it is not 2,000.
var most = map[string]int{
	"endIntervals":  500, // entities are refreshed in transactions of so many
	"deleteRecords": 500,
	"deleteUnder":   500,
	"releaseLeases": 500,
	"watchList":     100, // of one process
}

// plan is a node of what EXPLAIN says.
type plan struct {
	Node      string `json:"Node Type"`
	Relation  string `json:"Relation Name"`
	Condition string `json:"Index Cond"`
	Recheck   string `json:"Recheck Cond"`
	Plans     []plan
}

// On tables that have grown no statement reads a whole one, however the server plans it and however much it is asked at
// once, and none sorts rows that an index has in order.
func TestNoStatementReadsAWholeTable(t *testing.T) {
	if testing.Short() {
		t.Skip("plans are the same in short mode")
	}
	t.Parallel()
	conn, schema := newLarge(t)
	statements := postgres.StatementTexts(schema)
	delete(statements, "begin")
	delete(statements, "commit")
	for _, mode := range []string{"force_custom_plan", "force_generic_plan"} {
		if _, err := conn.Exec(t.Context(), `SET plan_cache_mode = `+mode); err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{1, 500, 2000} {
			for _, name := range slices.Sorted(maps.Keys(statements)) {
				args, ok := arguments(min(n, cmp.Or(most[name], n)))[name]
				if !ok {
					t.Errorf("there are no arguments for %s", name)
					continue
				}
				text, root := explain(t, conn, statements[name], args)
				page := strings.Contains(name, "Page")
				for _, fault := range faults(root, page, false) {
					t.Errorf("%s of %d with %s: %s\n%s", name, n, mode, fault, text)
				}
			}
		}
	}
}

func explain(t *testing.T, conn *pgx.Conn, statement string, args []string) (text string, root plan) {
	t.Helper()
	call := ""
	if len(args) > 0 {
		call = `(` + strings.Join(args, `, `) + `)`
	}
	if _, err := conn.Exec(t.Context(), `DEALLOCATE ALL; PREPARE s AS `+statement, pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatalf("%s\n%v", statement, err)
	}
	err := conn.QueryRow(t.Context(), `EXPLAIN (FORMAT JSON, COSTS OFF) EXECUTE s`+call, pgx.QueryExecModeSimpleProtocol).Scan(&text)
	if err != nil {
		t.Fatalf("%s\n%.200s\n%v", statement, call, err)
	}
	var list []struct{ Plan plan }
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		t.Fatal(err)
	}
	return text, list[0].Plan
}

// faults says what is wrong with a plan. Under a Limit an index may be read from its beginning, since that stops soon.
func faults(p plan, page, limited bool) (list []string) {
	limited = limited || p.Node == "Limit"
	ours := strings.HasPrefix(p.Relation, "entity_") || strings.HasPrefix(p.Relation, "store_")
	switch {
	case p.Node == "Seq Scan" && ours && p.Relation != "entity_feed":
		list = append(list, "it reads all of "+p.Relation)
	case strings.HasPrefix(p.Node, "Index") && ours && p.Condition == "" && (page || !limited):
		list = append(list, "it reads all of an index of "+p.Relation)
	case p.Node == "Bitmap Heap Scan" && page:
		list = append(list, "it reads more than a page of "+p.Relation)
	case p.Node == "Hash Join" || p.Node == "Merge Join":
		list = append(list, "a "+p.Node+" reads one of its sides as a whole")
	case (p.Node == "Sort" || p.Node == "Incremental Sort") && page:
		list = append(list, "it sorts")
	}
	for _, child := range p.Plans {
		list = append(list, faults(child, page, limited)...)
	}
	return list
}
