package entity

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

// MutateOptions say more about a write. The zero value of each is its default.
type MutateOptions struct {
	// Actor is who writes; zero: System. Type and ID have at most 256 bytes, Name 16 KiB, of UTF-8 without NUL.
	Actor Actor
}

// Mutate runs the host's own write of one entity and publishes what it changed: in one transaction of the Log the entity
// is locked, write runs, its state is read, and where that differs from what was published last, a Change is appended.
// The Change that is returned has no Position yet. Where nothing differs, the write stands, nothing is published, and
// the Version returned is 0.
//
// write does its work on the transaction of the ctx that it is given. An error of it, or a panic, undoes everything, and
// nothing is published. Mutate of an entity inside of its own write is part of it: there is one Change, the outermost's.
//
// Of an entity of which nothing was ever published, the state before the write is what read says. ErrInvalid: the id, the
// Actor, a nil write, or a state that cannot be encoded; ErrRead: read broke its contract; ErrConflict: the transaction
// lost a wait for a lock, and may be tried again.
func (h *Handle[S]) Mutate(ctx context.Context, id string, write func(context.Context) error, opts *MutateOptions) (Typed[S], error) {
	return h.one(ctx, id, write, opts, writing)
}

// Remove is Mutate for a write that deletes the entity. The Change has a nil Next. ErrRead: after the write, read still
// finds it. Of an entity that does not exist nothing is published.
func (h *Handle[S]) Remove(ctx context.Context, id string, write func(context.Context) error, opts *MutateOptions) (Typed[S], error) {
	return h.one(ctx, id, write, opts, removing)
}

// MutateMany is Mutate for a write that changes several entities, with one read for all. It returns what was published,
// by id. No ids: write runs in a transaction, and nothing is published.
func (h *Handle[S]) MutateMany(ctx context.Context, ids []string, write func(context.Context) error, opts *MutateOptions) ([]Typed[S], error) {
	ids, err := distinct(ids)
	if err != nil {
		return nil, err
	}
	op := &operation{kind: h.kind, write: write, mode: writing, actor: actorOf(opts)}
	if err := op.do(ctx, ids); err != nil {
		return nil, err
	}
	var changes []Typed[S]
	for i := range op.entries {
		if c := &op.entries[i].Change; c.Version > 0 && i >= op.observed {
			changes = append(changes, typedChange[S](c))
		}
	}
	return changes, nil
}

// Refresh publishes what has become of entities that nobody wrote to, but whose computed state may have moved on. It
// reads all with one call, in one transaction. An entity that the Log has not seen yet is taken as it is: only what
// comes after is published.
func (h *Handle[S]) Refresh(ctx context.Context, ids ...string) error {
	ids, err := distinct(ids)
	if err != nil {
		return err
	}
	op := &operation{kind: h.kind, mode: refreshing, actor: &system}
	return op.do(ctx, ids)
}

// WithWrite is h.Mutate without a Change to return. With a nil Handle it just runs write, so that the code of a host can
// do without entities.
func WithWrite[S any](ctx context.Context, h *Handle[S], id string, write func(context.Context) error) error {
	if h == nil {
		return alone(ctx, write)
	}
	_, err := h.Mutate(ctx, id, write, nil)
	return err
}

// WithRemove is h.Remove without a Change to return. With a nil Handle it just runs write.
func WithRemove[S any](ctx context.Context, h *Handle[S], id string, write func(context.Context) error) error {
	if h == nil {
		return alone(ctx, write)
	}
	_, err := h.Remove(ctx, id, write, nil)
	return err
}

func alone(ctx context.Context, write func(context.Context) error) error {
	if write == nil {
		return noWrite()
	}
	return write(ctx)
}

func noWrite() error { return invalid("write", "nil", "a function") }

func (h *Handle[S]) one(ctx context.Context, id string, write func(context.Context) error, opts *MutateOptions, mode mode) (Typed[S], error) {
	if err := checkID("id", id); err != nil {
		return Typed[S]{}, err
	}
	op := &operation{kind: h.kind, write: write, mode: mode, actor: actorOf(opts)}
	op.room.ids[0] = id
	if err := op.do(ctx, op.room.ids[:]); err != nil {
		return Typed[S]{}, err
	}
	var change Typed[S]
	if n := len(op.entries); n > op.observed && op.entries[n-1].Change.Version > 0 {
		change = typedChange[S](&op.entries[n-1].Change)
	}
	op.giveBack()
	return change, nil
}

func typedChange[S any](c *Change) Typed[S] {
	t, _ := As[S](*c)
	return t
}

