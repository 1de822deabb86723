package entity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
)

// Read is how a host gives the states of entities: it looks up the ids in its own database and calls found for each that
// exists, in any order. Called with the context of a transaction, it reads in that transaction; entitytest.CheckRead
// proves that it does. What it gives to found is copied. It must be safe for concurrent use.
type Read[S any] func(ctx context.Context, ids []string, found func(id string, state S)) error

// FromMap makes a Read of a function that returns a map.
func FromMap[S any](read func(ctx context.Context, ids []string) (map[string]S, error)) Read[S] {
	return func(ctx context.Context, ids []string, found func(id string, state S)) error {
		states, err := read(ctx, ids)
		for id, state := range states {
			found(id, state)
		}
		return err
	}
}

// KindOptions say more about a kind. The zero value of each is its default.
type KindOptions[S any] struct {
	// External says that others write to this kind's states too, without Mutate. It is then read once more before each
	// write, and what differs from what was published last is a Change of its own, by the actor Observed.
	External bool

	// Forecaster answers for what time alone does to the state. A kind with fields that drift must have one.
	Forecaster Forecaster

	// Redact takes out of a state what must not be seen: it is given a copy, before that goes into a Change, and ctx is the
	// writer's. States are compared as they were before, so that two secrets differ; the Log's head keeps them.
	Redact func(ctx context.Context, state *S) error
}

// Handle is a kind of entities, with states of type S. It is safe for concurrent use. A nil Handle is good for
// [WithWrite] and [WithRemove] alone.
type Handle[S any] struct{ kind *kind }

// kind is a Handle without its type. States are pointers to S in it.
type kind struct {
	reg      *Registry
	name     string
	typ      reflect.Type
	shape    *shape
	external bool
	forecast Forecaster
	read     func(ctx context.Context, r *reading) error
	redact   func(ctx context.Context, state any) (any, error)
	decode   func(raw []byte) (any, error)
	same     func(prev, next any) bool // whether == finds no difference; nil: it cannot be asked

	mu      sync.Mutex
	derives []func(c *Change) []string
}

// Define makes a kind of entities reactive. S is a struct: its exported fields, by their names in JSON, are what is
// compared, waited for and delivered, so each must be of a type that can be compared and that JSON brings back as it was.
// A nil slice or map equals an empty one, and times are equal that are the same instant. A type that encodes itself is
// compared by its method Equal, or by == where it has none. A field tagged
//
//	entity:"drifts"
//
// moves with time: it is in Prev and Next, but a change in it alone is not published, and the kind must have a
// Forecaster. A kind is defined once, before Start where it has a Forecaster.
//
// ErrInvalid: a blank name, a nil read, an S that is no struct or has a field as above. ErrConflict: a kind of that name
// is there. ErrClosed: the Registry is closed.
func Define[S any](reg *Registry, name string, read Read[S], opts *KindOptions[S]) (*Handle[S], error) {
	if name == watchKind {
		return nil, fmt.Errorf("%w: kind %q is the registry's own", ErrConflict, name)
	}
	return define(reg, name, read, opts)
}

func define[S any](reg *Registry, name string, read Read[S], opts *KindOptions[S]) (*Handle[S], error) {
	if opts == nil {
		opts = &KindOptions[S]{}
	}
	if err := checkName("kind", name); err != nil {
		return nil, err
	}
	if read == nil {
		return nil, invalid("kind "+quote(name)+": read", "nil", "a function")
	}
	shape, err := shapeOf(reflect.TypeFor[S]())
	if err != nil {
		return nil, fmt.Errorf("kind %q: %w", name, err)
	}
	if shape.drift != (fieldSet{}) && opts.Forecaster == nil {
		return nil, invalid("kind "+quote(name)+": Forecaster", "nil",
			"one, since fields drift: "+strings.Join(shape.list(shape.drift), ", "))
	}
	k := &kind{reg: reg, name: name, typ: reflect.TypeFor[S](), shape: shape, external: opts.External, forecast: opts.Forecaster}
	k.read = func(ctx context.Context, r *reading) error {
		return read(ctx, r.ids, func(id string, state S) {
			if shape.refs {
				given := state
				shape.clone(&state, &given)
			}
			r.found(id, &state)
		})
	}
	if opts.Redact != nil {
		k.redact = func(ctx context.Context, state any) (any, error) {
			redacted := *state.(*S)
			shape.clone(&redacted, state)
			err := guard(func() error { return opts.Redact(ctx, &redacted) })
			return &redacted, err
		}
	}
	if k.typ.Comparable() {
		k.same = func(prev, next any) bool { return any(*prev.(*S)) == any(*next.(*S)) }
	}
	k.decode = func(raw []byte) (any, error) {
		state := new(S)
		if err := json.Unmarshal(raw, state); err != nil {
			return nil, err
		}
		return state, nil
	}
	if err := reg.add(k); err != nil {
		return nil, err
	}
	return &Handle[S]{k}, nil
}

func (reg *Registry) add(k *kind) error {
	if err := reg.check(); err != nil {
		return err
	}
	reg.mu.Lock()
	defer reg.mu.Unlock()
	if reg.kinds[k.name] != nil {
		return fmt.Errorf("%w: kind %q is defined already", ErrConflict, k.name)
	}
	if k.forecast != nil && reg.state == started {
		return fmt.Errorf("%w: kind %q has a Forecaster: want it defined before Start", ErrConflict, k.name)
	}
	reg.kinds[k.name] = k
	return nil
}

