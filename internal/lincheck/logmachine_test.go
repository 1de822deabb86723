package lincheck_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/internal/lincheck"
	"pgregory.net/rapid"
)

func TestLogIsItsModel(t *testing.T) {
	t.Run("on Memory", func(t *testing.T) {
		machine(t, shareOfMachine, logMachine(func(*rapid.T) *handles {
			return &handles{logs: []entity.Log{entity.NewMemory()}}
		}))
	})
	t.Run("on SQLite", func(t *testing.T) {
		machine(t, shareOfMachine, logMachine(func(rt *rapid.T) *handles { return sqliteHandles(t, rt) }))
	})
}

// handles are the handles of one Log.
type handles struct {
	logs   []entity.Log
	reopen func(i int) // closes a handle and opens it again; nil: that cannot be done
}

func sqliteHandles(t testing.TB, rt *rapid.T) *handles {
	path := filepath.Join(t.TempDir(), fmt.Sprint(rand.Uint64()))
	h := &handles{}
	open := func() entity.Log {
		log, err := openTemplate(t, path)
		if err != nil {
			rt.Fatal(err)
		}
		return log
	}
	shut := func(i int) {
		if err := h.logs[i].(interface{ Close() error }).Close(); err != nil {
			rt.Fatal(err)
		}
	}
	h.logs = []entity.Log{open(), open()}
	h.reopen = func(i int) {
		shut(i)
		h.logs[i] = open()
	}
	rt.Cleanup(func() {
		shut(0)
		shut(1)
	})
	return h
}

// logMachine does at random what can be done with a Log, and does the same with its model.
func logMachine(open func(*rapid.T) *handles) func(*rapid.T) {
	return func(t *rapid.T) {
		h := open(t)
		m := &logState{handles: h, ctx: t.Context(), model: lincheck.NewLogModel(h.logs[0].Shared()), now: noon}
		t.Repeat(rapid.StateMachineActions(m))
	}
}

var noon = time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)

// logState is a Log under test. Its exported methods are what can be done.
type logState struct {
	*handles
	ctx    context.Context
	model  *lincheck.LogModel
	now    time.Time
	tokens []entity.Token // all that were ever given
	over   []ended        // transactions
	checks int
}

var (
	logKinds   = []string{"order", "thing"}
	logIDs     = []string{"a", "b", "ç"}
	leaseNames = []string{entity.LeaseRelay, entity.LeaseTimers, "group 1"}
	holders    = []string{"p", "q", "r"}
	groups     = []entity.Group{{Name: "audit", Source: "kind order"}, {Name: "audit", Source: "kind thing"}, {Name: "billing", Source: "kind order"}}
	watchNames = []string{"low", "high"}
)

func pick[T any](t *rapid.T, what string, from []T) T { return rapid.SampledFrom(from).Draw(t, what) }

// some draws a list of distinct things, which may be empty.
func some[T comparable](t *rapid.T, what string, from []T) []T {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(from), 0, len(from), rapid.ID[T]).Draw(t, what)
}

func (m *logState) log(t *rapid.T) entity.Log {
	return m.logs[rapid.IntRange(0, len(m.logs)-1).Draw(t, "handle")]
}

// later moves the time on, or not.
func (m *logState) later(t *rapid.T) time.Time {
	m.now = m.now.Add(time.Duration(rapid.IntRange(0, 3_000_000).Draw(t, "µs")) * time.Microsecond)
	return m.now
}

// instant is one of interest.
func (m *logState) instant(t *rapid.T) time.Time {
	return m.now.Add(-time.Duration(rapid.IntRange(-1_000_000, 12_000_000).Draw(t, "µs ago")) * time.Microsecond)
}

// equal fails where two values differ.
func equal(t *rapid.T, what string, want, got any) {
	if reflect.DeepEqual(want, got) { // which is quick to say yes
		return
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("%s: (-model +log):\n%s", what, diff)
	}
}

// agree fails where one of two errors is not of the same sentinel as the other.
func agree(t *rapid.T, what string, want, got error) {
	if (want == nil) != (got == nil) || want != nil && !errors.Is(got, entity.ErrLeaseLost) {
		t.Fatalf("%s: the model says %v, the log %v", what, want, got)
	}
}

func all[T any](t *rapid.T, what string, seq iter.Seq2[T, error]) []T {
	var list []T
	for v, err := range seq {
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		list = append(list, v)
	}
	return list
}

// decoded gives states their type.
func decoded(t *rapid.T, states ...*any) {
	for _, state := range states {
		s, err := lincheck.Decode(*state)
		if err != nil {
			t.Fatal(err)
		}
		*state = nil
		if s != nil {
			*state = s
		}
	}
}

func headsOf(ctx context.Context, t *rapid.T, log entity.Log, kind string, ids []string) []entity.Head {
	list := all(t, "Heads", log.Heads(ctx, kind, ids))
	for i := range list {
		decoded(t, &list[i].State, &list[i].Published)
	}
	return list
}

func changesOf(ctx context.Context, t *rapid.T, log entity.Log, after int64) []entity.Change {
	list := all(t, "Changes", log.Changes(ctx, after))
	for i := range list {
		decoded(t, &list[i].Prev, &list[i].Next)
	}
	return list
}