func actorOf(opts *MutateOptions) *Actor {
	if opts == nil || opts.Actor == (Actor{}) {
		return &system
	}
	return &opts.Actor
}

type mode int

const (
	writing mode = iota
	removing
	refreshing
)

// operation is one Mutate, Remove, MutateMany or Refresh, and the context that its write gets.
type operation struct {
	context.Context
	kind   *kind
	write  func(context.Context) error
	mode   mode
	actor  *Actor
	at     int64 // in microseconds; 0: now
	parent *operation

	reading
	heads    []Head
	entries  []Entry
	lent     *[2]Entry // the memory of entries, of entryRooms; nil: its own
	looked   time.Time // before the states were read
	observed int       // entries before the write's own

	room struct { // for one entity, so that it needs no more memory
		ids    [1]string
		states [1]any
	}
}

type operationKey struct{ reg *Registry }

// Value makes the operation known to those inside of its write.
func (op *operation) Value(key any) any {
	if key == (operationKey{op.kind.reg}) {
		return op
	}
	return op.Context.Value(key)
}

// do runs the operation on ids, which are sorted and distinct.
func (op *operation) do(ctx context.Context, ids []string) error {
	reg := op.kind.reg
	if err := reg.check(); err != nil {
		return err
	}
	if op.write == nil && op.mode != refreshing {
		return noWrite()
	}
	if op.actor != &system && op.actor != &observed {
		if err := op.actor.check(); err != nil {
			return err
		}
	}
	op.parent, _ = ctx.Value(operationKey{reg}).(*operation)
	if op.parent != nil {
		ids = op.parent.others(op.kind, ids)
	}
	op.ids = ids
	if len(ids) == 0 && op.mode == refreshing {
		return nil
	}
	op.states = op.room.states[:]
	if len(ids) != 1 {
		op.states = make([]any, len(ids))
	}
	return reg.log.InTx(ctx, op.run)
}

// others leaves out the entities that an operation around this one is at work on: they are its affair.
func (op *operation) others(k *kind, ids []string) []string {
	for ; op != nil; op = op.parent {
		if op.kind == k {
			ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return slices.Contains(op.ids, id) })
		}
	}
	return ids
}

// run is what happens in the transaction. Types that compare or encode themselves may panic in it.
func (op *operation) run(ctx context.Context) (err error) {
	k := op.kind
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("entity: compare states of %s: %w", k.name, &PanicError{v, debug.Stack()})
		}
	}()
	if len(op.ids) == 0 {
		return op.runWrite(ctx)
	}
	heads, err := k.reg.log.Lock(ctx, k.name, op.ids)
	if err != nil {
		return err
	}
	op.heads = heads
	for i := range heads {
		if err := k.understand(&heads[i]); err != nil { // what read says is then taken for what was published
			k.reg.failed(fmt.Errorf("entity: the last published state of %s %q is forgotten: %w", k.name, op.ids[i], err))
			heads[i] = Head{ID: op.ids[i], Version: heads[i].Version}
		}
	}
	if op.mode != refreshing {
		if err := op.before(ctx); err != nil {
			return err
		}
		if err := op.runWrite(ctx); err != nil {
			return err
		}
	}
	op.looked = k.reg.now()
	if err := k.look(ctx, &op.reading); err != nil {
		return err
	}
	for i := range op.ids {
		if op.mode == removing && op.states[i] != nil {
			return fmt.Errorf("%w: kind %q: it finds %s after its removal in the same transaction", ErrRead, k.name, quote(op.ids[i]))
		}
		if err := op.publish(ctx, i, *op.actor); err != nil {
			return err
		}
	}
	if len(op.entries) == 0 {
		return nil
	}
	if k.reg.shared {
		k.reg.log.AfterCommit(ctx, k.reg.committed)
	}
	return k.reg.log.Append(ctx, op.entries)
}

// before finds out how the entities were before the write, where the Log does not know.
func (op *operation) before(ctx context.Context) error {
	k := op.kind
	if !k.external && !slices.ContainsFunc(op.heads, func(h Head) bool { return h.At.IsZero() }) {
		return nil
	}
	op.looked = k.reg.now()
	if err := k.look(ctx, &op.reading); err != nil {
		return err
	}
	for i := range op.heads {
		head := &op.heads[i]
		if head.At.IsZero() {
			published, err := k.published(ctx, op.states[i])
			if err != nil {
				return err
			}
			head.State, head.Published = op.states[i], published
			continue
		}
		if k.external {
			if err := op.publish(ctx, i, Observed); err != nil {
				return err
			}
		}
	}
	op.observed = len(op.entries)
	return nil
}