// kind returns a kind by its name, nil where there is none.
func (reg *Registry) kind(name string) *kind {
	reg.mu.Lock()
	defer reg.mu.Unlock()
	return reg.kinds[name]
}

// Kind returns the name that the Handle was defined with.
func (h *Handle[S]) Kind() string { return h.kind.name }

// Get reads one entity. ErrNotFound: it does not exist. ErrRead: read broke its contract. Other errors are read's.
func (h *Handle[S]) Get(ctx context.Context, id string) (S, error) {
	var none S
	if err := checkID("id", id); err != nil {
		return none, err
	}
	states, err := h.kind.get(ctx, []string{id})
	if err != nil {
		return none, err
	}
	if states[0] == nil {
		return none, fmt.Errorf("%w: %s %q", ErrNotFound, h.kind.name, id)
	}
	return *states[0].(*S), nil
}

// GetMany reads entities with one call of read. Those that do not exist are not in the map. No ids: an empty map, and
// read is not called.
func (h *Handle[S]) GetMany(ctx context.Context, ids []string) (map[string]S, error) {
	ids, err := distinct(ids)
	if err != nil {
		return nil, err
	}
	states, err := h.kind.get(ctx, ids)
	if err != nil {
		return nil, err
	}
	found := make(map[string]S, len(ids))
	for i, state := range states {
		if state != nil {
			found[ids[i]] = *state.(*S)
		}
	}
	return found, nil
}

// Version returns the Version of the entity's last Change: 0 where none was published.
func (h *Handle[S]) Version(ctx context.Context, id string) (int64, error) {
	if err := checkID("id", id); err != nil {
		return 0, err
	}
	if err := h.kind.reg.check(); err != nil {
		return 0, err
	}
	for head, err := range h.kind.reg.log.Heads(ctx, h.kind.name, []string{id}) {
		return head.Version, err
	}
	return 0, nil
}

// distinct sorts ids, and checks them.
func distinct(ids []string) ([]string, error) {
	for _, id := range ids {
		if err := checkID("id", id); err != nil {
			return nil, err
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(ids))), nil
}

// reading is one call of a Read.
type reading struct {
	ids    []string // sorted, distinct
	states []any    // of the ids, nil where they do not exist
	err    error
}

// of returns the state of one of the ids.
func (r *reading) of(id string) any {
	i, _ := slices.BinarySearch(r.ids, id)
	return r.states[i]
}

// found takes what a Read gives.
func (r *reading) found(id string, state any) {
	i, ok := 0, true
	if len(r.ids) != 1 || r.ids[0] != id {
		i, ok = slices.BinarySearch(r.ids, id)
	}
	switch {
	case r.err != nil:
	case !ok:
		r.err = fmt.Errorf("%w: it found %s, which nobody asked for", ErrRead, quote(id))
	case r.states[i] != nil:
		r.err = fmt.Errorf("%w: it found %s twice", ErrRead, quote(id))
	default:
		r.states[i] = state
	}
}

// look fills r.states.
func (k *kind) look(ctx context.Context, r *reading) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%w: read of %s: %w", ErrRead, k.name, &PanicError{v, debug.Stack()})
		}
	}()
	clear(r.states)
	r.err = nil
	if err := k.read(ctx, r); err != nil {
		return fmt.Errorf("entity: read of %s: %w", k.name, err)
	}
	if r.err != nil {
		return fmt.Errorf("kind %q: %w", k.name, r.err)
	}
	return nil
}

func (k *kind) get(ctx context.Context, ids []string) ([]any, error) {
	if err := k.reg.check(); err != nil {
		return nil, err
	}
	r := reading{ids: ids, states: make([]any, len(ids))}
	if len(ids) == 0 {
		return r.states, nil
	}
	return r.states, k.look(ctx, &r)
}

// typed gives the states of a Change that came from a Log that stores bytes their type, where the kind is defined. Where
// one cannot be decoded, both stay bytes: with one alone it would look like a creation or a removal.
func (reg *Registry) typed(c *Change) error {
	k := reg.kind(c.Kind)
	if k == nil {
		return nil
	}
	prev, errPrev := k.typed(c.Prev)
	next, errNext := k.typed(c.Next)
	if err := errors.Join(errPrev, errNext); err != nil {
		return fmt.Errorf("entity: change %d of %s %q: %w", c.Version, c.Kind, c.ID, err)
	}
	c.Prev, c.Next = prev, next
	return nil
}

// typed decodes a state that a Log gave back as bytes.
func (k *kind) typed(state any) (any, error) {
	raw, ok := state.(json.RawMessage)
	if !ok {
		return state, nil
	}
	return k.decode(raw)
}

// snapshot is a copy of the kinds.
func (reg *Registry) snapshot() map[string]*kind {
	reg.mu.Lock()
	defer reg.mu.Unlock()
	return maps.Clone(reg.kinds)
}

// diff returns the fields that differ. Where == finds none, there is none.
func (k *kind) diff(prev, next any) fieldSet {
	if k.same != nil && prev != nil && next != nil && k.same(prev, next) {
		return fieldSet{}
	}
	return k.shape.diff(prev, next)
}