func pendingOf(ctx context.Context, t *rapid.T, log entity.Log, name string) []entity.Pending {
	list := all(t, "Pending", log.Pending(ctx, name))
	for i := range list {
		decoded(t, &list[i].Change.Prev, &list[i].Change.Next)
	}
	return list
}

// Check compares all that can be seen, through one handle after the other.
func (m *logState) Check(t *rapid.T) {
	figures.steps.Add(1)
	m.checks++
	log := m.logs[m.checks%len(m.logs)]
	m.compare(m.ctx, t, log, m.model)
	equal(t, "changes", m.model.Changes(0), changesOf(m.ctx, t, log, 0))
	position, drained, err := log.Last(m.ctx)
	wantPosition, wantDrained := m.model.Last()
	equal(t, "Last", []any{wantPosition, wantDrained, nil}, []any{position, drained, err})
	m.compareTables(m.ctx, t, log)
}

// compare compares heads and intervals.
func (m *logState) compare(ctx context.Context, t *rapid.T, log entity.Log, model *lincheck.LogModel) {
	for _, kind := range logKinds {
		equal(t, "heads of "+kind, model.Heads(kind, nil), headsOf(ctx, t, log, kind, nil))
		for _, id := range logIDs {
			for _, field := range []string{"count", "name"} {
				equal(t, "intervals of "+field+" of "+id, model.Intervals(lincheck.Key{Kind: kind, ID: id}, field, time.Time{}),
					all(t, "Intervals", log.Intervals(ctx, kind, id, field, time.Time{})))
			}
		}
	}
}

// compareTables compares groups, watches and leases.
func (m *logState) compareTables(ctx context.Context, t *rapid.T, log entity.Log) {
	equal(t, "pending", m.model.Pending(""), pendingOf(ctx, t, log, ""))
	equal(t, "watches", m.model.Watches(nil), all(t, "Watches", log.Watches(ctx)))
	equal(t, "leases", m.model.Leases(""), all(t, "Leases", log.Leases(ctx, "")))
	for _, g := range m.model.Groups() {
		m.positions(ctx, t, log, g, 99)
	}
}

// Read asks for a part of what is there.
func (m *logState) Read(t *rapid.T) {
	log, kind := m.log(t), pick(t, "kind", logKinds)
	switch rapid.IntRange(0, 5).Draw(t, "what") {
	case 0:
		ids := append(some(t, "ids", logIDs), "nobody")
		if rapid.Bool().Draw(t, "none") {
			ids = []string{}
		}
		equal(t, fmt.Sprint("heads of ", ids), m.model.Heads(kind, ids), headsOf(m.ctx, t, log, kind, ids))
	case 1:
		id, since := pick(t, "id", logIDs), m.instant(t)
		equal(t, "intervals since "+since.String(), m.model.Intervals(lincheck.Key{Kind: kind, ID: id}, "name", since),
			all(t, "Intervals", log.Intervals(m.ctx, kind, id, "name", since)))
	case 2:
		after := rapid.Int64Range(0, 12).Draw(t, "after")
		equal(t, "changes after", m.model.Changes(after), changesOf(m.ctx, t, log, after))
	case 3:
		name := pick(t, "name", groups).Name
		equal(t, "pending of "+name, m.model.Pending(name), pendingOf(m.ctx, t, log, name))
	case 4:
		names := append(some(t, "names", watchNames), "nobody")
		equal(t, fmt.Sprint("watches ", names), m.model.Watches(names), all(t, "Watches", log.Watches(m.ctx, names...)))
	case 5:
		prefix := pick(t, "prefix", []string{"r", "group", "x", entity.LeaseRelay})
		equal(t, "leases of "+prefix, m.model.Leases(prefix), all(t, "Leases", log.Leases(m.ctx, prefix)))
	}
}

// token is one that was given, or nobody's.
func (m *logState) token(t *rapid.T) entity.Token {
	list := append(slices.Clone(m.tokens), entity.Token{Name: entity.LeaseRelay}, entity.Token{Name: entity.LeaseRelay, Number: 99})
	return list[len(list)-1-rapid.IntRange(0, min(len(list), 6)-1).Draw(t, "token, newest first")]
}

// Relay moves changes to the feed.
func (m *logState) Relay(t *rapid.T) {
	token, limit := m.token(t), rapid.IntRange(0, 4).Draw(t, "limit")
	n, err := m.log(t).Relay(m.ctx, token, limit)
	want, wantErr := m.model.Relay(token, limit)
	agree(t, "Relay", wantErr, err)
	equal(t, "relayed", want, n)
}

// Trim deletes what is old.
func (m *logState) Trim(t *rapid.T) {
	log, token, before := m.log(t), m.token(t), m.instant(t)
	err := log.Trim(m.ctx, token, before)
	want := m.model.Trim(token, before, changesOf(m.ctx, t, log, 0))
	agree(t, "Trim before "+before.String(), want, err)
}

// Reopen closes a handle and opens it again, which takes a while and so is done now and then.
func (m *logState) Reopen(t *rapid.T) {
	if i := rapid.IntRange(0, 5*len(m.logs)).Draw(t, "handle"); m.reopen != nil && i < len(m.logs) {
		m.reopen(i)
	}
}

// Write writes to one of the tables outside of a transaction.
func (m *logState) Write(t *rapid.T) { m.write(m.ctx, t, m.log(t)) }
