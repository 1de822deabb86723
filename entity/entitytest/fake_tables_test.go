package entitytest

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/slokeep/slokeep/entity"
)

// listing yields a list.
func listing[T any](list []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, v := range list {
			if !yield(v, nil) {
				return
			}
		}
	}
}

func (f *fakeLog) Heads(ctx context.Context, kind string, ids []string) iter.Seq2[entity.Head, error] {
	view := f.view(ctx)
	if f.fault == "heads show what has not committed" && f.tx(ctx) == nil {
		f.mu.Lock()
		for _, tx := range f.open {
			view = tx.on(view)
		}
		f.mu.Unlock()
	}
	var list []entity.Head
	for key, h := range view.heads {
		if key.kind == kind && (ids == nil || slices.Contains(ids, key.id)) {
			list = append(list, h)
		}
	}
	slices.SortFunc(list, func(a, b entity.Head) int { return strings.Compare(a.ID, b.ID) })
	return listing(list)
}

func (f *fakeLog) Append(ctx context.Context, entries []entity.Entry) error {
	if f.tx(ctx) == nil {
		return entity.ErrInvalid
	}
	if f.fault != "an append keeps its entries" {
		entries = slices.Clone(entries)
		for i := range entries {
			e := &entries[i]
			e.Transitions, e.Change.Fields = slices.Clone(e.Transitions), slices.Clone(e.Change.Fields)
		}
	}
	seq := f.seq.Add(int64(len(entries))) - int64(len(entries))
	return f.write(ctx, func(t *tables) error {
		for i, e := range entries {
			t.append(e, seq+int64(i)+1)
		}
		return nil
	})
}

func (t *tables) append(e entity.Entry, seq int64) {
	h, c := e.Head, e.Change
	h.State, h.Published, h.At = stored(h.State), stored(h.Published), instant(h.At)
	c.Prev, c.Next, c.At, c.Position = stored(c.Prev), stored(c.Next), instant(c.At), 0
	t.heads[lockKey{c.Kind, h.ID}] = h
	for _, field := range e.Transitions {
		key := fieldKey{c.Kind, h.ID, field}
		if list := t.intervals[key]; len(list) > 0 && list[len(list)-1].Until.IsZero() {
			list[len(list)-1].Until = c.At
		}
		if h.State != nil {
			t.intervals[key] = append(t.intervals[key], entity.Interval{Since: c.At})
		}
	}
	t.outbox = append(t.outbox, outboxRow{seq, c})
}

func (f *fakeLog) Intervals(ctx context.Context, kind, id, field string, since time.Time) iter.Seq2[entity.Interval, error] {
	if f.fault == "a transaction does not see its intervals" {
		ctx = context.Background()
	}
	var list []entity.Interval
	for _, v := range slices.Backward(f.view(ctx).intervals[fieldKey{kind, id, field}]) {
		if !v.Since.Before(since) || v.Until.IsZero() || v.Until.After(since) {
			list = append(list, v)
		}
	}
	return listing(list)
}

func (f *fakeLog) Relay(ctx context.Context, t entity.Token, limit int) (n int, err error) {
	err = f.write(ctx, func(data *tables) error {
		if err := f.holds(data, t, "the relay asks for no token"); err != nil {
			return err
		}
		if f.fault == "the relay keeps a place in the outbox" {
			data.outbox = slices.DeleteFunc(data.outbox, func(r outboxRow) bool { return r.seq <= data.seen })
		}
		n = f.relay(data, min(limit, len(data.outbox)))
		return nil
	})
	return n, err
}

func (f *fakeLog) relay(data *tables, n int) int {
	for _, row := range data.outbox[:n] {
		if f.fault == "the last position is that of the newest change" {
			data.last = 0
			if len(data.feed) > 0 {
				data.last = data.feed[len(data.feed)-1].Position
			}
		}
		data.last++
		row.change.Position = data.last
		data.feed = append(data.feed, row.change)
		data.seen = max(data.seen, row.seq)
	}
	data.outbox = data.outbox[n:]
	return n
}

