package engine_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slokeep/slokeep/storage/memory"
	"github.com/slokeep/slokeep/storage/storagetest"
)

var sagas = flag.Int("sagas", 1, "how many sagas of 400 days the daily job goes through; 20 for all of them")

// Faults of the predecessor that would show here: a job that runs twice or in two processes counts a day twice; a missed
// night is lost; an update of a streak is lost between reading and writing it; one objective's error moves its streak never.
func TestDaysAreTheSameHoweverTheDailyJobRuns(t *testing.T) {
	for seed := range *sagas {
		long, short := newSaga(uint64(seed), inShort(400, 150)), newSaga(uint64(seed)+1000, inShort(130, 100))
		for _, way := range []struct {
			name string
			play func(t *testing.T, s *saga)
			saga *saga
		}{
			{"every night", everyNight, long},
			{"every night, twice", everyNightTwice, long},
			{"once after all of them", onceAfterAll, long},
			{"seldom", seldom, short},
			{"by two engines at once", byTwoEngines, short},
			{"while others write", whileOthersWrite, short},
			{"on a store that fails", onAStoreThatFails, short},
		} {
			t.Run(fmt.Sprintf("%s, saga %d", way.name, seed), func(t *testing.T) {
				t.Parallel()
				way.play(t, way.saga)
			})
		}
	}
}

func everyNight(t *testing.T, s *saga) {
	st := newStage(t, memory.New(), 1)
	st.play(s, st.plainly, func(midnight time.Time) {
		ok(t, st.engines[0].RunDaily(t.Context(), midnight))
		if midnight.Equal(s.until) || int(midnight.Sub(epoch)/day)%97 == 0 { // the ledger is slow
			st.check(midnight)
		}
	})
}

func everyNightTwice(t *testing.T, s *saga) {
	st := newStage(t, storagetest.WithHistories(memory.New()), 1)
	st.play(s, st.plainly, func(midnight time.Time) {
		ok(t, st.engines[0].RunDaily(t.Context(), midnight))
		ok(t, st.engines[0].RunDaily(t.Context(), midnight))
	})
	st.check(s.until)
}

func onceAfterAll(t *testing.T, s *saga) {
	st := newStage(t, memory.New(), 1)
	st.play(s, st.plainly, func(time.Time) {})
	ok(t, st.engines[0].RunDaily(t.Context(), s.until))
	st.check(s.until)
}

// seldom also runs for instants that are long past, which takes nothing back.
func seldom(t *testing.T, s *saga) {
	st, rng := newStage(t, newFickle(), 1), rand.New(rand.NewPCG(1, 1))
	st.play(s, st.plainly, func(midnight time.Time) {
		if rng.IntN(20) == 0 {
			ok(t, st.engines[0].RunDaily(t.Context(), midnight.Add(-time.Duration(rng.IntN(5))*day)))
		}
	})
	ok(t, st.engines[0].RunDaily(t.Context(), s.until))
	ok(t, st.engines[0].RunDaily(t.Context(), s.until.AddDate(0, -1, 0)))
	st.check(s.until)
}

func byTwoEngines(t *testing.T, s *saga) {
	st := newStage(t, newFickle(), 2)
	n := 0
	do := func(d deed) error {
		n++
		return d.host(t.Context(), st.engines[n%2])
	}
	st.play(s, do, func(midnight time.Time) {
		var both errgroup.Group
		for _, e := range st.engines {
			both.Go(func() error { return e.RunDaily(t.Context(), midnight) })
		}
		ok(t, both.Wait())
	})
	st.check(s.until)
}

func whileOthersWrite(t *testing.T, s *saga) {
	st := newStage(t, storagetest.WithHistories(memory.New()), 2)
	var job errgroup.Group
	st.play(s, st.plainly, func(midnight time.Time) {
		ok(t, job.Wait())
		job = errgroup.Group{}
		job.Go(func() error { return st.engines[1].RunDaily(t.Context(), midnight) })
	})
	ok(t, job.Wait())
	ok(t, st.engines[0].RunDaily(t.Context(), s.until))
	st.check(s.until)
}

func onAStoreThatFails(t *testing.T, s *saga) {
	var faults storagetest.Faults
	st, rng := newStage(t, faults.Wrap(storagetest.WithHistories(memory.New())), 1), rand.New(rand.NewPCG(2, 2))
	failed := 0
	again := func(do func() error) error {
		for range rng.IntN(3) {
			faults.Fail(storagetest.Fault{N: 1 + rng.IntN(80), When: storagetest.When(rng.IntN(3))})
		}
		if rng.IntN(2) == 0 {
			faults.Fail(storagetest.Fault{Method: "InTx", N: 1 + rng.IntN(4), When: storagetest.When(rng.IntN(3))})
		}
		var err error
		for range 20 {
			if err = do(); err == nil {
				break
			}
			failed++
		}
		return err
	}
	st.play(s, func(d deed) error { return again(func() error { return st.plainly(d) }) }, func(midnight time.Time) {
		ok(t, again(func() error { return st.engines[0].RunDaily(t.Context(), midnight) }))
	})
	faults.Reset()
	st.check(s.until)
	if failed < 50 {
		t.Errorf("%d calls failed, want more", failed)
	}
}
