package entitytest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/slokeep/slokeep/entity"
)

var brokenFeeds = []broken{
	{law: "positions are 1, 2, 3 without a gap", fault: "a rollback takes a position"},
	{law: "a change comes as it was appended", twist: func(t *twist, good entity.Log) {
		t.changes = func(ctx context.Context, after int64) iter.Seq2[entity.Change, error] {
			return mapped(good.Changes(ctx, after), func(c entity.Change) entity.Change {
				if c.Prev == nil {
					c.Prev = null
				}
				return c
			})
		}
	}},
	{law: "a nudge is delivered too", twist: func(t *twist, good entity.Log) {
		t.changes = func(ctx context.Context, after int64) iter.Seq2[entity.Change, error] {
			list, _ := drain(good.Changes(ctx, after))
			return listing(slices.DeleteFunc(list, func(c entity.Change) bool { return c.Version == 0 }))
		}
	}},
	{law: "changes are those after a position", twist: func(t *twist, good entity.Log) {
		t.changes = func(ctx context.Context, after int64) iter.Seq2[entity.Change, error] {
			list, _ := drain(good.Changes(ctx, after))
			return listing(list[:min(len(list), 100)])
		}
	}},
	{law: "changes can be left early, and the Log used on the way", twist: func(t *twist, good entity.Log) {
		one := make(oneConnection, 1)
		t.changes = func(ctx context.Context, after int64) iter.Seq2[entity.Change, error] {
			return during(one, good.Changes(ctx, after))
		}
		t.inTx = func(ctx context.Context, fn func(context.Context) error) error {
			return errors.Join(one.wait(ctx), good.InTx(ctx, fn))
		}
	}},
	{law: "the last position is known, and whether all is delivered", twist: func(t *twist, good entity.Log) {
		t.last = func(ctx context.Context) (int64, bool, error) {
			last, _, err := good.Last(ctx)
			return last, true, err
		}
	}},
	{law: "a Log that is not shared delivers as it commits", unshared: true, twist: func(t *twist, good entity.Log) {
		var told atomic.Int64 // after the transaction, for AfterCommit too late
		t.inTx = func(ctx context.Context, fn func(context.Context) error) error {
			last, _, _ := good.Last(ctx)
			told.Store(last)
			defer told.Store(math.MaxInt64)
			return good.InTx(ctx, fn)
		}
		t.changes = func(ctx context.Context, after int64) iter.Seq2[entity.Change, error] {
			list, _ := drain(good.Changes(ctx, after))
			return listing(slices.DeleteFunc(list, func(c entity.Change) bool { return c.Position > told.Load() }))
		}
	}},
	{law: "nothing is delivered before the relay", also: []string{
		"the last position is known, and whether all is delivered",
		"the relay moves as many as it may",
		"the relay refuses a stale token",
	}, fault: "a commit delivers"},
	{law: "the relay moves as many as it may", twist: func(t *twist, good entity.Log) {
		t.relay = func(ctx context.Context, token entity.Token, limit int) (int, error) {
			n, err := good.Relay(ctx, token, limit*2)
			return min(n, limit), err
		}
	}},
	{law: "what began first and commits last is not lost", perhaps: []string{
		"many writers make one sequence",
	}, fault: "the relay keeps a place in the outbox"},
	{law: "the relay refuses a stale token", fault: "the relay asks for no token"},
	{law: "trimming deletes what is older, and nothing else", fault: "trimming takes one too many"},
	{law: "trimming keeps what a group has not passed", fault: "trimming asks no group"},
	{law: "positions are not given again after a trim", fault: "the last position is that of the newest change"},
	{law: "trimming deletes intervals that ended before", fault: "trimming takes old intervals"},
	{law: "trimming refuses a stale token", fault: "trimming asks for no token"},
}

