package entitytest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/slokeep/slokeep/entity"
)

// brief is a ttl that the suite waits for.
const brief = 100 * time.Millisecond

var leaseLaws = []law{
	{
		name: "a lease in force is one holder's",
		why: `Lease gives a free lease to who asks, and a token of Number 0 to all others while it is in force, also when they
ask at the same moment and through other handles.`,
		check: func(w *world) {
			var given atomic.Int32
			outcomes := make([]<-chan error, 8)
			for i := range outcomes {
				l := []entity.Log{w.log, w.other}[i%2]
				outcomes[i] = w.async(func() error {
					tokens, err := l.Lease(w.ctx, []string{"a"}, fmt.Sprint("holder ", i), time.Hour)
					if err == nil && len(tokens) == 1 && tokens[0].Number != 0 {
						given.Add(1)
					}
					return err
				})
			}
			for _, outcome := range outcomes {
				w.must("Lease", w.within("Lease", outcome))
			}
			if n := given.Load(); n != 1 {
				w.Errorf("of 8 who asked for a lease at the same time, %d got it: want 1", n)
			}
			w.same("a late one's number", w.lease("late", time.Hour, "a")[0].Number, 0)
		},
	},
	{
		name: "a renewed lease keeps its number",
		why: `Who holds a lease and asks again gets it for ttl from now, longer or shorter than before, with the same Number, so
that what it is writing stays good.`,
		check: func(w *world) {
			first := w.lease("one", brief, "long")[0]
			w.same("renewed for longer", w.lease("one", time.Hour, "long")[0], first)
			short := w.lease("one", time.Hour, "short")[0]
			w.same("renewed for shorter", w.lease("one", brief, "short")[0], short)
			w.until("the lease that was renewed for shorter runs out", func() bool { return w.lease("two", time.Hour, "short")[0].Number != 0 })
			w.same("another's number, long after the ttl before the renewal", w.lease("two", time.Hour, "long")[0].Number, 0)
		},
	},
	{
		name: "a lease that changes hands gets a greater number",
		why: `The Number is what tells an old holder from the new one: it grows whenever the lease passes to another, also to one
that had it before.`,
		check: func(w *world) {
			var last int64
			for _, holder := range []string{"one", "two", "one", "three"} {
				t := w.lease(holder, time.Hour, "a")[0]
				if t.Number <= last {
					w.Errorf("%s got the number %d after %d", holder, t.Number, last)
				}
				last = t.Number
				w.lease(holder, 0, "a")
			}
		},
	},
	{
		name: "a lease runs out",
		why: `When ttl has passed without a renewal, by the database's clock, the lease is free: another gets it, with a greater
Number, and Leases no longer lists it.`,
		check: func(w *world) {
			first := w.lease("one", brief, "a", "b")
			w.until("the lease is not listed any more", func() bool { return len(w.leases("b")) == 0 })
			var second entity.Token
			w.until("the lease is another's", func() bool {
				second = w.lease("two", time.Hour, "a")[0]
				return second.Number != 0
			})
			if second.Number <= first[0].Number {
				w.Errorf("the numbers are %d and then %d", first[0].Number, second.Number)
			}
			w.same("number for the one who had it", w.lease("one", time.Hour, "a")[0].Number, 0)
		},
	},
	{
		name: "a lease is given up",
		why: `A ttl of 0 gives up those of the named leases that are the holder's: they are free at once. Another's lease stays
another's.`,
		check: func(w *world) {
			w.lease("one", time.Hour, "a", "b")
			w.lease("two", time.Hour, "c")
			w.lease("one", 0, "a", "c", "free")
			got := w.leases("")
			for i := range got {
				got[i].Number = 0
			}
			w.same("leases", got, []entity.Lease{{Name: "b", Holder: "one"}, {Name: "c", Holder: "two"}})
			w.same("number of another's", w.lease("three", time.Hour, "c")[0].Number, 0)
			if w.lease("three", time.Hour, "a")[0].Number == 0 {
				w.Errorf("a lease that was given up is not free")
			}
		},
	},
	{
		name: "many leases are taken in one call",
		why: `Lease answers for each name at the same index, in the order in which it was asked, whether all, some or none of
them are free: one that is another's keeps none of the others back.`,
		check: func(w *world) {
			w.lease("other", time.Hour, "b", "d")
			names := []string{"e", "d", "c", "b", "a"}
			tokens := w.lease("one", time.Hour, names...)
			for i, t := range tokens {
				if free := i%2 == 0; t.Name != names[i] || (t.Number != 0) != free {
					w.Errorf("the token for %q, which is free: %v, is %+v", names[i], free, t)
				}
			}
			w.same("renewed", w.lease("one", time.Hour, names...), tokens)
			w.same("tokens for no names", w.lease("one", time.Hour), nil)
		},
	},
	{
		name: "leases in force are listed by prefix",
		why: `Leases lists name, holder and number of those whose names begin with the prefix, compared as bytes: % and _ are
bytes like others. They come in the order of the names' bytes; an empty prefix is all.`,
		check: func(w *world) {
			names := []string{"Group/a", "group", "group%a", "group/", "group/A", "group/a", "group/a b", "group/ä", "group_a"}
			tokens := w.lease("höl'der", time.Hour, names...)
			list := make([]entity.Lease, len(names))
			for i, name := range names {
				list[i] = entity.Lease{Name: name, Holder: "höl'der", Number: tokens[i].Number}
			}
			w.same("all leases", w.leases(""), list)
			w.same("leases of group/", w.leases("group/"), list[3:8])
			w.same("leases of group%", w.leases("group%"), list[2:3])
			w.same("leases of group_", w.leases("group_"), list[8:])
			w.same("leases of none", w.leases("none"), nil)
		},
	},
	{
		name: "a lease is part of the transaction",
		why:  `Lease with the ctx of a transaction is taken when that commits, and not at all when it does not.`,
		check: func(w *world) {
			take := func(end error) error {
				return w.log.InTx(w.ctx, func(ctx context.Context) error {
					tokens, err := w.log.Lease(ctx, []string{"a"}, "one", time.Hour)
					if err == nil && tokens[0].Number == 0 {
						err = errors.New("a free lease was not given")
					}
					got := collect(w, "Leases", w.log.Leases(ctx, ""))
					w.same("in the transaction, leases", len(got), 1)
					return errors.Join(err, end)
				})
			}
			if err := take(errBoom); !errors.Is(err, errBoom) {
				w.Errorf("InTx returned %v: want %v", err, errBoom)
			}
			w.same("after a rollback, leases", w.leases(""), nil)
			w.must("InTx", take(nil))
			w.same("after the commit, leases", len(w.leases("")), 1)
		},
	},
}

