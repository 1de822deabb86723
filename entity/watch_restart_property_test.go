package entity_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slokeep/slokeep/entity"
)

var watchRestarts = flag.Int("entity.watchrestarts", 40,
	"in how many random worlds processes with named watches come and go; the full number is 800")

// bubbleClock is the time package's clock, for a host in a bubble.
type bubbleClock struct{}

func (bubbleClock) Now() time.Time { return time.Now() }
func (bubbleClock) AfterFunc(d time.Duration, f func()) (stop func() bool) {
	return time.AfterFunc(d, f).Stop
}

// crowd is a number of processes that share a Log and gauges, in a bubble.
type crowd struct {
	t      *testing.T
	rng    *rand.Rand
	log    entity.Log
	bus    entity.LocalBus
	host   *gauges
	writer *crowdMember // never starts: it writes while nobody else is there
	here   []*crowdMember
	rules  []*rule

	mu        sync.Mutex
	delivered map[string]map[int64]int // how often each Version was, by watch
}

// crowdMember is one process.
type crowdMember struct {
	reg *entity.Registry
	h   *entity.Handle[Gauge]
	end *sharedEnd
}

func newCrowd(t *testing.T, rng *rand.Rand, log entity.Log) *crowd {
	c := &crowd{t: t, rng: rng, log: log, host: newGauges(bubbleClock{}), delivered: map[string]map[int64]int{}}
	c.writer = c.member()
	return c
}

// member makes a process that has not started.
func (c *crowd) member() *crowdMember {
	c.t.Helper()
	m := &crowdMember{}
	opts := &entity.Options{Log: c.log, Bus: &c.bus, OnError: func(err error) {
		if m.end == nil {
			c.t.Errorf("OnError: %v", err)
		}
	}}
	if c.log.Shared() {
		m.end = &sharedEnd{Log: c.log}
		opts.Log = m.end
	}
	reg, err := entity.NewRegistry(opts)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = reg.Close() })
	m.reg, m.h = reg, define(c.t, reg, "gauge", c.host.read, &entity.KindOptions[Gauge]{Forecaster: c.host.forecast})
	return m
}

// join starts a process, which registers all watches, as each process of a host does. The first of them it handles.
func (c *crowd) join() {
	c.t.Helper()
	m := c.member()
	start(c.t, m.reg)
	for i, r := range c.rules {
		stop, err := m.reg.Watch(c.t.Context(), r.condition(), c.deliver, &entity.WatchOptions{Name: fmt.Sprint(i), Group: "g"})
		if err != nil {
			c.t.Fatal(err)
		}
		if i > 0 {
			stop()
		}
	}
	c.here = append(c.here, m)
	synctest.Wait()
}

func (c *crowd) deliver(_ context.Context, f entity.Firing) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.delivered[f.Watch] == nil {
		c.delivered[f.Watch] = map[int64]int{}
	}
	c.delivered[f.Watch][f.Version]++
	return nil
}

// leave closes a process, or cuts it off from the Log, so that it finds out by and by that it is no longer one.
func (c *crowd) leave() {
	c.t.Helper()
	i := c.rng.IntN(len(c.here))
	m := c.here[i]
	c.here = append(c.here[:i:i], c.here[i+1:]...)
	if m.end != nil && c.rng.IntN(2) == 0 {
		m.end.cut()
	} else if err := m.reg.Close(); err != nil {
		c.t.Error(err)
	}
	synctest.Wait()
}

// pass lets time pass, to an instant with an odd number of microseconds.
func (c *crowd) pass() {
	time.Sleep(time.Duration(1+c.rng.Int64N(30e6)) * time.Microsecond)
	synctest.Wait()
}

func TestNamedWatchesLoseNoEdgeWhoeverComesAndGoes(t *testing.T) {
	n := *watchRestarts
	if testing.Short() {
		n = max(1, n/8)
	}
	for name, open := range map[string]func() entity.Log{
		"on a Memory": func() entity.Log { return entity.NewMemory() }, "on a shared Log": func() entity.Log { return newSharedLog() },
	} {
		for seed := range uint64(n) {
			if t.Failed() {
				return
			}
			t.Run(fmt.Sprintf("%s, seed %d", name, seed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { playCrowd(t, newCrowd(t, rand.New(rand.NewPCG(seed, 1)), open())) })
			})
		}
	}
}

func playCrowd(t *testing.T, c *crowd) {
	w := &gaugeWorld{t: t, host: c.host, log: c.log, h: c.writer.h}
	var writes []gaugeWrite
	for range 5 {
		c.rules = append(c.rules, randomRule(c.rng, 1+c.rng.IntN(3), false))
	}
	for range 3 {
		writes = append(writes, w.randomWrite(c.rng, true))
		c.pass()
	}
	begin := time.Now().UnixMicro()
	c.join()
	c.pass()
	for range 40 {
		switch n := c.rng.IntN(10); {
		case n == 0 && len(c.here) < 3:
			c.join()
		case n <= 2 && len(c.here) > 0:
			c.leave()
		default:
			for i := range 1 + c.rng.IntN(2)*c.rng.IntN(3) {
				writes = append(writes, w.randomWrite(c.rng, i == 0))
			}
			synctest.Wait()
		}
		c.pass()
	}
	c.join()
	time.Sleep(5 * time.Minute) // leases run out, and whatever is due comes
	synctest.Wait()
	edges := w.edges()
	for i, r := range c.rules {
		compareEdges(t, fmt.Sprint(i, ": ", r.condition()), r.edges(writes, begin, time.Now().UnixMicro(), false), edges[fmt.Sprint(i)])
	}
	c.checkDeliveries(len(edges["0"]))
	if t.Failed() {
		t.Logf("begun at %s", time.UnixMicro(begin).UTC())
		for _, write := range writes {
			t.Log(write)
		}
	}
}

// checkDeliveries checks that each firing of the first watch was handled, by somebody.
func (c *crowd) checkDeliveries(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var missing []int64
	for version := range int64(n) {
		if c.delivered["0"][version+1] == 0 {
			missing = append(missing, version+1)
		}
	}
	if diff := cmp.Diff([]int64(nil), missing); diff != "" {
		c.t.Errorf("firings that nobody handled (-want +got):\n%s", diff)
	}
}
