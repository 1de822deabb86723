package sqlite_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/storage/sqlite"
)

// checkHeads checks what must hold at any moment: an entity's head is the host's row, so that a write and its change
// are there together or not at all, and what a process says it committed is there.
func checkHeads(t *testing.T, log *sqlite.Log, acked map[string]int64) {
	t.Helper()
	rows := map[string]counter{}
	heads := map[string]entity.Head{}
	err := log.InTx(t.Context(), func(ctx context.Context) error { // so that both are of one instant
		clear(rows)
		for head, err := range log.Heads(ctx, "counter", nil) {
			if err != nil {
				return err
			}
			heads[head.ID] = head
		}
		found, err := log.Querier(ctx).QueryContext(ctx, `SELECT id, n FROM counters`)
		if err != nil {
			return err
		}
		defer func() { _ = found.Close() }()
		for found.Next() {
			var id string
			var n int64
			if err := found.Scan(&id, &n); err != nil {
				return err
			}
			rows[id] = counter{n, n%2 == 1}
		}
		return found.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	for id, head := range heads {
		row, exists := rows[id]
		delete(rows, id)
		if want := asJSON(t, row); exists && asJSON(t, head.State) != want || !exists && head.State != nil {
			t.Errorf("the head of %s is %s, the host's row %s (exists: %t)", id, asJSON(t, head.State), want, exists)
		}
	}
	if len(rows) > 0 {
		t.Errorf("rows without a head: %v", rows)
	}
	for id, version := range acked {
		if heads[id].Version < version {
			t.Errorf("%s: version %d was acknowledged, the head has %d", id, version, heads[id].Version)
		}
	}
}

// checkFeed checks what must hold when all has been delivered: the feed has each change once, in order, each continuing
// the one before; and each was handled, in order, repeated only as a process that died explains.
func checkFeed(t *testing.T, log *sqlite.Log) (changes int) {
	t.Helper()
	last := map[string]entity.Change{}
	var position int64
	var edges, fired []time.Time
	for c, err := range log.Changes(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if position++; c.Position != position {
			t.Fatalf("Position %d follows %d", c.Position, position-1)
		}
		if c.Version == 0 { // a nudge
			continue
		}
		key := c.Kind + " " + c.ID
		before := last[key]
		if c.Version != before.Version+1 {
			t.Fatalf("%s: version %d follows %d", key, c.Version, before.Version)
		}
		if got, want := asJSON(t, c.Prev), asJSON(t, before.Next); got != want {
			t.Errorf("%s: version %d: Prev is %s, the Next before %s", key, c.Version, got, want)
		}
		last[key] = c
		switch {
		case c.Kind == "watch":
			fired = append(fired, edgeAt(t, c))
		case c.ID == watched:
			if !isOn(t, c.Prev) && isOn(t, c.Next) {
				edges = append(edges, c.At)
			}
			changes++
		default:
			changes++
		}
	}
	if got, want := fmt.Sprint(fired), fmt.Sprint(edges); got != want {
		t.Errorf("the watch fired %d times, at\n%s\nwant %d, at\n%s", len(fired), got, len(edges), want)
	}
	checkHandled(t, log, "work", last)
	checkHandled(t, log, "edges", last)
	return changes
}

func checkHandled(t *testing.T, log *sqlite.Log, queue string, last map[string]entity.Change) {
	t.Helper()
	seen := map[string]int64{}
	rows, err := log.Querier(t.Context()).QueryContext(t.Context(), `SELECT id, version FROM handled WHERE queue = ? ORDER BY seq`, queue)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id string
		var version int64
		if err := rows.Scan(&id, &version); err != nil {
			t.Fatal(err)
		}
		if version > seen[id]+1 {
			t.Errorf("%s: version %d of %s was handled after %d", queue, version, id, seen[id])
		}
		seen[id] = max(seen[id], version)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for _, c := range last {
		if mine := (c.Kind == "watch") == (queue == "edges"); mine && seen[c.ID] != c.Version {
			t.Errorf("%s: %s has version %d, and was handled up to %d", queue, c.ID, c.Version, seen[c.ID])
		}
	}
}

// finish waits until all that was committed has been delivered and handled, with this process taking part.
func finish(t *testing.T, log *sqlite.Log) {
	t.Helper()
	reg, _, err := join(t.Context(), log)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := reg.Close(); err != nil {
			t.Error(err)
		}
	}()
	const patience = 30 * time.Second // without any progress: a busy machine may take its time
	last, deadline := int64(-1), time.Now().Add(patience)
	for time.Now().Before(deadline) {
		if _, drained, err := log.Last(t.Context()); err != nil {
			t.Fatal(err)
		} else if drained && allHandled(t, log) && allFired(t, log) {
			return
		}
		if handled := queryInt(t, log, `SELECT count(*) FROM handled`); handled != last {
			last, deadline = handled, time.Now().Add(patience)
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Errorf("not all was handled, and nothing more within %v", patience)
}

// allHandled reports whether the newest change of each entity was handled, the watch's too.
func allHandled(t *testing.T, log *sqlite.Log) bool {
	t.Helper()
	newest := map[string]int64{}
	for _, kind := range []string{"counter", "watch"} {
		for head, err := range log.Heads(t.Context(), kind, nil) {
			if err != nil {
				t.Fatal(err)
			}
			newest[head.ID] = head.Version
		}
	}
	rows, err := log.Querier(t.Context()).QueryContext(t.Context(), `SELECT id, max(version) FROM handled GROUP BY id`)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id string
		var version int64
		if err := rows.Scan(&id, &version); err != nil {
			t.Fatal(err)
		}
		if newest[id] == version {
			delete(newest, id)
		}
	}
	maps.DeleteFunc(newest, func(_ string, version int64) bool { return version == 0 })
	return len(newest) == 0 && rows.Err() == nil
}

// allFired reports whether the watch has fired for each edge that is in the feed.
func allFired(t *testing.T, log *sqlite.Log) bool {
	t.Helper()
	edges, fired := 0, 0
	for c, err := range log.Changes(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if c.Kind == "watch" && c.Version > 0 {
			fired++
		} else if c.ID == watched && !isOn(t, c.Prev) && isOn(t, c.Next) {
			edges++
		}
	}
	return edges == fired
}

func asJSON(t *testing.T, state any) string {
	t.Helper()
	text, err := json.Marshal(state)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func isOn(t *testing.T, state any) bool {
	t.Helper()
	var c counter
	if err := json.Unmarshal([]byte(asJSON(t, state)), &c); err != nil {
		t.Fatal(err)
	}
	return c.On
}

func edgeAt(t *testing.T, c entity.Change) time.Time {
	t.Helper()
	var e struct{ At time.Time }
	if err := json.Unmarshal([]byte(asJSON(t, c.Next)), &e); err != nil {
		t.Fatal(err)
	}
	return e.At
}
