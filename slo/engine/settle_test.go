package engine_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/memory"
)

// slowCommit is a store whose commits of a Delete stand still where records are gone already, and changes not there yet.
type slowCommit struct {
	*memory.Store
	still, on chan struct{}
}

func (s *slowCommit) Delete(ctx context.Context, keys []storage.Key) error {
	if err := s.Store.Delete(ctx, keys); err != nil {
		return err
	}
	return s.Stage(ctx, func() {
		s.still <- struct{}{}
		<-s.on
	})
}

func TestSettleWaitsForACommitThatIsOnItsWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &slowCommit{memory.New(), make(chan struct{}), make(chan struct{})}
		e, err := engine.New(store, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := e.Close(); err != nil {
				t.Error(err)
			}
		}()
		var heard atomic.Int64
		_, err = e.SLOs().OnChange(func(context.Context, entity.Typed[engine.SLOState]) error {
			heard.Add(1)
			return nil
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Entities().Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := e.Create(t.Context(), slo.Objective{ID: "o", SystemID: "s", Target: 99.9, Window: slo.Days(30)}); err != nil {
			t.Fatal(err)
		}
		if err := e.Settle(t.Context()); err != nil { // nothing but the refresher must come to the commit
			t.Fatal(err)
		}
		if err := e.Observe(t.Context(), slo.Down("s", time.Now())); err != nil {
			t.Fatal(err)
		}
		<-store.still
		settled := make(chan error, 1)
		go func() { settled <- e.Settle(t.Context()) }()
		synctest.Wait()
		select {
		case err := <-settled:
			t.Errorf("it is settled (%v), and %d changes of 2 were heard of", err, heard.Load())
			close(store.on)
		default:
			close(store.on)
			if err := <-settled; err != nil || heard.Load() != 2 {
				t.Errorf("settled: %v, and %d changes of 2 were heard of", err, heard.Load())
			}
		}
	})
}

// In a transaction it would wait for what nobody else sees.
func TestSettleInATransactionIsRefused(t *testing.T) {
	h := newHost(t, engine.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // which it does not need
	defer cancel()
	err := h.store.InTx(ctx, func(ctx context.Context) error {
		ok(t, h.Observe(ctx, slo.Down("api", minutes(-1))))
		return h.Settle(ctx)
	})
	fails(t, "Settle in a transaction", err, engine.ErrInvalid)
}
