package entitytest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/slokeep/slokeep/entity"
)

// kind is the kind of the suite's entities, where a law needs no second one.
const kind = "order"

// field is the field of State whose transitions the suite writes.
const field = "name"

// state is the state of the suite's entities.
type state struct {
	Name   string   `json:"name"`
	Amount int64    `json:"amount"`
	Tags   []string `json:"tags,omitempty"`
}

// errBoom is the error of functions that fail.
var errBoom = errors.New("boom")

// errGone is the outcome of a goroutine that ended without a result.
var errGone = errors.New("the goroutine ended")

// at is an instant, some minutes after the suite's noon.
func at(minutes int) time.Time {
	return time.Date(2026, time.March, 2, 12, minutes, 0, 123456000, time.UTC)
}

// named is a state.
func named(name string) *state { return &state{Name: name} }

// must ends the check where err is not nil.
func (w *world) must(what string, err error) {
	w.Helper()
	if err != nil {
		w.Fatalf("%s: %v", what, err)
	}
}

// same reports a difference between two values as JSON shows them, without regard to the order of keys and to the
// difference of an empty list from none.
func (w *world) same(what string, got, want any) {
	w.Helper()
	if g, c := canonical(got), canonical(want); g != c {
		w.Errorf("%s:\n got %s\nwant %s", what, g, c)
	}
}

func canonical(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprintf("%#v: %v", v, err)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var tree any
	if err := d.Decode(&tree); err != nil {
		return fmt.Sprintf("%s: %v", data, err)
	}
	data, err = json.Marshal(withoutEmpty(tree))
	if err != nil {
		return fmt.Sprintf("%#v: %v", tree, err)
	}
	return string(data)
}

// withoutEmpty turns empty lists into nil.
func withoutEmpty(v any) any {
	switch v := v.(type) {
	case []any:
		if len(v) == 0 {
			return nil
		}
		for i := range v {
			v[i] = withoutEmpty(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = withoutEmpty(v[key])
		}
	}
	return v
}

// collect takes a listing that must not fail.
func collect[T any](w *world, what string, seq iter.Seq2[T, error]) []T {
	w.Helper()
	var list []T
	for v, err := range seq {
		w.must(what, err)
		list = append(list, v)
	}
	return list
}

// tx runs fn in a transaction that must commit.
func (w *world) tx(fn func(ctx context.Context) error) {
	w.Helper()
	w.must("InTx", w.log.InTx(w.ctx, fn))
}

// write is what a Registry does: it locks an entity and appends its next version. nil removes it.
func write(ctx context.Context, l entity.Log, id string, next *state, at time.Time) error {
	heads, err := l.Lock(ctx, kind, []string{id})
	if err != nil {
		return fmt.Errorf("locking %q: %w", id, err)
	}
	if len(heads) != 1 || heads[0].ID != id {
		return fmt.Errorf("locking %q returned %+v", id, heads)
	}
	e, err := entry(heads[0], next, at)
	if err != nil {
		return err
	}
	if err := l.Append(ctx, []entity.Entry{e}); err != nil {
		return fmt.Errorf("appending %q: %w", id, err)
	}
	return nil
}

// entry is what a Registry appends to go on from a head. The name is what differs.
func entry(head entity.Head, next *state, at time.Time) (entity.Entry, error) {
	prev, err := decode(head.Published)
	c := entity.Change{
		Kind: kind, ID: head.ID, Version: head.Version + 1, Fields: []string{field}, Actor: entity.System, At: at,
	}
	if prev != nil {
		c.Prev = prev
	}
	if next != nil {
		c.Next = next
	}
	h := entity.Head{ID: head.ID, Version: c.Version, State: c.Next, Published: c.Next, At: at}
	return entity.Entry{Head: h, Transitions: []string{field}, Change: c}, err
}

// decode gives a state that a Log gave back its type.
func decode(v any) (*state, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case *state:
		return v, nil
	case json.RawMessage:
		s := new(state)
		err := json.Unmarshal(v, s)
		return s, err
	}
	return nil, fmt.Errorf("a state came back as %T: want what was given, or json.RawMessage, or nil", v)
}

// publish writes an entity in a transaction of its own.
func (w *world) publish(id string, next *state, at time.Time) {
	w.Helper()
	w.tx(func(ctx context.Context) error { return write(ctx, w.log, id, next, at) })
}

// heads lists heads as others see them; no ids are all.
func (w *world) heads(ids ...string) []entity.Head {
	w.Helper()
	return collect(w, "Heads", w.other.Heads(w.ctx, kind, ids))
}

