package benchmarks

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/gochannel"
	eventbus "github.com/asaskevich/EventBus"
	"k8s.io/client-go/util/workqueue"

	"github.com/slokeep/slokeep/entity"
)

// Order is what is published: six fields.
type Order struct {
	Customer string  `json:"customer"`
	Status   string  `json:"status"`
	Items    int     `json:"items"`
	Total    float64 `json:"total"`
	Paid     bool    `json:"paid"`
	Revision int64   `json:"revision"`
}

// publisher publishes change n to all its subscribers; each subscriber counts what it was given. After flush nothing waits
// for more.
type publisher interface {
	publish(n int)
	flush()
	close()
}

// BenchmarkDeliver publishes b.N changes and waits until every subscriber has handled all of them, in order.
func BenchmarkDeliver(b *testing.B) {
	for _, subscribers := range []int{1, 8} {
		for _, peer := range []struct {
			name string
			open func(b *testing.B, subscribers int, handled func(n int)) publisher
		}{
			{"channel", openChannels},
			{"slokeep", openLog(64)},
			{"slokeep-alone", openLog(1)},
			{"gochannel", openGoChannel},
			{"EventBus", openEventBus},
			{"workqueue", openWorkqueue},
		} {
			b.Run(fmt.Sprintf("subscribers=%d/%s", subscribers, peer.name), func(b *testing.B) {
				var left atomic.Int64
				done := make(chan struct{})
				p := peer.open(b, subscribers, func(int) {
					if left.Add(-1) == 0 {
						close(done)
					}
				})
				b.ReportAllocs()
				left.Store(int64(b.N * subscribers))
				b.ResetTimer()
				for n := range b.N {
					p.publish(n)
				}
				p.flush()
				<-done
				b.StopTimer()
				p.close()
			})
		}
	}
}

// orders makes the changes of one order, each continuing the one before.
type orders struct{ last *Order }

func (o *orders) change(n int) entity.Change {
	prev := o.last
	next := &Order{Customer: "c-1", Status: "paid", Revision: int64(n + 1)}
	if o.last = next; prev == nil {
		prev = next
	}
	return entity.Change{Kind: "order", ID: "o-1", Version: int64(n + 1), Prev: prev, Next: next,
		Fields: revision, Actor: entity.System, At: at}
}

var (
	revision = []string{"revision"}
	at       = time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)
)

// channels are the floor: a buffered channel for each subscriber, and a goroutine that ranges over it. They keep no
// order between a writer that commits and one that does not, no history, and block the writer when a subscriber is slow.
type channels struct {
	orders
	all  []chan entity.Change
	work sync.WaitGroup
}

func openChannels(_ *testing.B, subscribers int, handled func(int)) publisher {
	c := &channels{}
	for range subscribers {
		ch := make(chan entity.Change, 64)
		c.all = append(c.all, ch)
		c.work.Go(func() {
			for change := range ch {
				handled(int(change.Version))
			}
		})
	}
	return c
}

func (c *channels) publish(n int) {
	change := c.change(n)
	for _, ch := range c.all {
		ch <- change
	}
}

func (c *channels) flush() {}

func (c *channels) close() {
	for _, ch := range c.all {
		close(ch)
	}
	c.work.Wait()
}

// log appends to a Memory, so many changes in one transaction, and a Registry delivers.
type log struct {
	orders
	batch   int
	entries []entity.Entry
	log     *entity.Memory
	reg     *entity.Registry
}

func openLog(batch int) func(b *testing.B, subscribers int, handled func(int)) publisher {
	return func(b *testing.B, subscribers int, handled func(int)) publisher {
		l := &log{log: entity.NewMemory(), batch: batch}
		reg, err := entity.NewRegistry(&entity.Options{Log: l.log})
		if err != nil {
			b.Fatal(err)
		}
		l.reg = reg
		none := func(context.Context, []string, func(string, Order)) error { return nil }
		orders, err := entity.Define(reg, "order", none, nil)
		if err != nil {
			b.Fatal(err)
		}
		for range subscribers {
			_, err := orders.OnChange(func(_ context.Context, c entity.Typed[Order]) error {
				handled(int(c.Version))
				return nil
			}, nil)
			if err != nil {
				b.Fatal(err)
			}
		}
		if err := reg.Start(b.Context()); err != nil {
			b.Fatal(err)
		}
		return l
	}
}

func (l *log) publish(n int) {
	c := l.change(n)
	l.entries = append(l.entries, entity.Entry{
		Head:        entity.Head{ID: c.ID, Version: c.Version, State: c.Next, Published: c.Next, At: c.At},
		Transitions: c.Fields,
		Change:      c,
	})
	if len(l.entries) == l.batch {
		l.flush()
	}
}

func (l *log) flush() {
	err := l.log.InTx(context.Background(), func(ctx context.Context) error { return l.log.Append(ctx, l.entries) })
	if err != nil {
		panic(err)
	}
	l.entries = l.entries[:0]
}

func (l *log) close() { _ = l.reg.Close() }

type goChannel struct {
	bus  *gochannel.GoChannel
	work sync.WaitGroup
}

func openGoChannel(b *testing.B, subscribers int, handled func(int)) publisher {
	g := &goChannel{bus: gochannel.NewGoChannel(gochannel.Config{OutputChannelBuffer: 64}, watermill.NopLogger{})}
	for range subscribers {
		messages, err := g.bus.Subscribe(context.Background(), "order")
		if err != nil {
			b.Fatal(err)
		}
		g.work.Go(func() {
			for m := range messages {
				handled(0)
				m.Ack()
			}
		})
	}
	return g
}

var payload = []byte(`{"customer":"c-1","status":"","items":0,"total":0,"paid":false,"revision":1}`)

func (g *goChannel) publish(int) {
	if err := g.bus.Publish("order", message.NewMessage(watermill.NewShortUUID(), payload)); err != nil {
		panic(err)
	}
}

func (g *goChannel) flush() {}

func (g *goChannel) close() {
	_ = g.bus.Close()
	g.work.Wait()
}

type eventBus struct {
	orders
	bus eventbus.Bus
}

func openEventBus(b *testing.B, subscribers int, handled func(int)) publisher {
	e := &eventBus{bus: eventbus.New()}
	for i := range subscribers {
		// Each needs a function of its own, which the bus tells apart by their code.
		_ = i
		if err := e.bus.SubscribeAsync("order", func(c entity.Change) { handled(int(c.Version)) }, true); err != nil {
			b.Fatal(err)
		}
	}
	return e
}

func (e *eventBus) publish(n int) { e.bus.Publish("order", e.change(n)) }
func (e *eventBus) flush()        {}

func (e *eventBus) close() { e.bus.WaitAsync() }

// queues give a key to each subscriber's queue. Keys, not changes: equal ones would be merged, so each is new.
type queues struct {
	all  []workqueue.TypedInterface[int]
	work sync.WaitGroup
}

func openWorkqueue(_ *testing.B, subscribers int, handled func(int)) publisher {
	q := &queues{}
	for range subscribers {
		queue := workqueue.NewTyped[int]()
		q.all = append(q.all, queue)
		q.work.Go(func() {
			for {
				n, shutdown := queue.Get()
				if shutdown {
					return
				}
				handled(n)
				queue.Done(n)
			}
		})
	}
	return q
}

func (q *queues) publish(n int) {
	for _, queue := range q.all {
		queue.Add(n)
	}
}

func (q *queues) flush() {}

func (q *queues) close() {
	for _, queue := range q.all {
		queue.ShutDown()
	}
	q.work.Wait()
}
