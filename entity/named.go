package entity

import (
	"context"
	"fmt"
	"time"
)

// watchKind is the kind of the firings of named watches: each is a Change of the watch.
const watchKind = "watch"

// edge is the state of a named watch: its last firing.
type edge struct {
	Condition string    `json:"condition"`
	At        time.Time `json:"at"`
	Value     string    `json:"value"` // JSON
}

// readFirings finds nothing: the registry itself writes these changes.
func readFirings(context.Context, []string, func(string, edge)) error { return nil }

// cursorRow is the row in which the holder of the timers keeps how far it is. Nobody else can use its name, which is
// blank.
const cursorRow = " "

// same reports whether two rows are one.
func (w WatchRow) same(other WatchRow) bool {
	at := w.At.Equal(other.At)
	w.At = other.At
	return at && w == other
}

// watchNamed registers a watch in the Log and subscribes fn to its firings.
func (reg *Registry) watchNamed(ctx context.Context, c Condition, nodes []armNode, fn func(context.Context, Firing) error, opts WatchOptions) (stop func(), err error) {
	name := opts.Name
	stop, err = reg.subscribe(&subscription{
		source: "watch " + name,
		match:  func(c *Change) bool { return c.Kind == watchKind && c.ID == name },
		deliver: func(ctx context.Context, c *Change) error {
			e, _ := c.Next.(*edge)
			if e == nil {
				return fmt.Errorf("entity: watch %q: firing %d cannot be decoded", c.ID, c.Version)
			}
			return fn(ctx, Firing{Watch: name, At: e.At, Version: c.Version, Value: readScalar(e.Value)})
		},
	}, opts.subscription())
	if err != nil {
		return nil, err
	}
	if err := reg.register(ctx, c, nodes, opts); err != nil {
		stop()
		return nil, fmt.Errorf("entity: register watch %q: %w", name, err)
	}
	return stop, nil
}

// register writes the row of a named watch, with its condition judged as of now, unless it is there.
func (reg *Registry) register(ctx context.Context, c Condition, nodes []armNode, opts WatchOptions) error {
	row := WatchRow{Name: opts.Name, Group: opts.Group, Condition: c.String()}
	for old, err := range reg.log.Watches(ctx, row.Name) {
		if err != nil {
			return err
		}
		if old.Condition == row.Condition && old.Group == row.Group {
			reg.timers.known(row.Name)
			return nil
		}
	}
	if err := reg.refreshWatched(ctx, nodes); err != nil {
		return err
	}
	position, _, err := reg.log.Last(ctx)
	if err != nil {
		return err
	}
	// A group that is new begins here, also where it is joined later, with Start.
	if _, err := reg.log.Positions(ctx, Group{row.Group, "watch " + row.Name}, position); err != nil {
		return err
	}
	a := newArm(nodes, row.Name, opts.kept(), nil)
	row.Position, row.At = position, reg.now()
	a.side = &side{row: row}
	if a.side.versions, err = reg.versions(ctx, nodes); err != nil {
		return err
	}
	if err := newBench(reg, micros(row.At), nil).judge(ctx, []*arm{a}); err != nil {
		return err
	}
	row.Progress = progress(a)
	value := reg.timers.values([]*arm{a}, nil)[a]
	return reg.log.InTx(ctx, func(ctx context.Context) error {
		heads, err := reg.log.Lock(ctx, watchKind, []string{row.Name})
		if err != nil {
			return err
		}
		for old, err := range reg.log.Watches(ctx, row.Name) { // somebody may have been faster
			if err != nil || old.Condition == row.Condition && old.Group == row.Group {
				return err
			}
		}
		if err := reg.log.PutWatch(ctx, Token{}, row); err != nil {
			return err
		}
		if a.fire {
			return reg.append(ctx, &heads[0], row.Condition, row.At, value, true)
		}
		return reg.append(ctx, &heads[0], row.Condition, row.At, nil, false)
	})
}

// versions are those of the entities of a condition's comparisons, of those that have been published last.
func (reg *Registry) versions(ctx context.Context, nodes []armNode) ([]int64, error) {
	var versions []int64
	for i := range nodes {
		n := &nodes[i]
		if !n.leaf() {
			continue
		}
		version := int64(0)
		for head, err := range reg.log.Heads(ctx, n.get.kind.name, []string{n.id}) {
			if err != nil {
				return nil, err
			}
			version = head.Version
		}
		versions = append(versions, version)
	}
	return versions, nil
}

// refreshWatched makes the Log know the entities that time changes and a named watch is about.
func (reg *Registry) refreshWatched(ctx context.Context, nodes []armNode) error {
	for i := range nodes {
		n := &nodes[i]
		if n.leaf() && n.get.kind.forecast != nil {
			op := &operation{kind: n.get.kind, mode: refreshing, actor: &system}
			if err := op.do(ctx, []string{n.id}); err != nil {
				return err
			}
		}
	}
	return nil
}

// append writes a nudge, so that the holder of the timers looks at the row, and before it a firing, if there is one.
func (reg *Registry) append(ctx context.Context, head *Head, condition string, at time.Time, value any, fires bool) error {
	k := reg.kind(watchKind)
	if at.Before(head.At) {
		at = head.At
	}
	c := Change{Kind: watchKind, ID: head.ID, Actor: System, At: at}
	var entries []Entry
	if fires {
		e, err := reg.firing(k, head, condition, at, value)
		if err != nil {
			return err
		}
		entries = append(entries, e)
		*head = e.Head
	}
	head.At = at
	entries = append(entries, Entry{Head: *head, Change: c})
	if reg.shared {
		reg.log.AfterCommit(ctx, reg.committed)
	}
	return reg.log.Append(ctx, entries)
}

// firing is the entry of a firing.
func (reg *Registry) firing(k *kind, head *Head, condition string, at time.Time, value any) (Entry, error) {
	prev, err := k.typed(head.Published)
	if err != nil {
		return Entry{}, err
	}
	next := &edge{Condition: condition, At: at, Value: jsonOf(value)}
	fields := k.shape.list(k.diff(prev, next))
	if at.Before(head.At) {
		at = head.At
	}
	c := Change{Kind: watchKind, ID: head.ID, Version: head.Version + 1, Prev: prev, Next: next, Fields: fields, Actor: Observed, At: at}
	return Entry{Head: Head{ID: head.ID, Version: c.Version, State: next, Published: next, At: at}, Transitions: fields, Change: c}, nil
}

// DropWatch ends a named watch for all processes, and deletes it from the Log. Its group stays, so that what has fired is
// handled; see DropGroup. ErrNotFound: there is none of that name. ErrInvalid: a blank name. ErrClosed: the Registry is
// closed.
func (reg *Registry) DropWatch(ctx context.Context, name string) error {
	if err := reg.check(); err != nil {
		return err
	}
	if err := checkName("name", name); err != nil {
		return err
	}
	return reg.log.InTx(ctx, func(ctx context.Context) error {
		heads, err := reg.log.Lock(ctx, watchKind, []string{name})
		if err != nil {
			return err
		}
		for _, err := range reg.log.Watches(ctx, name) {
			if err != nil {
				return err
			}
			if err := reg.log.DropWatch(ctx, name); err != nil {
				return err
			}
			return reg.append(ctx, &heads[0], "", reg.now(), nil, false)
		}
		return fmt.Errorf("%w: watch %q", ErrNotFound, name)
	})
}