// names lists the names of the entities that others see, in place of those that do not exist "".
func (w *world) names(ids ...string) []string {
	w.Helper()
	list, err := names(w.other.Heads(w.ctx, kind, ids))
	w.must("Heads", err)
	return list
}

func names(heads iter.Seq2[entity.Head, error]) ([]string, error) {
	var list []string
	for h, err := range heads {
		if err != nil {
			return nil, err
		}
		s, err := decode(h.State)
		if err != nil {
			return nil, err
		}
		if s == nil {
			s = new(state)
		}
		list = append(list, s.Name)
	}
	return list, nil
}

// intervals lists the intervals of an entity's name.
func (w *world) intervals(id string, since time.Time) []entity.Interval {
	w.Helper()
	return collect(w, "Intervals", w.other.Intervals(w.ctx, kind, id, field, since))
}

// token takes a lease for long.
func (w *world) token(name string) entity.Token {
	w.Helper()
	t := w.lease("suite", time.Hour, name)[0]
	if t.Number == 0 {
		w.Fatalf("Lease of %q: it is free, and was not given", name)
	}
	return t
}

func (w *world) lease(holder string, ttl time.Duration, names ...string) []entity.Token {
	w.Helper()
	tokens, err := w.log.Lease(w.ctx, names, holder, ttl)
	w.must("Lease", err)
	if len(tokens) != len(names) {
		w.Fatalf("Lease of %q: %d tokens", names, len(tokens))
	}
	return tokens
}

// deliver brings what has committed into the feed, where that does not happen by itself.
func (w *world) deliver() {
	w.Helper()
	if w.log.Shared() {
		w.must("Relay", relay(w.ctx, w.log, w.token(entity.LeaseRelay)))
	}
}

// relay relays until the outbox is empty.
func relay(ctx context.Context, l entity.Log, t entity.Token) error {
	const limit = 100
	for {
		n, err := l.Relay(ctx, t, limit)
		if err != nil || n < limit {
			return err
		}
	}
}

// changes lists what is in the feed after a Position.
func (w *world) changes(after int64) []entity.Change {
	w.Helper()
	return collect(w, "Changes", w.other.Changes(w.ctx, after))
}

// feed delivers and lists all changes, as "id version".
func (w *world) feed() []string {
	w.Helper()
	w.deliver()
	return short(w.changes(0))
}

func short(changes []entity.Change) []string {
	list := make([]string, len(changes))
	for i, c := range changes {
		list[i] = fmt.Sprint(c.ID, " ", c.Version)
	}
	return list
}

// nothing checks that none of a write to an entity is there, and that it can be written.
func (w *world) nothing(id string) {
	w.Helper()
	for _, h := range w.heads(id) {
		if h.Version != 0 || h.State != nil {
			w.Errorf("the head of %q is there: %s", id, canonical(h))
		}
	}
	w.same("the intervals of "+id, w.intervals(id, time.Time{}), nil)
	w.same("the feed", w.feed(), nil)
	w.free(id)
}

// free checks that nobody holds the lock of an entity.
func (w *world) free(id string) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, w.patience)
	defer cancel()
	w.must("a transaction that locks "+id, w.other.InTx(ctx, func(ctx context.Context) error {
		_, err := w.other.Lock(ctx, kind, []string{id})
		return err
	}))
}

// async runs f in a goroutine, and gives its outcome.
func (w *world) async(f func() error) <-chan error {
	outcome := make(chan error, 1)
	w.background.Go(func() {
		err := errGone
		defer func() {
			if v := recover(); v != nil {
				err = fmt.Errorf("panic: %v", v)
			}
			outcome <- err
		}()
		err = f()
	})
	return outcome
}

// within waits for an outcome as long as the suite's patience lasts.
func (w *world) within(what string, outcome <-chan error) error {
	w.Helper()
	select {
	case err := <-outcome:
		return err
	case <-time.After(w.patience):
		w.Fatalf("%s: nothing happened within %v", what, w.patience)
		return nil
	}
}

// soon waits for a signal for a moment, and reports whether it came. That it does not come is nothing wrong.
func (w *world) soon(signal <-chan struct{}) bool {
	select {
	case <-signal:
		return true
	case <-time.After(w.moment()):
		return false
	}
}

// until polls until done reports true.
func (w *world) until(what string, done func() bool) {
	w.Helper()
	for end := time.Now().Add(w.patience); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			w.Fatalf("%s: not within %v", what, w.patience)
		}
	}
}
