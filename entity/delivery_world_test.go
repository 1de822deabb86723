package entity_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slokeep/slokeep/entity"
)

// deliveryWorld is a host's data, a Log, and what was committed: the oracle of what must be delivered.
type deliveryWorld struct {
	t    testing.TB
	host *table[Order]
	log  entity.Log
	bus  entity.Bus

	mu        sync.Mutex
	committed map[string][]entity.Typed[Order] // by id
}

func newDeliveryWorld(t testing.TB, log entity.Log, bus entity.Bus) *deliveryWorld {
	return &deliveryWorld{t: t, host: newTable[Order](), log: log, bus: bus, committed: map[string][]entity.Typed[Order]{}}
}

// onEachDelivery runs a test in a bubble on a Memory, on a Log that is shared and polled, and on one with a Bus.
func onEachDelivery(t *testing.T, f func(t *testing.T, w *deliveryWorld)) {
	t.Helper()
	for _, c := range []struct {
		name string
		open func() (entity.Log, entity.Bus)
	}{
		{"on a Memory", func() (entity.Log, entity.Bus) { return entity.NewMemory(), nil }},
		{"on a shared Log", func() (entity.Log, entity.Bus) { return newSharedLog(), nil }},
		{"on a shared Log with a Bus", func() (entity.Log, entity.Bus) { return newSharedLog(), new(entity.LocalBus) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log, bus := c.open()
				f(t, newDeliveryWorld(t, log, bus))
			})
		})
	}
}

// onSharedDelivery runs a test in a bubble on a Log that is shared and polled.
func onSharedDelivery(t *testing.T, f func(t *testing.T, w *deliveryWorld)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, newDeliveryWorld(t, newSharedLog(), nil)) })
}

// deliveryProcess is a Registry of its own on the world's Log.
type deliveryProcess struct {
	*entity.Registry
	w      *deliveryWorld
	end    *sharedEnd // nil on a Memory
	orders *entity.Handle[Order]

	mu   sync.Mutex
	errs []error // that OnError heard
}

// process makes a process that the test ends, and that has not started.
func (w *deliveryWorld) process(opts entity.Options) *deliveryProcess {
	w.t.Helper()
	p := &deliveryProcess{w: w}
	opts.Log, opts.Bus = w.log, w.bus
	if w.log.Shared() {
		p.end = &sharedEnd{Log: w.log}
		opts.Log = p.end
	}
	opts.OnError = func(err error) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.errs = append(p.errs, err)
	}
	reg, err := entity.NewRegistry(&opts)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = reg.Close() })
	p.Registry, p.orders = reg, define(w.t, reg, "order", w.host.read, nil)
	return p
}

// begin makes a process and starts it.
func (w *deliveryWorld) begin() *deliveryProcess {
	w.t.Helper()
	p := w.process(entity.Options{})
	start(w.t, p.Registry)
	return p
}

func (p *deliveryProcess) on(handler func(context.Context, entity.Typed[Order]) error, opts *entity.SubscribeOptions) (stop func()) {
	p.w.t.Helper()
	stop, err := p.orders.OnChange(handler, opts)
	if err != nil {
		p.w.t.Fatal(err)
	}
	return stop
}

// told returns what OnError heard since the last call.
func (p *deliveryProcess) told() []error {
	p.mu.Lock()
	defer p.mu.Unlock()
	errs := p.errs
	p.errs = nil
	return errs
}

func (p *deliveryProcess) close() {
	p.w.t.Helper()
	if err := p.Close(); err != nil {
		p.w.t.Error(err)
	}
}

// write makes one change of an order, by a write that differs from all others.
func (p *deliveryProcess) write(ctx context.Context, id string) error {
	c, err := p.orders.Mutate(ctx, id, func(context.Context) error {
		p.w.host.mu.Lock()
		defer p.w.host.mu.Unlock()
		order := p.w.host.rows[id]
		order.Total++
		p.w.host.rows[id] = order
		return nil
	}, nil)
	if err != nil {
		return err
	}
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	p.w.committed[id] = append(p.w.committed[id], c)
	return nil
}

