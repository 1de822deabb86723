package streak_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/slokeep/slokeep/streak"
)

var (
	rounds    = flag.Int("rounds", 2000, "how many random runs of days each property is tried on; a quarter under -short")
	firstSeed = flag.Uint64("seed", 1, "the seed of the first random run of days; each next one has the next")
)

// onEveryRun tries what must hold on random runs of days.
func onEveryRun(t *testing.T, holds func(list []streak.Day, rng *rand.Rand) error) {
	t.Helper()
	n := *rounds
	if testing.Short() {
		n = max(n/4, 1)
	}
	for i := range n {
		seed := *firstSeed + uint64(i)
		rng := rand.New(rand.NewPCG(seed, 1))
		letters := randomLetters(rng)
		if err := holds(days(t, letters), rng); err != nil {
			t.Fatalf("%s (-seed %d -rounds 1): %v", letters, seed, err)
		}
	}
}

// randomLetters draws up to forty days. Some runs are all but free of Missed days, and some are full of them, so that
// streaks get long and equals are frequent.
func randomLetters(rng *rand.Rand) string {
	pools := []string{"MMMMMMMMhx", "MMx", "Mhx", "MMMMMMMM.hhx", "MM.hx", "hx."}
	pool := pools[rng.IntN(len(pools))]
	letters := make([]byte, rng.IntN(41))
	for i := range letters {
		letters[i] = pool[rng.IntN(len(pool))]
	}
	return string(letters)
}

// oracle says what the streak is after these days, by looking for all the streaks there were.
func oracle(list []streak.Day) streak.Streak {
	var want streak.Streak
	var ended [][]streak.Date // the Met days of each streak that a Missed day ended
	var running []streak.Date
	for _, day := range list {
		want.LastDay = day.Date
		switch day.Outcome {
		case streak.Met:
			running = append(running, day.Date)
		case streak.Missed:
			ended, running = append(ended, running), nil
		}
	}
	want.Current = len(running)
	if len(running) > 0 {
		want.Start, want.LastMet = running[0], running[len(running)-1]
	}
	for _, run := range append(ended, running) {
		want.Best = max(want.Best, len(run))
	}
	for _, run := range ended { // the last of the longest; a longer one that runs is none of these
		if want.Best > 0 && len(run) == want.Best {
			want.BestEnd = run[len(run)-1]
		}
	}
	return want
}

func TestNextEqualsTheOracleAfterEachDay(t *testing.T) {
	onEveryRun(t, func(list []streak.Day, _ *rand.Rand) error {
		var s streak.Streak
		for i, day := range list {
			var err error
			if s, err = s.Next(day); err != nil {
				return err
			}
			if want := oracle(list[:i+1]); s != want {
				return fmt.Errorf("after %s: got %s, want %s", day.Date, january(s), january(want))
			}
		}
		return nil
	})
}

func TestFoldOfAnySplitEqualsTheFoldOfAll(t *testing.T) {
	onEveryRun(t, func(list []streak.Day, _ *rand.Rand) error {
		want, err := streak.Fold(slices.Values(list))
		if err != nil {
			return err
		}
		for i := range len(list) + 1 {
			got, err := streak.Fold(slices.Values(list[:i]))
			if err != nil {
				return err
			}
			for _, day := range list[i:] {
				if got, err = got.Next(day); err != nil {
					return err
				}
			}
			if got != want {
				return fmt.Errorf("split after %d days: got %s, want %s", i, january(got), january(want))
			}
		}
		return nil
	})
}

// record makes the rows of these days anew from one of them on, each from the row before, as a job does when facts
// changed.
func record(rows, list []streak.Day, from int) error {
	for i := from; i < len(list); i++ {
		var before streak.Streak
		if i > 0 {
			before = rows[i-1].Streak
		}
		outcome := func(streak.Standing) streak.Outcome { return list[i].Outcome }
		row, err := streak.Standing{Day: list[i]}.Record(before, outcome)
		if err != nil {
			return err
		}
		rows[i] = row
	}
	return nil
}

func TestRecomputationFromADirtyDayEqualsTheFoldFromScratch(t *testing.T) {
	onEveryRun(t, func(list []streak.Day, rng *rand.Rand) error {
		rows := make([]streak.Day, len(list))
		if err := record(rows, list, 0); err != nil {
			return err
		}
		for range min(len(list), 5) {
			dirty := rng.IntN(len(list))
			for i := dirty; i < len(list); i++ {
				list[i].Outcome = streak.Met + streak.Outcome(rng.IntN(3))
			}
			if err := record(rows, list, dirty); err != nil {
				return err
			}
			for i, row := range rows {
				if want := oracle(list[:i+1]); row.Streak != want || row.Outcome != list[i].Outcome {
					return fmt.Errorf("dirty from %s on, %s: got %s, want %s", list[dirty].Date, row.Date, january(row.Streak), january(want))
				}
			}
		}
		return nil
	})
}

func TestWhatIsTrueOfEveryStreak(t *testing.T) {
	onEveryRun(t, func(list []streak.Day, _ *rand.Rand) error {
		var s streak.Streak
		for _, day := range list {
			before := s
			var err error
			if s, err = s.Next(day); err != nil {
				return err
			}
			runs := s.Current > 0
			for _, law := range []struct {
				name  string
				holds bool
			}{
				{"Current is at most Best", 0 <= s.Current && s.Current <= s.Best},
				{"Best never shrinks", s.Best >= before.Best},
				{"Start is there while a streak runs", s.Start.IsZero() == !runs},
				{"LastMet is there while a streak runs", s.LastMet.IsZero() == !runs},
				{"Start, LastMet and LastDay are in order", !s.Start.After(s.LastMet) && !s.LastMet.After(s.LastDay)},
				{"a streak has no more days than there are", !runs || s.Current <= s.LastMet.Sub(s.Start)+1},
				{"BestEnd is missing only before the first and in a longest streak", !s.BestEnd.IsZero() || s.Current == s.Best},
				{"BestEnd lies before a streak that runs", !runs || s.BestEnd.Before(s.Start)},
			} {
				if !law.holds {
					return fmt.Errorf("after %s, %s: %s", day.Date, january(s), law.name)
				}
			}
		}
		return nil
	})
}
