package entity_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slokeep/slokeep/entity"
)

// shardsOf counts the shards of a group that each of the holders has, and says who relays.
func shardsOf(t *testing.T, w *deliveryWorld, group string) (shards map[string]int, relay string) {
	t.Helper()
	shards = map[string]int{}
	for l, err := range w.log.Leases(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(l.Name, fmt.Sprintf("group %q", group)) {
			shards[l.Holder]++
		}
		if l.Name == entity.LeaseRelay {
			relay = l.Holder
		}
	}
	return shards, relay
}

func TestShardsAreSpreadOverTheProcesses(t *testing.T) {
	onSharedDelivery(t, func(t *testing.T, w *deliveryWorld) {
		var l deliveryLedger
		opts := &entity.SubscribeOptions{Group: "g"}
		check := func(members int) {
			t.Helper()
			time.Sleep(5 * time.Second)
			shards, _ := shardsOf(t, w, "g")
			total := 0
			for _, n := range shards {
				total += n
			}
			// That two have all of it, by chance, happens once in 30,000 runs; that one of more has, never.
			if total != entity.Shards || len(shards) > members || members > 2 && len(shards) < 2 {
				t.Errorf("%d members have %v", members, shards)
			}
		}
		var all []*deliveryProcess
		for n := 1; n <= 4; n++ {
			all = append(all, w.ready(l.note, opts))
			check(n)
		}
		for n := 3; n >= 1; n-- {
			all[n].close()
			check(n)
		}
		all[0].close()
		shards, _ := shardsOf(t, w, "g")
		if len(shards) != 0 {
			t.Errorf("after the last Close, %v", shards)
		}
	})
}

// TestTwoProcessesBothWork opens two until their random names divide the shards: once in 30,000 they do not.
func TestTwoProcessesBothWork(t *testing.T) {
	for range 4 {
		var a, b deliveryLedger
		onSharedDelivery(t, func(t *testing.T, w *deliveryWorld) {
			opts := &entity.SubscribeOptions{Group: "g"}
			one := w.ready(a.note, opts)
			w.ready(b.note, opts)
			time.Sleep(5 * time.Second)
			for i := range 100 {
				one.writes(fmt.Sprint(i))
			}
			time.Sleep(5 * time.Second)
			synctest.Wait()
			union := deliveryLedger{got: append(a.got, b.got...)}
			union.wants(w, "the two", true)
		})
		if a.got != nil && b.got != nil {
			return
		}
	}
	t.Error("one of two processes has all the work, always")
}

// TestDeadProcessIsReplaced kills one that has the relay and a part of the group: no Close, no call reaches the Log.
func TestDeadProcessIsReplaced(t *testing.T) {
	for _, how := range []string{"every call fails", "every call hangs"} {
		for _, ttl := range []time.Duration{0, 3 * time.Second, time.Minute} {
			t.Run(fmt.Sprint(how, ", LeaseTTL ", ttl), func(t *testing.T) {
				onSharedDelivery(t, func(t *testing.T, w *deliveryWorld) {
					var group, broadcast deliveryLedger
					var all []*deliveryProcess
					for range 3 {
						p := w.process(entity.Options{LeaseTTL: ttl})
						p.on(group.note, &entity.SubscribeOptions{Group: "g"})
						start(t, p.Registry)
						time.Sleep(5 * time.Second)
						all = append(all, p)
					}
					all[2].on(broadcast.note, nil)
					dead := all[0] // which relays, being the first
					dead.writes("a", "b", "c")
					time.Sleep(2 * time.Second)
					if how == "every call fails" {
						dead.end.cut()
					} else {
						dead.end.set(func(ctx context.Context, _ string) error { <-ctx.Done(); return ctx.Err() }, nil)
					}
					died := time.Now()
					for i := range 50 {
						all[1+i%2].writes(fmt.Sprint(i), "a")
					}
					limit := ttl
					if ttl == 0 {
						limit = 10 * time.Second
					}
					time.Sleep(limit + 2*time.Second) // until a poll after the lease has run out, and until another
					group.wants(w, "the group", false)
					broadcast.wants(w, "the broadcast", true)
					_, relay := shardsOf(t, w, "g")
					if relay == "" || time.Since(died) < limit {
						t.Errorf("the relay is %q", relay)
					}
					_ = dead.Close() // which can only fail
					if took := time.Since(died) - limit; took > 20*time.Second {
						t.Errorf("Close of a process without a Log took %v", took)
					}
				})
			})
		}
	}
}