var brokenTables = []broken{
	{law: "a new group starts where it is told, and goes on where it stopped", twist: func(t *twist, good entity.Log) {
		t.positions = func(ctx context.Context, g entity.Group, start int64) ([entity.Shards]int64, error) {
			positions, err := good.Positions(ctx, g, start)
			for i := range positions {
				positions[i] = max(positions[i], start)
			}
			return positions, err
		}
	}},
	{law: "progress is saved with what is pending", twist: func(t *twist, good entity.Log) {
		t.save = func(ctx context.Context, token entity.Token, p entity.Progress) error {
			p.Done = nil
			return good.Save(ctx, token, p)
		}
	}},
	{law: "saving refuses a stale token", fault: "saving asks for no token"},
	{law: "dropping a group leaves nothing of it", twist: func(t *twist, good entity.Log) {
		t.drop = func(ctx context.Context, name string) error {
			for p, err := range good.Pending(ctx, "") {
				if err == nil && strings.HasPrefix(p.Group.Name, name) {
					err = good.Drop(ctx, p.Group.Name)
				}
				if err != nil {
					return err
				}
			}
			return good.Drop(ctx, name)
		}
	}},
	{law: "what a group writes is part of the transaction", twist: func(t *twist, good entity.Log) {
		t.save = func(ctx context.Context, token entity.Token, p entity.Progress) error {
			return good.Save(outside{ctx}, token, p)
		}
	}},
	{law: "pending changes are listed by name, source and position", also: []string{
		"pending changes can be left early, and the Log used on the way",
	}, twist: func(t *twist, good entity.Log) {
		t.pending = func(ctx context.Context, name string) iter.Seq2[entity.Pending, error] {
			return sorted(good.Pending(ctx, name), func(a, b entity.Pending) int { // as text
				text := func(p entity.Pending) string { return fmt.Sprintf("%q %d", p.Group, p.Change.Position) }
				return strings.Compare(text(a), text(b))
			})
		}
	}},
	{law: "pending changes are forgotten by position", twist: func(t *twist, good entity.Log) {
		t.forget = func(ctx context.Context, g entity.Group, positions ...int64) (int, error) {
			_, err := good.Forget(ctx, g, positions...)
			return len(positions), err
		}
	}},
	{law: "pending changes can be left early, and the Log used on the way", twist: func(t *twist, good entity.Log) {
		one := make(oneConnection, 1)
		t.pending = func(ctx context.Context, name string) iter.Seq2[entity.Pending, error] {
			return during(one, good.Pending(ctx, name))
		}
		t.forget = func(ctx context.Context, g entity.Group, positions ...int64) (int, error) {
			if err := one.wait(ctx); err != nil {
				return 0, err
			}
			return good.Forget(ctx, g, positions...)
		}
	}},
	{law: "watches are kept, and listed by name", twist: func(t *twist, good entity.Log) {
		t.watches = func(ctx context.Context, names ...string) iter.Seq2[entity.WatchRow, error] {
			return sorted(good.Watches(ctx, names...), func(a, b entity.WatchRow) int {
				return slices.Index(names, a.Name) - slices.Index(names, b.Name)
			})
		}
	}},
	{law: "a watch is dropped", twist: func(t *twist, good entity.Log) {
		t.dropWatch = func(ctx context.Context, name string) error {
			if rows, err := drain(good.Watches(ctx, name)); err != nil || len(rows) == 0 {
				return errors.Join(err, entity.ErrNotFound)
			}
			return good.DropWatch(ctx, name)
		}
	}},
	{law: "a watch is part of the transaction", twist: func(t *twist, good entity.Log) {
		t.dropWatch = func(ctx context.Context, name string) error { return good.DropWatch(outside{ctx}, name) }
	}},
	{law: "a watch refuses a stale token, and does not ask for none", also: []string{
		"a token is of one lease",
	}, fault: "a watch asks for no token"},
	{law: "a lease in force is one holder's", also: []string{
		"a lease is given up",
		"a lease runs out",
		"a renewed lease keeps its number",
		"many leases are taken in one call",
	}, fault: "a lease is for all who ask"},
	{law: "a renewed lease keeps its number", fault: "a lease is never shortened"},
	{law: "a lease that changes hands gets a greater number", fault: "a holder gets its old number back"},
	{law: "a lease runs out", also: []string{
		"a renewed lease keeps its number",
		"a token is good until another has the lease",
	}, fault: "a lease never runs out"},
	{law: "a lease is given up", fault: "a lease is given up by anybody"},
	{law: "many leases are taken in one call", twist: func(t *twist, good entity.Log) {
		t.lease = func(ctx context.Context, names []string, holder string, ttl time.Duration) ([]entity.Token, error) {
			return good.Lease(ctx, slices.Sorted(slices.Values(names)), holder, ttl)
		}
	}},
	{law: "leases in force are listed by prefix", twist: func(t *twist, good entity.Log) {
		t.leases = func(ctx context.Context, prefix string) iter.Seq2[entity.Lease, error] {
			list, _ := drain(good.Leases(ctx, ""))
			return listing(slices.DeleteFunc(list, func(l entity.Lease) bool { // as LIKE does
				return len(l.Name) < len(prefix) || strings.ContainsFunc(prefix, func(r rune) bool {
					i := strings.IndexRune(prefix, r)
					return r != '_' && rune(l.Name[i]) != r
				})
			}))
		}
	}},
	{law: "a lease is part of the transaction", twist: func(t *twist, good entity.Log) {
		t.lease = func(ctx context.Context, names []string, holder string, ttl time.Duration) ([]entity.Token, error) {
			return good.Lease(outside{ctx}, names, holder, ttl)
		}
	}},
	{law: "a token is good until another has the lease", fault: "a token ends with its ttl"},
	{law: "a token is of one lease", fault: "a token is good for all leases"},
}
