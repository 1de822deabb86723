package benchmarks

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/slokeep/slokeep/entity"
)

// shop is a host with a table of orders.
type shop struct {
	mu     sync.RWMutex
	orders map[string]Order
}

func newShop(n int) *shop {
	s := &shop{orders: map[string]Order{}}
	for i := range n {
		s.orders[fmt.Sprintf("order-%06d", i)] = Order{Customer: "c-1", Status: "open", Items: 3, Total: 42.5}
	}
	return s
}

func (s *shop) read(_ context.Context, ids []string, found func(string, Order)) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, id := range ids {
		if o, ok := s.orders[id]; ok {
			found(id, o)
		}
	}
	return nil
}

func (s *shop) put(id string, o Order) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.orders[id] = o
}

// reactive makes a shop's orders reactive, with one subscriber, and publishes each order once.
func reactive(b *testing.B, s *shop) *entity.Handle[Order] {
	b.Helper()
	reg, err := entity.NewRegistry(nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = reg.Close() })
	orders, err := entity.Define(reg, "order", s.read, nil)
	if err != nil {
		b.Fatal(err)
	}
	handled := 0
	if _, err := orders.OnChange(func(context.Context, entity.Typed[Order]) error { handled++; return nil }, nil); err != nil {
		b.Fatal(err)
	}
	if err := reg.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	for id, o := range s.orders {
		o.Revision = 1
		if _, err := orders.Mutate(b.Context(), id, func(context.Context) error { s.put(id, o); return nil }, nil); err != nil {
			b.Fatal(err)
		}
	}
	return orders
}

// BenchmarkMutate writes one order of a thousand: two of its six fields change, or none, beside the host's own write and
// read of it.
func BenchmarkMutate(b *testing.B) {
	const id = "order-000500"
	b.Run("host", func(b *testing.B) {
		s := newShop(1000)
		o := s.orders[id]
		read := entity.Read[Order](s.read)
		var seen *Order
		b.ReportAllocs()
		for b.Loop() {
			s.put(id, o)
			if err := read(b.Context(), []string{id}, func(_ string, o Order) { seen = &o }); err != nil {
				b.Fatal(err)
			}
		}
		_ = seen
	})
	b.Run("host-in-transaction", func(b *testing.B) {
		s := newShop(1000)
		log := entity.NewMemory()
		o := s.orders[id]
		read := entity.Read[Order](s.read)
		var seen *Order
		b.ReportAllocs()
		for b.Loop() {
			err := log.InTx(b.Context(), func(ctx context.Context) error {
				if _, err := log.Lock(ctx, "order", []string{id}); err != nil {
					return err
				}
				s.put(id, o)
				return read(ctx, []string{id}, func(_ string, o Order) { seen = &o })
			})
			if err != nil {
				b.Fatal(err)
			}
		}
		_ = seen
	})
	b.Run("unchanged", func(b *testing.B) {
		s := newShop(1000)
		orders := reactive(b, s)
		ctx, o := context.Background(), s.orders[id]
		b.ReportAllocs()
		for b.Loop() {
			if _, err := orders.Mutate(ctx, id, func(context.Context) error { s.put(id, o); return nil }, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("changed", func(b *testing.B) {
		s := newShop(1000)
		orders := reactive(b, s)
		ctx, o := context.Background(), s.orders[id]
		b.ReportAllocs()
		for b.Loop() {
			o.Items++
			o.Revision++
			if _, err := orders.Mutate(ctx, id, func(context.Context) error { s.put(id, o); return nil }, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
}
