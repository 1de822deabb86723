package postgres_test

import (
	"context"
	"testing"
	"time"

	"github.com/slokeep/slokeep/storage"
)

// Of two who at once delete what a fact belongs to, the second sees what the first has left of it. Otherwise there would be
// a fact that nobody finds, and that cannot come back.
func TestTwoWhoDeleteTheSystemsOfOneFact(t *testing.T) {
	pool, schema := newPool(t, nil), newSchema(t)
	s := open(t, pool, schema)
	fact := []storage.Fact{{Kind: "note", Systems: []string{"a", "b"}, Data: []byte("both")}}
	if _, err := s.PutFacts(t.Context(), fact); err != nil {
		t.Fatal(err)
	}
	second := make(chan error, 1)
	err := s.InTx(t.Context(), func(ctx context.Context) error {
		if err := s.DeleteFacts(ctx, []string{"a"}); err != nil {
			return err
		}
		if _, err := s.Versions(ctx, []storage.VersionKey{{Kind: "system", ID: "a"}}); err != nil { // which sends it
			return err
		}
		go func() { second <- s.DeleteFacts(t.Context(), []string{"b"}) }()
		waitFor(t, "the second waits, or is over", func() bool {
			var waiting bool
			ok(t, pool.QueryRow(t.Context(), `SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%' || $1 || '%')`, schema).Scan(&waiting))
			return waiting || len(second) > 0
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-second; err != nil {
		t.Fatal(err)
	}
	for f, err := range s.FactsOf(t.Context(), []string{"a", "b"}) {
		t.Errorf("there is still %v, %v", f, err)
	}
	if added, err := s.PutFacts(t.Context(), fact); err != nil || !added[0] {
		t.Errorf("PutFacts says %v, %v: want that it is new again", added, err)
	}
}

func waitFor(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("in vain for: %s", what)
		}
	}
}