var tokenLaws = []law{
	{
		name: "a token is good until another has the lease",
		why: `It is the passing of the lease that makes a token stale, not the time: a holder that was slow to renew may go on
writing while nobody has taken its place. Its next Lease may still find the lease its own.`,
		check: func(w *world) {
			t := w.lease("one", brief, "a")[0]
			w.until("the lease runs out", func() bool { return len(w.leases("a")) == 0 })
			w.must("PutWatch with the newest token of a lease that ran out", w.log.PutWatch(w.ctx, t, entity.WatchRow{Name: "w", At: at(0)}))
			w.same("watches", len(w.watches()), 1)
		},
	},
	{
		name: "a token is of one lease",
		why:  `Each lease counts its own Numbers; the token of one says nothing of another, whatever the Number.`,
		check: func(w *world) {
			for i := range 3 {
				w.lease(fmt.Sprint("holder ", i), time.Hour, "a")
				w.lease(fmt.Sprint("holder ", i), 0, "a")
			}
			a, b := w.token("a"), w.token("b")
			for _, t := range []entity.Token{{Name: "b", Number: a.Number}, {Name: "a", Number: b.Number}} {
				if t == a || t == b {
					continue // numbers may be of one sequence, and these two the same only by its rule
				}
				if err := w.log.PutWatch(w.ctx, t, entity.WatchRow{Name: "w"}); !errors.Is(err, entity.ErrLeaseLost) {
					w.Errorf("the newest tokens being %+v and %+v, PutWatch with %+v returned %v: want ErrLeaseLost", a, b, t, err)
				}
			}
			w.must("PutWatch", w.log.PutWatch(w.ctx, b, entity.WatchRow{Name: "w", At: at(0)}))
			w.must("PutWatch", w.log.PutWatch(w.ctx, a, entity.WatchRow{Name: "w", At: at(0)}))
		},
	},
}

// passed makes a lease pass from one holder to another, and returns both their tokens.
func (w *world) passed(name string) (stale, fresh entity.Token) {
	w.Helper()
	stale = w.lease("one", time.Hour, name)[0]
	w.lease("one", 0, name)
	fresh = w.lease("two", time.Hour, name)[0]
	if stale.Number == 0 || fresh.Number <= stale.Number {
		w.Fatalf("a lease that passed to another had the numbers %d and then %d", stale.Number, fresh.Number)
	}
	return stale, fresh
}

// leases lists the leases that others see.
func (w *world) leases(prefix string) []entity.Lease {
	w.Helper()
	return collect(w, "Leases", w.other.Leases(w.ctx, prefix))
}
