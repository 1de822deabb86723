package entitytest_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/entity/entitytest"
	"github.com/slokeep/slokeep/internal/failtest"
)

// order is the state of a host's entities.
type order struct{ Condition string }

// shop is a host whose orders are in the database of its Log.
type shop struct {
	log   *database
	cache map[string]order
}

// database is a Log in memory with a table of orders, which its transactions write too.
type database struct {
	entity.Log
	mu     sync.Mutex
	orders map[string]order
}

type pending struct{ orders map[string]*order }

type pendingKey struct{}

// InTx keeps the orders that fn writes until the commit.
func (s *database) InTx(ctx context.Context, fn func(ctx context.Context) error) error {
	p := &pending{map[string]*order{}}
	return s.Log.InTx(ctx, func(ctx context.Context) error {
		s.Log.AfterCommit(ctx, func(context.Context) {
			s.mu.Lock()
			defer s.mu.Unlock()
			for id, o := range p.orders {
				if delete(s.orders, id); o != nil {
					s.orders[id] = *o
				}
			}
		})
		return fn(context.WithValue(ctx, pendingKey{}, p))
	})
}

func (s *database) put(ctx context.Context, id string, o *order) error {
	p, ok := ctx.Value(pendingKey{}).(*pending)
	if !ok {
		return errors.New("no transaction")
	}
	p.orders[id] = o
	return nil
}

func (s *database) get(ctx context.Context, id string) (order, bool) {
	if p, ok := ctx.Value(pendingKey{}).(*pending); ok {
		if o, ok := p.orders[id]; ok {
			if o == nil {
				return order{}, false
			}
			return *o, true
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.orders[id]
	return o, ok
}

func newShop() *shop {
	return &shop{log: &database{Log: entity.NewMemory(), orders: map[string]order{}}, cache: map[string]order{}}
}

func (s *shop) write(ctx context.Context) error  { return s.log.put(ctx, "1", &order{"paid"}) }
func (s *shop) remove(ctx context.Context) error { return s.log.put(ctx, "1", nil) }

func (s *shop) read(ctx context.Context, ids []string, found func(id string, o order)) error {
	for _, id := range ids {
		if o, ok := s.log.get(ctx, id); ok {
			found(id, o)
		}
	}
	return nil
}

// read is of a host's function.
type read func(ctx context.Context, ids []string, found func(id string, o order)) error

func TestCheckRead(t *testing.T) {
	background := func(s *shop) read {
		return func(_ context.Context, ids []string, found func(string, order)) error {
			return s.read(context.Background(), ids, found)
		}
	}
	for _, c := range []struct {
		what string
		read func(s *shop) read
		want string // in the failure; empty: none
	}{
		{"a read in the transaction", func(s *shop) read { return s.read }, ""},
		{"a read outside of the transaction", background, `in the transaction, after a write, read of ["1"] finds "1" 0 times: want 1`},
		{"a read that caches", func(s *shop) read {
			return func(ctx context.Context, ids []string, found func(string, order)) error {
				for _, id := range ids {
					if o, ok := s.cache[id]; ok {
						found(id, o)
					} else if o, ok := s.log.get(ctx, id); ok {
						s.cache[id] = o
						found(id, o)
					}
				}
				return nil
			}
		}, `after a write that was rolled back, read of ["1"] finds "1" 1 times: want 0`},
		{"a read that caches what is not there", func(s *shop) read {
			absent := map[string]bool{}
			return func(ctx context.Context, ids []string, found func(string, order)) error {
				for _, id := range ids {
					if o, ok := s.log.get(ctx, id); ok && !absent[id] {
						found(id, o)
					} else {
						absent[id] = true
					}
				}
				return nil
			}
		}, `in the transaction, after a write, read of ["1"] finds "1" 0 times: want 1`},
		{"a read that finds all", func(s *shop) read {
			return func(ctx context.Context, _ []string, found func(string, order)) error {
				return s.read(ctx, []string{"1"}, found)
			}
		}, `read of ["1-absent"] finds "1" 1 times: want 0`},
		{"a read that finds everything asked for", func(*shop) read {
			return func(_ context.Context, ids []string, found func(string, order)) error {
				for _, id := range ids {
					found(id, order{})
				}
				return nil
			}
		}, `before anything was written, read of ["1"] finds "1" 1 times: want 0`},
		{"a read that finds others", func(s *shop) read {
			return func(ctx context.Context, ids []string, found func(string, order)) error {
				found("2", order{})
				return s.read(ctx, ids, found)
			}
		}, `finds "2", which is not there or was not asked for`},
		{"a read that finds things twice", func(s *shop) read {
			return func(ctx context.Context, ids []string, found func(string, order)) error {
				return errors.Join(s.read(ctx, ids, found), s.read(ctx, ids, found))
			}
		}, `finds "1" 2 times: want 1`},
		{"a read that keeps what was removed", func(s *shop) read {
			seen := map[string]order{}
			return func(ctx context.Context, ids []string, found func(string, order)) error {
				if _, ok := s.log.get(context.Background(), "1"); ok { // it was committed
					seen["1"] = order{}
				}
				for _, id := range ids {
					o, ok := s.log.get(ctx, id)
					if _, old := seen[id]; ok || old {
						found(id, o)
					}
				}
				return nil
			}
		}, `in the transaction, after a removal, read of ["1"] finds "1" 1 times: want 0`},
		{"a read that fails", func(*shop) read {
			return func(context.Context, []string, func(string, order)) error { return errors.New("no connection") }
		}, "no connection"},
	} {
		t.Run(c.what, func(t *testing.T) {
			s := newShop()
			_, said := failtest.Run(t, func(t testing.TB) { entitytest.CheckRead(t, s.log, c.read(s), "1", s.write, s.remove) })
			if c.want == "" && said != "" || !strings.Contains(said, c.want) {
				t.Errorf("CheckRead says:\n%s\nwant:\n%s", said, c.want)
			}
		})
	}
	t.Run("a write that fails", func(t *testing.T) {
		s := newShop()
		no := func(context.Context) error { return errors.New("no disk") }
		_, said := failtest.Run(t, func(t testing.TB) { entitytest.CheckRead(t, s.log, s.read, "1", no, s.remove) })
		if !strings.Contains(said, "a write: no disk") {
			t.Errorf("CheckRead says %q", said)
		}
	})
}
