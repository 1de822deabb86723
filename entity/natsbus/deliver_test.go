package natsbus_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/entity/natsbus"
)

// sharedLog is a Memory that says it is shared, so that registries on it poll, wake and take leases as processes do.
type sharedLog struct{ entity.Log }

func (sharedLog) Shared() bool { return true }

// Order is the state of the entities: how often it was written.
type Order struct{ N int64 }

// world is several registries on one Log.
type world struct {
	t   *testing.T
	log entity.Log

	mu     sync.Mutex
	orders map[string]Order
}

func newWorld(t *testing.T) *world {
	return &world{t: t, log: sharedLog{entity.NewMemory()}, orders: map[string]Order{}}
}

func (w *world) read(_ context.Context, ids []string, found func(string, Order)) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range ids {
		if o, ok := w.orders[id]; ok {
			found(id, o)
		}
	}
	return nil
}

// process is one registry, and what its handler was given.
type process struct {
	*entity.Handle[Order]
	w *world

	mu  sync.Mutex
	got map[string][]int64 // versions
}

// process makes a registry with a handler that gets each change.
func (w *world) process(bus entity.Bus, poll time.Duration) *process {
	w.t.Helper()
	reg, err := entity.NewRegistry(&entity.Options{Log: w.log, Bus: bus, Poll: poll, LeaseTTL: max(10*time.Second, 3*poll)})
	if err != nil {
		w.t.Fatal(err)
	}
	orders, err := entity.Define(reg, "order", w.read, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	p := &process{Handle: orders, w: w, got: map[string][]int64{}}
	if _, err := orders.OnChange(p.note, nil); err != nil {
		w.t.Fatal(err)
	}
	if err := reg.Start(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if err := reg.Close(); err != nil {
			w.t.Errorf("Close returned %v", err)
		}
	})
	return p
}

func (p *process) note(_ context.Context, c entity.Typed[Order]) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.Next.N != c.Version {
		return fmt.Errorf("version %d has the state %d", c.Version, c.Next.N)
	}
	p.got[c.ID] = append(p.got[c.ID], c.Version)
	return nil
}

func (p *process) write(id string) {
	p.w.t.Helper()
	_, err := p.Mutate(p.w.t.Context(), id, func(context.Context) error {
		p.w.mu.Lock()
		defer p.w.mu.Unlock()
		p.w.orders[id] = Order{p.w.orders[id].N + 1}
		return nil
	}, nil)
	if err != nil {
		p.w.t.Fatal(err)
	}
}

// has reports whether the handler was given all that was written: each change once, and in order.
func (p *process) has() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	for id, o := range p.w.orders {
		want := make([]int64, o.N)
		for i := range want {
			want[i] = int64(i + 1)
		}
		got := p.got[id]
		if !slices.Equal(got, want[:min(len(got), len(want))]) {
			p.w.t.Fatalf("%s: the handler was given the versions %v", id, got)
		}
		if len(got) < len(want) {
			return false
		}
	}
	return true
}

// hostile is a Bus on a network at its worst: of the wakes that it is given it loses some, repeats some and holds some up,
// so that they overtake each other.
type hostile struct {
	*natsbus.Bus
	late sync.WaitGroup

	mu                     sync.Mutex
	rng                    *rand.Rand
	lost, repeated, heldUp int
}

func (h *hostile) Wake(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch h.rng.IntN(4) {
	case 0:
		h.lost++
		return nil
	case 1:
		h.repeated++
		for range h.rng.IntN(5) {
			_ = h.Bus.Wake(ctx)
		}
	case 2:
		h.heldUp++
		wait := time.Duration(h.rng.IntN(int(20 * time.Millisecond)))
		h.late.Go(func() {
			time.Sleep(wait)
			_ = h.Bus.Wake(context.Background())
		})
		return nil
	}
	return h.Bus.Wake(ctx)
}

// Whatever becomes of the messages, each change is delivered once, in order.
func TestLostRepeatedAndLateMessagesChangeNothing(t *testing.T) {
	for seed := range uint64(5) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			url, subject := startServer(t, nil).ClientURL(), newSubject()
			w := newWorld(t)
			var all []*process
			var buses []*hostile
			for i := range 3 {
				h := &hostile{Bus: newBus(t, connect(t, url), subject), rng: rand.New(rand.NewPCG(seed, uint64(i)))}
				t.Cleanup(h.late.Wait)
				buses = append(buses, h)
				all = append(all, w.process(h, 50*time.Millisecond))
			}
			rng := rand.New(rand.NewPCG(seed, 99))
			for range 300 {
				all[rng.IntN(3)].write(fmt.Sprint("o-", rng.IntN(5)))
				if rng.IntN(3) == 0 {
					time.Sleep(time.Millisecond) // so that there are many wakes
				}
			}
			for _, p := range all {
				eventually(t, "all is delivered", p.has)
			}
			for _, h := range buses {
				h.mu.Lock()
				if h.lost == 0 || h.repeated == 0 || h.heldUp == 0 {
					t.Errorf("%d wakes were lost, %d repeated, %d held up: want some of each", h.lost, h.repeated, h.heldUp)
				}
				h.mu.Unlock()
			}
		})
	}
}

// The registries here poll once an hour: what is delivered, the Bus has announced, also what was committed while there was
// no server.
func TestServerIsRestartedInTheMiddle(t *testing.T) {
	s, subject := startServer(t, nil), newSubject()
	port := portOf(s)
	w := newWorld(t)
	var all []*process
	for range 3 {
		all = append(all, w.process(newBus(t, connect(t, s.ClientURL()), subject), time.Hour))
	}
	n := 0
	write := func(times int) {
		for range times {
			all[n%3].write(fmt.Sprint("o-", n%5))
			n++
		}
	}
	for range 3 {
		write(30)
		for _, p := range all {
			eventually(t, "all is delivered", p.has)
		}
		stopServer(s)
		write(30)
		s = startServer(t, &server.Options{Port: port})
		write(30)
		for _, p := range all {
			eventually(t, "what was committed without a server is delivered", p.has)
		}
	}
}

func portOf(s *server.Server) int { return s.Addr().(*net.TCPAddr).Port }
