package entitytest

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/slokeep/slokeep/entity"
)

// broken is a Log with one fault: one of a fakeLog, or a twist of a good one.
type broken struct {
	law      string
	fault    string
	twist    func(t *twist, good entity.Log)
	unshared bool
	also     []string // laws that cannot hold with this fault either
	perhaps  []string // laws that sometimes do not
	wide     bool     // that is most of them
}

func (b broken) open() entity.Log {
	f := newFake(b.fault)
	f.unshared = b.unshared
	if b.twist == nil {
		return f
	}
	t := newTwist(f)
	b.twist(t, f)
	return t
}

// inside reports whether ctx has a transaction of a twist that marks them.
func inside(ctx context.Context) bool { return ctx.Value(mark{}) != nil }

type mark struct{}

// outside is a ctx without the transaction that it is in.
type outside struct{ context.Context }

func (outside) Value(any) any { return nil }

// oneConnection is what a listing and a write need, where a Log has one of it.
type oneConnection chan struct{}

func during[T any](c oneConnection, seq iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		c <- struct{}{}
		defer func() { <-c }()
		seq(yield)
	}
}

func (c oneConnection) wait(ctx context.Context) error {
	select {
	case c <- struct{}{}:
		<-c
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// outermost makes a twist's outermost transactions run as f says.
func outermost(t *twist, good entity.Log, f func(ctx context.Context, fn func(context.Context) error) error) {
	t.inTx = func(ctx context.Context, fn func(context.Context) error) error {
		if inside(ctx) {
			return good.InTx(ctx, fn)
		}
		return f(ctx, func(ctx context.Context) error { return fn(context.WithValue(ctx, mark{}, true)) })
	}
}

var brokenTransactions = []broken{
	{law: "a transaction whose function returns nil commits", wide: true, twist: func(t *twist, good entity.Log) {
		outermost(t, good, func(ctx context.Context, fn func(context.Context) error) error {
			var err error
			_ = good.InTx(ctx, func(ctx context.Context) error {
				err = fn(ctx)
				return errBoom
			})
			return err
		})
	}},
	{law: "a transaction whose function fails leaves nothing", also: []string{
		"a lease is part of the transaction",
		"a watch is part of the transaction",
		"an inner transaction joins the outer one",
		"positions are 1, 2, 3 without a gap",
		"what a group writes is part of the transaction",
		"what follows a commit does not run without one",
	}, twist: func(t *twist, good entity.Log) {
		outermost(t, good, func(ctx context.Context, fn func(context.Context) error) error {
			var err error
			return errors.Join(good.InTx(ctx, func(ctx context.Context) error {
				err = fn(ctx)
				return nil
			}), err)
		})
	}},
	{law: "a transaction whose function panics leaves nothing", twist: func(t *twist, good entity.Log) {
		outermost(t, good, func(ctx context.Context, fn func(context.Context) error) error {
			var value any
			err := good.InTx(ctx, func(ctx context.Context) error {
				defer func() { value = recover() }()
				return fn(ctx)
			})
			if value != nil {
				panic(value)
			}
			return err
		})
	}},
	{law: "a transaction whose function ends its goroutine leaves nothing", twist: func(t *twist, good entity.Log) {
		outermost(t, good, func(ctx context.Context, fn func(context.Context) error) error {
			var value any
			err := good.InTx(ctx, func(ctx context.Context) (err error) {
				done := make(chan struct{})
				go func() {
					defer close(done)
					defer func() { value = recover() }()
					err = fn(ctx)
				}()
				<-done
				if value != nil {
					panic(value)
				}
				return err
			})
			return err
		})
	}},
	{law: "a transaction whose ctx ends before the commit leaves nothing", fault: "a ctx that ended is not looked at"},
	{law: "a transaction of a ctx that has ended does nothing", twist: func(t *twist, good entity.Log) {
		outermost(t, good, func(ctx context.Context, fn func(context.Context) error) error {
			if ctx.Err() != nil {
				return nil
			}
			return good.InTx(ctx, fn)
		})
	}},
	{law: "a transaction runs its function at most once", twist: func(t *twist, good entity.Log) {
		outermost(t, good, func(ctx context.Context, fn func(context.Context) error) error {
			err := good.InTx(ctx, fn)
			if errors.Is(err, entity.ErrConflict) {
				err = good.InTx(ctx, fn)
			}
			return err
		})
	}},
	{law: "a transaction that is over is refused", twist: func(t *twist, good entity.Log) {
		t.inTx = func(ctx context.Context, fn func(context.Context) error) error {
			err := good.InTx(ctx, fn)
			if errors.Is(err, entity.ErrClosed) {
				err = good.InTx(outside{ctx}, fn)
			}
			return err
		}
	}},
	{law: "an inner transaction joins the outer one", fault: "an inner transaction commits"},
	{law: "an inner error dooms the whole", also: []string{
		"an inner panic dooms the whole",
		"what follows a commit does not run without one",
	}, fault: "an inner error is forgotten"},
	{law: "an inner panic dooms the whole", fault: "an inner panic is forgotten"},
	{law: "an inner transaction keeps its locks until the outermost ends", fault: "an inner transaction frees its locks"},
	{law: "what follows a commit runs in order, once it can be seen", fault: "what follows runs in reverse"},
	{law: "what follows a commit does not run without one", fault: "a rollback is followed as a commit"},
	{law: "what follows a commit runs at once where there is no transaction", fault: "nothing follows without a transaction"},
	{law: "what follows a commit has a context that does not end", fault: "what follows has the caller's ctx"},
}

var brokenHeads = []broken{
	{law: "one transaction at a time holds a lock", twist: func(t *twist, good entity.Log) {
		t.lock = func(ctx context.Context, k string, ids []string) ([]entity.Head, error) {
			if k == kind {
				return good.Lock(ctx, k, ids)
			}
			heads := make([]entity.Head, len(ids)) // what is no entity is not locked
			for i, id := range ids {
				heads[i].ID = id
			}
			return heads, nil
		}
	}},
	{law: "a lock that the transaction has already is no wait", fault: "a lock among others is taken once"},
	{law: "locking returns the heads in the order of the ids", twist: func(t *twist, good entity.Log) {
		t.lock = func(ctx context.Context, kind string, ids []string) ([]entity.Head, error) {
			heads, err := good.Lock(ctx, kind, ids)
			slices.SortStableFunc(heads, func(a, b entity.Head) int { return int(min(b.Version, 1) - min(a.Version, 1)) })
			return heads, err
		}
	}},
	{law: "locking shows what the transaction appended itself", also: []string{
		"the relay moves as many as it may",
	}, fault: "a lock shows what has committed"},
	{law: "locking shows what the holder before committed", also: []string{
		"many writers make one sequence",
	}, fault: "a lock shows a snapshot"},
	{law: "locking outside of a transaction is invalid", twist: func(t *twist, good entity.Log) {
		t.lock = func(ctx context.Context, kind string, ids []string) ([]entity.Head, error) {
			heads, err := good.Lock(ctx, kind, ids)
			if errors.Is(err, entity.ErrInvalid) {
				err = nil
			}
			return heads, err
		}
	}},
	{law: "locks are of a kind and an id, whatever these are", twist: func(t *twist, good entity.Log) {
		t.lock = func(ctx context.Context, kind string, ids []string) ([]entity.Head, error) {
			if strings.Contains(kind, `"`) {
				return nil, errors.New("syntax error")
			}
			return good.Lock(ctx, kind, ids)
		}
	}},
	{law: "a circle of waits ends", fault: "a circle is not seen"},
	{law: "a wait for a lock ends with its ctx", fault: "a wait has no end"},
	{law: "many writers make one sequence", also: []string{
		"a wait for a lock ends with its ctx",
		"an inner transaction keeps its locks until the outermost ends",
		"locking shows what the holder before committed",
		"one transaction at a time holds a lock",
	}, fault: "a lock excludes nobody"},
	{law: "heads are listed by id, as bytes", twist: func(t *twist, good entity.Log) {
		t.heads = func(ctx context.Context, kind string, ids []string) iter.Seq2[entity.Head, error] {
			return sorted(good.Heads(ctx, kind, ids), func(a, b entity.Head) int {
				return strings.Compare(strings.ToLower(a.ID), strings.ToLower(b.ID))
			})
		}
	}},
	{law: "heads are of one kind", twist: func(t *twist, good entity.Log) {
		t.heads = func(ctx context.Context, kind string, ids []string) iter.Seq2[entity.Head, error] {
			return chain(good.Heads(ctx, kind, ids), good.Heads(ctx, strings.ToUpper(kind[:1])+kind[1:], ids))
		}
	}},
	{law: "what has no head is passed over", also: []string{
		"an inner transaction joins the outer one",
		"heads are of one kind",
	}, twist: func(t *twist, good entity.Log) {
		t.heads = func(ctx context.Context, kind string, ids []string) iter.Seq2[entity.Head, error] {
			found, _ := drain(good.Heads(ctx, kind, ids))
			for _, id := range ids {
				if !slices.ContainsFunc(found, func(h entity.Head) bool { return h.ID == id }) {
					found = append(found, entity.Head{ID: id})
				}
			}
			return listing(found)
		}
	}},
	{law: "an empty list of ids is none, and nil is all", twist: func(t *twist, good entity.Log) {
		t.heads = func(ctx context.Context, kind string, ids []string) iter.Seq2[entity.Head, error] {
			if len(ids) == 0 {
				ids = nil
			}
			return good.Heads(ctx, kind, ids)
		}
	}},
	{law: "a head comes back as it was appended", twist: func(t *twist, good entity.Log) {
		t.heads = func(ctx context.Context, kind string, ids []string) iter.Seq2[entity.Head, error] {
			return mapped(good.Heads(ctx, kind, ids), func(h entity.Head) entity.Head {
				h.Published = h.State
				return h
			})
		}
	}},
	{law: "an instant comes back in UTC", twist: func(t *twist, good entity.Log) {
		t.heads = func(ctx context.Context, kind string, ids []string) iter.Seq2[entity.Head, error] {
			return mapped(good.Heads(ctx, kind, ids), func(h entity.Head) entity.Head {
				h.At = h.At.In(time.FixedZone("", 0)) // prints as UTC does
				return h
			})
		}
	}},
	{law: "heads can be left early, and the Log used on the way", twist: func(t *twist, good entity.Log) {
		one := make(oneConnection, 1)
		t.heads = func(ctx context.Context, kind string, ids []string) iter.Seq2[entity.Head, error] {
			return during(one, good.Heads(ctx, kind, ids))
		}
		t.inTx = func(ctx context.Context, fn func(context.Context) error) error {
			return errors.Join(one.wait(ctx), good.InTx(ctx, fn))
		}
	}},
	{law: "an append shows to its own transaction", fault: "a transaction does not see its intervals"},
	{law: "an append shows to others when it commits, and all of it", perhaps: []string{
		"readers beside a commit see all of it or nothing",
	}, fault: "heads show what has not committed"},
	{law: "readers beside a commit see all of it or nothing", fault: "a commit is many steps"},
	{law: "entries are written in their order", twist: func(t *twist, good entity.Log) {
		t.append = func(ctx context.Context, entries []entity.Entry) error {
			entries = slices.Clone(entries)
			slices.Reverse(entries)
			return good.Append(ctx, entries)
		}
	}},
	{law: "an append does not keep the slice of its entries", fault: "an append keeps its entries"},
	{law: "appending outside of a transaction is invalid", twist: func(t *twist, good entity.Log) {
		t.append = func(ctx context.Context, entries []entity.Entry) error {
			return good.InTx(ctx, func(ctx context.Context) error { return good.Append(ctx, entries) })
		}
	}},
	{law: "a transition ends an interval and begins the next", also: []string{
		"a removal ends intervals, and a creation begins one",
		"an append shows to its own transaction",
		"entries are written in their order",
		"intervals are of one field of one entity",
		"trimming deletes intervals that ended before",
	}, twist: func(t *twist, good entity.Log) {
		t.intervals = func(ctx context.Context, kind, id, field string, since time.Time) iter.Seq2[entity.Interval, error] {
			list, _ := drain(good.Intervals(ctx, kind, id, field, since))
			slices.Reverse(list)
			return listing(list)
		}
	}},
	{law: "intervals are those that begin at an instant or later, and the one that holds then", twist: func(t *twist, good entity.Log) {
		t.intervals = func(ctx context.Context, kind, id, field string, since time.Time) iter.Seq2[entity.Interval, error] {
			return good.Intervals(ctx, kind, id, field, since.Add(-time.Microsecond))
		}
	}},
	{law: "a removal ends intervals, and a creation begins one", twist: func(t *twist, good entity.Log) {
		t.append = func(ctx context.Context, entries []entity.Entry) error {
			entries = slices.Clone(entries)
			for i := range entries {
				if entries[i].Head.State == nil {
					entries[i].Transitions = nil
				}
			}
			return good.Append(ctx, entries)
		}
	}},
	{law: "intervals are of one field of one entity", twist: func(t *twist, good entity.Log) {
		t.intervals = func(ctx context.Context, kind, id, field string, since time.Time) iter.Seq2[entity.Interval, error] {
			return good.Intervals(ctx, kind, id, strings.ToLower(field), since)
		}
	}},
}

// drain takes a listing.
func drain[T any](seq iter.Seq2[T, error]) ([]T, error) {
	var list []T
	for v, err := range seq {
		if err != nil {
			return list, err
		}
		list = append(list, v)
	}
	return list, nil
}

func sorted[T any](seq iter.Seq2[T, error], compare func(a, b T) int) iter.Seq2[T, error] {
	list, _ := drain(seq)
	slices.SortStableFunc(list, compare)
	return listing(list)
}

func mapped[T any](seq iter.Seq2[T, error], f func(T) T) iter.Seq2[T, error] {
	list, _ := drain(seq)
	for i := range list {
		list[i] = f(list[i])
	}
	return listing(list)
}

func chain[T any](a, b iter.Seq2[T, error]) iter.Seq2[T, error] {
	list, _ := drain(a)
	more, _ := drain(b)
	return listing(append(list, more...))
}

var null = json.RawMessage("null")