// holds checks a token, where that is not what is broken.
func (f *fakeLog) holds(data *tables, t entity.Token, fault string) error {
	l, ok := data.leases[t.Name]
	switch {
	case f.fault == fault:
		return nil
	case f.fault == "a token is good for all leases":
		for _, l := range data.leases {
			if l.number == t.Number {
				return nil
			}
		}
	case f.fault == "a token ends with its ttl" && !l.until.After(time.Now()):
		return entity.ErrLeaseLost
	}
	if !ok || l.number != t.Number {
		return fmt.Errorf("lease %q: %w", t.Name, entity.ErrLeaseLost)
	}
	return nil
}

func (f *fakeLog) Changes(ctx context.Context, after int64) iter.Seq2[entity.Change, error] {
	feed := f.view(ctx).feed
	i := slices.IndexFunc(feed, func(c entity.Change) bool { return c.Position > after })
	if i < 0 {
		i = len(feed)
	}
	return listing(feed[i:])
}

func (f *fakeLog) Last(ctx context.Context) (int64, bool, error) {
	view := f.view(ctx)
	return view.last, len(view.outbox) == 0, nil
}

func (f *fakeLog) Trim(ctx context.Context, t entity.Token, before time.Time) error {
	return f.write(ctx, func(data *tables) error {
		if err := f.holds(data, t, "trimming asks for no token"); err != nil {
			return err
		}
		data.feed = slices.DeleteFunc(data.feed, func(c entity.Change) bool {
			passed := int64(math.MaxInt64)
			if f.fault != "trimming asks no group" {
				for _, positions := range data.groups {
					passed = min(passed, positions[entity.Shard(c.Kind, c.ID)])
				}
			}
			return c.Position <= passed && (c.At.Before(before) || f.fault == "trimming takes one too many" && c.At.Equal(before))
		})
		for key, list := range data.intervals {
			data.intervals[key] = slices.DeleteFunc(list, func(v entity.Interval) bool {
				return !v.Until.IsZero() && v.Until.Before(before) || f.fault == "trimming takes old intervals" && v.Since.Before(before)
			})
		}
		return nil
	})
}

func (f *fakeLog) Positions(ctx context.Context, g entity.Group, start int64) (positions [entity.Shards]int64, err error) {
	err = f.write(ctx, func(data *tables) error {
		var ok bool
		if positions, ok = data.groups[g]; !ok {
			for i := range positions {
				positions[i] = start
			}
			data.groups[g] = positions
		}
		return nil
	})
	return positions, err
}

func (f *fakeLog) Save(ctx context.Context, t entity.Token, p entity.Progress) error {
	return f.write(ctx, func(data *tables) error {
		if err := f.holds(data, t, "saving asks for no token"); err != nil {
			return err
		}
		positions := data.groups[p.Group]
		positions[p.Shard] = p.Position
		data.groups[p.Group] = positions
		for _, pending := range p.Put {
			c := &pending.Change
			c.Prev, c.Next, c.At, pending.Due = stored(c.Prev), stored(c.Next), instant(c.At), instant(pending.Due)
			data.pending[pendingKey{p.Group, c.Position}] = pending
		}
		for _, position := range p.Done {
			delete(data.pending, pendingKey{p.Group, position})
		}
		return nil
	})
}

func (f *fakeLog) Pending(ctx context.Context, name string) iter.Seq2[entity.Pending, error] {
	list := slices.Collect(maps.Values(f.view(ctx).pending))
	list = slices.DeleteFunc(list, func(p entity.Pending) bool { return name != "" && p.Group.Name != name })
	slices.SortFunc(list, func(a, b entity.Pending) int {
		return cmp.Or(strings.Compare(a.Group.Name, b.Group.Name), strings.Compare(a.Group.Source, b.Group.Source),
			cmp.Compare(a.Change.Position, b.Change.Position))
	})
	return listing(list)
}