// TestProcessThatComesBackFindsItsWorkWithOthers cuts a process off while its handlers run, for longer than LeaseTTL.
func TestProcessThatComesBackFindsItsWorkWithOthers(t *testing.T) {
	onSharedDelivery(t, func(t *testing.T, w *deliveryWorld) {
		var group, broadcast deliveryLedger
		var fast atomic.Bool
		opts := &entity.SubscribeOptions{Group: "g", Timeout: time.Hour, Parallel: entity.Shards}
		p := w.ready(func(ctx context.Context, c entity.Typed[Order]) error {
			if !fast.Load() {
				time.Sleep(2 * time.Minute)
			}
			return group.note(ctx, c)
		}, opts)
		p.on(broadcast.note, nil)
		for i := range 30 {
			p.writes(fmt.Sprint(i))
		}
		time.Sleep(2 * time.Second)
		other := w.ready(group.note, opts)
		p.end.cut()
		time.Sleep(time.Minute)
		group.wants(w, "the other process", true)
		p.end.set(nil, nil) // its handlers still run, for another minute, on leases that have passed to the other
		for i := range 30 {
			other.writes(fmt.Sprint(i))
		}
		time.Sleep(5 * time.Second)
		broadcast.wants(w, "the broadcast of the one that came back", true)
		fast.Store(true)
		time.Sleep(5 * time.Minute)
		for i := range 30 {
			p.writes(fmt.Sprint(i))
		}
		time.Sleep(5 * time.Second)
		group.wants(w, "both processes", false)
		p.told()
		time.Sleep(time.Minute)
		if errs := p.told(); errs != nil {
			t.Errorf("long after it came back, OnError heard %v", errs)
		}
	})
}

// TestRebalancingWaitsForTheHandlerAlone has a second process join while the first has a slow call in each shard: the
// relay, the broadcasts and the leases of the first go on, and what it has begun it ends, once.
func TestRebalancingWaitsForTheHandlerAlone(t *testing.T) {
	onSharedDelivery(t, func(t *testing.T, w *deliveryWorld) {
		var broadcast, group deliveryLedger
		opts := &entity.SubscribeOptions{Group: "g", Timeout: time.Hour, Parallel: entity.Shards}
		p := w.ready(func(ctx context.Context, c entity.Typed[Order]) error {
			time.Sleep(time.Minute)
			return group.note(ctx, c)
		}, opts)
		p.on(broadcast.note, nil)
		for i := range 60 { // some in each shard
			p.writes(fmt.Sprint(i))
		}
		time.Sleep(2 * time.Second)
		_, before := shardsOf(t, w, "g")
		w.ready(group.note, opts)
		for i := range 20 {
			p.writes(fmt.Sprint(i))
			time.Sleep(2 * time.Second)
			broadcast.wants(w, "a broadcast", true)
		}
		if _, relay := shardsOf(t, w, "g"); relay != before {
			t.Errorf("the relay passed from %s to %s though nobody died", before, relay)
		}
		time.Sleep(10 * time.Minute)
		group.wants(w, "the group", true)
	})
}

// TestLeasesAreKeptBetweenRarePolls has a Poll that is longer than LeaseTTL: nobody dies, so nothing changes hands.
func TestLeasesAreKeptBetweenRarePolls(t *testing.T) {
	onSharedDelivery(t, func(t *testing.T, w *deliveryWorld) {
		w.bus = new(entity.LocalBus)
		var l deliveryLedger
		var all []*deliveryProcess
		for range 2 {
			p := w.process(entity.Options{Poll: time.Hour, LeaseTTL: 3 * time.Second})
			p.on(l.note, &entity.SubscribeOptions{Group: "g"})
			start(t, p.Registry)
			all = append(all, p)
			time.Sleep(10 * time.Second)
		}
		inForce := func() (list []entity.Lease) {
			for lease := range w.log.Leases(t.Context(), "") {
				list = append(list, lease)
			}
			return list
		}
		before := inForce()
		for i := range 100 {
			all[i%2].writes(fmt.Sprint(i % 10))
			time.Sleep(time.Duration(i) * 100 * time.Millisecond)
		}
		synctest.Wait()
		l.wants(w, "the group", true)
		if diff := cmp.Diff(before, inForce()); diff != "" || len(before) != 2+2+entity.Shards {
			t.Errorf("the leases in force (-before +after):\n%s", diff)
		}
	})
}