// runWrite runs the host's write, so that operations inside of it know this one.
func (op *operation) runWrite(ctx context.Context) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("entity: write of %s: %w", op.kind.name, &PanicError{v, debug.Stack()})
		}
	}()
	op.Context = ctx
	return op.write(op)
}

// understand gives the states of a head their type. It fails where a Log has kept what this kind's struct can no longer
// hold, since a field got another type.
func (k *kind) understand(head *Head) (err error) {
	if head.State, err = k.typed(head.State); err != nil {
		return err
	}
	head.Published, err = k.typed(head.Published)
	return err
}

// publish compares the state of entity i with its head and makes an entry of what differs.
func (op *operation) publish(ctx context.Context, i int, actor Actor) error {
	k, head, next := op.kind, &op.heads[i], op.states[i]
	prev := head.State
	differ := k.diff(prev, next)
	moved := differ.without(k.shape.drift)
	unseen := head.At.IsZero()
	switch {
	case unseen && op.mode == refreshing:
		if next == nil {
			return nil
		}
		return op.nudge(ctx, i, next)
	case prev == nil && next == nil:
		return nil
	case moved == fieldSet{} && prev != nil && next != nil:
		// What comes may be another thing, even where the present is the same; but time, by itself, brings what was forecast.
		if k.forecast == nil || differ == (fieldSet{}) && op.at != 0 {
			return nil
		}
		return op.nudge(ctx, i, nil)
	}
	published, err := k.published(ctx, next)
	if err != nil {
		return err
	}
	at := op.instant(head)
	fields := moved
	if prev == nil || next == nil {
		fields = differ
	}
	c := Change{
		Kind: k.name, ID: op.ids[i], Version: head.Version + 1, Prev: head.Published, Next: published,
		Fields: k.shape.list(fields), Actor: actor, At: at,
	}
	*head = Head{ID: op.ids[i], Version: c.Version, State: next, Published: published, At: at}
	transitions := c.Fields
	if fields != moved {
		transitions = k.shape.list(moved)
	}
	op.add(Entry{Head: *head, Transitions: transitions, Change: c})
	return nil
}

// nudge makes an entry that publishes nothing, and makes timers and watches look again. With a state it is the first that
// the Log sees of the entity.
func (op *operation) nudge(ctx context.Context, i int, state any) error {
	head := &op.heads[i]
	at := op.instant(head)
	if state != nil {
		published, err := op.kind.published(ctx, state)
		if err != nil {
			return err
		}
		*head = Head{ID: op.ids[i], Version: head.Version, State: state, Published: published}
	}
	head.At = at
	c := Change{Kind: op.kind.name, ID: op.ids[i], Actor: *op.actor, At: at, Prev: head.Published, Next: head.Published}
	op.add(Entry{Head: *head, Change: c})
	return nil
}

// entryRooms is memory for the entries of operations on one entity, which no Log keeps.
var entryRooms = sync.Pool{New: func() any { return new([2]Entry) }}

func (op *operation) add(e Entry) {
	if op.entries == nil && len(op.ids) == 1 {
		op.lent = entryRooms.Get().(*[2]Entry)
		op.entries = op.lent[:0]
	}
	op.entries = append(op.entries, e)
}

// giveBack ends the use of the entries.
func (op *operation) giveBack() {
	if op.lent != nil {
		op.entries, *op.lent = nil, [2]Entry{}
		entryRooms.Put(op.lent)
	}
}

// instant is when the write is made: never before the entity's last change.
func (op *operation) instant(head *Head) time.Time {
	at := fromMicros(op.at)
	if op.at == 0 {
		at = op.looked
	}
	if at.Before(head.At) {
		return head.At
	}
	return at
}

// published checks a state and returns what others may see of it.
func (k *kind) published(ctx context.Context, state any) (any, error) {
	if state == nil {
		return nil, nil
	}
	if err := k.shape.check(state); err != nil {
		return nil, fmt.Errorf("%w: state of %s: %w", ErrInvalid, k.name, err)
	}
	if k.redact == nil {
		return state, nil
	}
	redacted, err := k.redact(ctx, state)
	if err != nil {
		return nil, fmt.Errorf("entity: redact a state of %s: %w", k.name, err)
	}
	if err := k.shape.check(redacted); err != nil {
		return nil, fmt.Errorf("%w: redacted state of %s: %w", ErrInvalid, k.name, err)
	}
	return redacted, nil
}
