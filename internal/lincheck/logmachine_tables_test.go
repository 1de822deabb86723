package lincheck_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/slokeep/slokeep/entity"
	"pgregory.net/rapid"
)

// write writes to groups, watches or leases, in the transaction of ctx or in none.
func (m *logState) write(ctx context.Context, t *rapid.T, log entity.Log) {
	switch rapid.SampledFrom([]string{"lease", "lease", "watch", "group", "save", "save", "forget", "drop"}).Draw(t, "write") {
	case "lease":
		m.lease(ctx, t, log)
	case "watch":
		m.watch(ctx, t, log)
	case "group":
		m.positions(ctx, t, log, pick(t, "group", groups), rapid.Int64Range(0, 5).Draw(t, "start"))
	case "save":
		m.save(ctx, t, log)
	case "forget":
		g, positions := pick(t, "group", groups), some(t, "positions", []int64{1, 2, 3, 4, 5})
		n, err := log.Forget(ctx, g, positions...)
		equal(t, "Forget", []any{m.model.Forget(g, positions), nil}, []any{n, err})
	case "drop":
		name := pick(t, "group", groups).Name
		m.model.Drop(name)
		if err := log.Drop(ctx, name); err != nil {
			t.Fatalf("Drop: %v", err)
		}
	}
}

func (m *logState) lease(ctx context.Context, t *rapid.T, log entity.Log) {
	names, holder := some(t, "names", leaseNames), pick(t, "holder", holders)
	ttl := pick(t, "ttl", []time.Duration{time.Hour, time.Hour, time.Nanosecond, 0})
	tokens, err := log.Lease(ctx, names, holder, ttl)
	if err != nil {
		t.Fatalf("Lease: %v", err)
	}
	equal(t, fmt.Sprintf("tokens of %q for %v", names, ttl), m.model.Lease(names, holder, ttl), tokens)
	m.tokens = append(m.tokens, tokens...)
	for start := time.Now(); ttl == time.Nanosecond && time.Since(start) < 2*time.Microsecond; {
		// What ends at once has ended in the next microsecond.
	}
}

func (m *logState) watch(ctx context.Context, t *rapid.T, log entity.Log) {
	name := pick(t, "name", watchNames)
	if rapid.IntRange(0, 3).Draw(t, "drop") == 0 {
		m.model.DropWatch(name)
		if err := log.DropWatch(ctx, name); err != nil {
			t.Fatalf("DropWatch: %v", err)
		}
		return
	}
	token := entity.Token{}
	if rapid.Bool().Draw(t, "with a token") {
		token = m.token(t)
	}
	row := entity.WatchRow{
		Name: name, Group: pick(t, "group", groups).Name, Condition: "state.thing.a.count < 5", Progress: pick(t, "progress", []string{"", "0 1@7"}),
		Position: rapid.Int64Range(0, 9).Draw(t, "position"), At: m.now,
	}
	agree(t, "PutWatch", m.model.PutWatch(token, row), log.PutWatch(ctx, token, row))
}

func (m *logState) positions(ctx context.Context, t *rapid.T, log entity.Log, g entity.Group, start int64) {
	got, err := log.Positions(ctx, g, start)
	if err != nil {
		t.Fatalf("Positions: %v", err)
	}
	equal(t, fmt.Sprintf("positions of %v", g), m.model.Positions(g, start), got)
}

// save writes progress of a group that is there; what a Log does of one that is not is not said.
func (m *logState) save(ctx context.Context, t *rapid.T, log entity.Log) {
	there := m.model.Groups()
	if len(there) == 0 {
		return
	}
	p := entity.Progress{
		Group: pick(t, "group", there), Shard: rapid.IntRange(0, entity.Shards-1).Draw(t, "shard"),
		Position: rapid.Int64Range(0, 9).Draw(t, "position"),
	}
	put := map[int64]bool{}
	feed := m.model.Changes(0)
	for range rapid.IntRange(0, min(len(feed), 2)).Draw(t, "pending") {
		pending := entity.Pending{Change: pick(t, "change", feed), Attempts: rapid.IntRange(0, 3).Draw(t, "attempts")}
		switch rapid.IntRange(0, 2).Draw(t, "as") {
		case 0:
			pending.Due, pending.Error = m.now, "boom"
		case 1:
			pending.Parked, pending.Error = true, "boom\nand ünder"
		}
		if !put[pending.Change.Position] {
			p.Put = append(p.Put, pending)
		}
		put[pending.Change.Position] = true
	}
	p.Done = slices.DeleteFunc(some(t, "done", []int64{1, 2, 3, 4, 5}), func(position int64) bool { return put[position] })
	token := m.token(t)
	agree(t, "Save", m.model.Save(token, p), log.Save(ctx, token, p))
}
