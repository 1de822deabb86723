package entity_test

import (
	"context"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/slokeep/slokeep/entity"
)

// Order is the state of most tests.
type Order struct {
	Status string   `json:"status"`
	Total  int      `json:"total"`
	Tags   []string `json:"tags,omitempty"`
	Note   *string  `json:"note"`
}

// table is a host's own data.
type table[S any] struct {
	mu    sync.Mutex
	rows  map[string]S
	reads int // calls of read
}

func newTable[S any]() *table[S] { return &table[S]{rows: map[string]S{}} }

func (tb *table[S]) read(_ context.Context, ids []string, found func(string, S)) error {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	tb.reads++
	for _, id := range ids {
		if s, ok := tb.rows[id]; ok {
			found(id, s)
		}
	}
	return nil
}

// put writes past the framework.
func (tb *table[S]) put(id string, s S) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	tb.rows[id] = s
}

// set is a write, for Mutate.
func (tb *table[S]) set(id string, s S) func(context.Context) error {
	return func(context.Context) error {
		tb.put(id, s)
		return nil
	}
}

// drop is a delete, for Remove.
func (tb *table[S]) drop(id string) func(context.Context) error {
	return func(context.Context) error {
		tb.mu.Lock()
		defer tb.mu.Unlock()
		delete(tb.rows, id)
		return nil
	}
}

// newRegistry makes a Registry that the test closes, and whose errors are the test's, unless it looks at them itself.
func newRegistry(t testing.TB, opts *entity.Options) *entity.Registry {
	t.Helper()
	if opts == nil {
		opts = &entity.Options{}
	}
	if opts.OnError == nil {
		opts.OnError = func(err error) { t.Errorf("OnError: %v", err) }
	}
	reg, err := entity.NewRegistry(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := reg.Close(); err != nil {
			t.Error(err)
		}
	})
	return reg
}

func define[S any](t testing.TB, reg *entity.Registry, name string, read entity.Read[S], opts *entity.KindOptions[S]) *entity.Handle[S] {
	t.Helper()
	h, err := entity.Define(reg, name, read, opts)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func start(t testing.TB, reg *entity.Registry) {
	t.Helper()
	if err := reg.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func settle(t testing.TB, reg *entity.Registry) {
	t.Helper()
	if err := reg.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// Tank is a state that moves by time alone: its level drifts, and it is low from the instant on at which the level is
// below 20.
type Tank struct {
	Level float64 `json:"level" entity:"drifts"`
	Low   bool    `json:"low"`
}

// tanks are a host whose tanks run out, each at its own speed.
type tanks struct {
	clock entity.Clock

	mu   sync.Mutex
	flow map[string]flow
	asks int
}

// flow is a level at an instant, and what it loses a second from then on.
type flow struct {
	at    time.Time
	level float64
	loss  float64
}

func (f flow) levelAt(at time.Time) float64 { return f.level - f.loss*at.Sub(f.at).Seconds() }

// reaches is the first microsecond at from or later at which the level compares so; exact for levels and losses that
// are whole.
func (f flow) reaches(c entity.Comparison, value float64, from time.Time) time.Time {
	holds := func(at time.Time) bool {
		lost, limit := int64(f.loss)*at.Sub(f.at).Microseconds(), int64(math.Round((f.level-value)*1e6))
		switch c {
		case entity.Less:
			return lost > limit
		case entity.Greater:
			return lost < limit
		case entity.AtMost:
			return lost >= limit
		default:
			return lost <= limit
		}
	}
	if holds(from) {
		return from
	}
	if f.loss == 0 {
		return time.Time{}
	}
	at := f.at.Add(time.Duration((f.level-value)/f.loss*1e6) * time.Microsecond).Add(-2 * time.Microsecond)
	for range 5 {
		if at.After(from) && holds(at) {
			return at
		}
		at = at.Add(time.Microsecond)
	}
	return time.Time{}
}

func (h *tanks) read(_ context.Context, ids []string, found func(string, Tank)) error {
	now := time.UnixMicro(h.clock.Now().UnixMicro())
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, id := range ids {
		if f, ok := h.flow[id]; ok {
			found(id, Tank{Level: f.levelAt(now), Low: f.reaches(entity.Less, 20, now).Equal(now)})
		}
	}
	return nil
}

func (h *tanks) forecast(_ context.Context, questions []entity.Question, answer func(int, time.Time)) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asks++
	for i, q := range questions {
		f, ok := h.flow[q.ID]
		switch {
		case !ok:
		case q.Field != "":
			answer(i, f.reaches(q.Comparison, q.Value, q.From))
		default:
			c := entity.Less
			if f.reaches(c, 20, q.From).Equal(q.From) {
				c = entity.AtLeast
			}
			answer(i, f.reaches(c, 20, q.From))
		}
	}
	return nil
}

// pour is a write: from now on the tank is at a level and loses so much a second.
func (h *tanks) pour(id string, level, loss float64) func(context.Context) error {
	return func(context.Context) error {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.flow[id] = flow{time.UnixMicro(h.clock.Now().UnixMicro()), level, loss}
		return nil
	}
}