func (p *deliveryProcess) writes(ids ...string) {
	p.w.t.Helper()
	for _, id := range ids {
		if err := p.write(context.Background(), id); err != nil {
			p.w.t.Errorf("write %s: %v", id, err)
		}
	}
}

// want returns what was committed, by id, in the order of the Versions.
func (w *deliveryWorld) want() map[string][]entity.Typed[Order] {
	w.mu.Lock()
	defer w.mu.Unlock()
	want := map[string][]entity.Typed[Order]{}
	for id, list := range w.committed {
		want[id] = slices.SortedFunc(slices.Values(list), func(a, b entity.Typed[Order]) int { return int(a.Version - b.Version) })
	}
	return want
}

// deliveryLedger is what one subscriber was given.
type deliveryLedger struct {
	mu  sync.Mutex
	got []entity.Typed[Order]
	at  []time.Time
}

func (l *deliveryLedger) note(_ context.Context, c entity.Typed[Order]) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.got, l.at = append(l.got, c), append(l.at, time.Now())
	return nil
}

// failing notes each attempt, and fails on those that fails says.
func (l *deliveryLedger) failing(fails func(c entity.Typed[Order]) bool) func(context.Context, entity.Typed[Order]) error {
	return func(ctx context.Context, c entity.Typed[Order]) error {
		_ = l.note(ctx, c)
		if fails(c) {
			return errDelivery
		}
		return nil
	}
}

var errDelivery = errors.New("boom")

// versions returns "id version" of all that came, in its order.
func (l *deliveryLedger) versions() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []string
	for _, c := range l.got {
		list = append(list, fmt.Sprint(c.ID, " ", c.Version))
	}
	return list
}

// instants returns when things came, counted from an instant.
func (l *deliveryLedger) instants(from time.Time) []time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []time.Duration
	for _, at := range l.at {
		list = append(list, at.Sub(from))
	}
	return list
}

// forget empties the ledger.
func (l *deliveryLedger) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.got, l.at = nil, nil
}

// wants checks that a subscriber got all that was committed, those of each entity in their order, each once, or at least
// once: then a repetition is no more than that, and what is new comes in order.
func (l *deliveryLedger) wants(w *deliveryWorld, who string, once bool) {
	w.t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	got := map[string][]entity.Typed[Order]{}
	for _, c := range l.got {
		list := got[c.ID]
		if n := int64(len(list)); !once && c.Version <= n {
			c.Position = list[c.Version-1].Position
			if diff := cmp.Diff(list[c.Version-1], c); diff != "" {
				w.t.Errorf("%s: a repetition is another change (-first +again):\n%s", who, diff)
			}
			continue
		}
		got[c.ID] = append(list, c)
	}
	deliveryEqual(w.t, who, w.want(), got)
}

// deliveryEqual compares what was committed with what came. Positions are checked apart: they are given later.
func deliveryEqual(t testing.TB, who string, want, got map[string][]entity.Typed[Order]) {
	t.Helper()
	for _, id := range slices.Sorted(maps.Keys(got)) {
		list := slices.Clone(got[id])
		last := int64(0)
		for i := range list {
			c := &list[i]
			if c.Position <= last {
				t.Errorf("%s: %s %d has the Position %d after %d", who, id, c.Version, c.Position, last)
			}
			last = c.Position
			if c.Version != int64(i)+1 {
				t.Errorf("%s: %s %d came as number %d of its entity", who, id, c.Version, i+1)
			}
			if i > 0 && !cmp.Equal(list[i-1].Next, c.Prev) {
				t.Errorf("%s: the Prev of %s %d is not the Next of the one before", who, id, c.Version)
			}
			c.Position, c.Change.Prev, c.Change.Next = 0, nil, nil
		}
		got[id] = list
	}
	bare := map[string][]entity.Typed[Order]{}
	for id, list := range want {
		for _, c := range list {
			c.Change.Prev, c.Change.Next = nil, nil
			bare[id] = append(bare[id], c)
		}
	}
	if diff := cmp.Diff(bare, got); diff != "" {
		t.Errorf("%s: (-committed +delivered):\n%s", who, diff)
	}
}