func (f *fakeLog) Forget(ctx context.Context, g entity.Group, positions ...int64) (n int, err error) {
	err = f.write(ctx, func(data *tables) error {
		before := len(data.pending)
		for _, position := range positions {
			delete(data.pending, pendingKey{g, position})
		}
		n = before - len(data.pending)
		return nil
	})
	return n, err
}

func (f *fakeLog) Drop(ctx context.Context, name string) error {
	return f.write(ctx, func(data *tables) error {
		maps.DeleteFunc(data.groups, func(g entity.Group, _ [entity.Shards]int64) bool { return g.Name == name })
		maps.DeleteFunc(data.pending, func(key pendingKey, _ entity.Pending) bool { return key.group.Name == name })
		return nil
	})
}

func (f *fakeLog) Watches(ctx context.Context, names ...string) iter.Seq2[entity.WatchRow, error] {
	var list []entity.WatchRow
	for name, row := range f.view(ctx).watches {
		if len(names) == 0 || slices.Contains(names, name) {
			list = append(list, row)
		}
	}
	slices.SortFunc(list, func(a, b entity.WatchRow) int { return strings.Compare(a.Name, b.Name) })
	return listing(list)
}

func (f *fakeLog) PutWatch(ctx context.Context, t entity.Token, row entity.WatchRow) error {
	row.At = instant(row.At)
	return f.write(ctx, func(data *tables) error {
		if t != (entity.Token{}) {
			if err := f.holds(data, t, "a watch asks for no token"); err != nil {
				return err
			}
		}
		data.watches[row.Name] = row
		return nil
	})
}

func (f *fakeLog) DropWatch(ctx context.Context, name string) error {
	return f.write(ctx, func(data *tables) error {
		delete(data.watches, name)
		return nil
	})
}

func (f *fakeLog) Lease(ctx context.Context, names []string, holder string, ttl time.Duration) ([]entity.Token, error) {
	tokens, now := make([]entity.Token, len(names)), time.Now()
	err := f.write(ctx, func(data *tables) error {
		for i, name := range names {
			tokens[i] = entity.Token{Name: name, Number: f.lease(data, name, holder, now, ttl)}
		}
		return nil
	})
	return tokens, err
}

func (f *fakeLog) lease(data *tables, name, holder string, now time.Time, ttl time.Duration) int64 {
	l := data.leases[name]
	mine, free := l.holder == holder, !l.until.After(now)
	switch f.fault {
	case "a lease is for all who ask":
		free = true
	case "a lease never runs out":
		free = l.until.IsZero()
	}
	switch {
	case ttl == 0:
		if mine || f.fault == "a lease is given up by anybody" {
			l.holder, l.until = "", time.Time{}
			data.leases[name] = l
		}
		return 0
	case !mine && !free:
		return 0
	case !mine:
		l.number++
		if f.fault == "a holder gets its old number back" {
			l.numbers = maps.Clone(l.numbers)
			if l.numbers == nil {
				l.numbers = map[string]int64{}
			}
			if before := l.numbers[holder]; before > 0 {
				l.number = before
			}
			l.numbers[holder] = l.number
		}
	}
	if until := now.Add(ttl); until.After(l.until) || !mine || f.fault != "a lease is never shortened" {
		l.until = until
	}
	l.holder = holder
	data.leases[name] = l
	return l.number
}

func (f *fakeLog) Leases(ctx context.Context, prefix string) iter.Seq2[entity.Lease, error] {
	var list []entity.Lease
	for name, l := range f.view(ctx).leases {
		if strings.HasPrefix(name, prefix) && (l.until.After(time.Now()) || f.fault == "a lease never runs out" && l.holder != "") {
			list = append(list, entity.Lease{Name: name, Holder: l.holder, Number: l.number})
		}
	}
	slices.SortFunc(list, func(a, b entity.Lease) int { return strings.Compare(a.Name, b.Name) })
	return listing(list)
}
