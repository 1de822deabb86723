package lincheck_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
)

func TestWritersAndReaders(t *testing.T) {
	for _, c := range []struct {
		name  string
		on    store
		share float64
	}{{"on Memory", onMemory, shareOfMemory}, {"on SQLite", onSQLite, shareOfSQLite}} {
		t.Run(c.name, func(t *testing.T) {
			before, ops := figures.histories.Load(), figures.operations.Load()
			for seed := range rounds(t, c.share) {
				t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
					if err := writersAndReaders(t, seed, c.on); err != nil {
						t.Errorf("%s", short(err))
					}
				})
			}
			t.Logf("%d histories of %d operations", figures.histories.Load()-before, figures.operations.Load()-ops)
		})
	}
}

// writersAndReaders lets many clients of several processes write and read, and checks that they see one register for each
// entity.
func writersAndReaders(t testing.TB, seed uint64, on store) error {
	const clients, steps = 6, 40
	w := newWorld(t, seed, on)
	w.plant()
	for range 3 {
		if p := w.open(); w.random.IntN(2) == 0 {
			p.begin()
		}
	}
	var work sync.WaitGroup
	for i := range clients {
		c := w.processes[i%len(w.processes)].client(i)
		work.Go(func() {
			for range steps {
				c.step(i == 0)
			}
		})
	}
	work.Wait()
	return errors.Join(w.closeAll(), w.judge())
}
