package lincheck_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/slokeep/slokeep/internal/lincheck"
)

// What the model allows of one key, and what not, one history at a time.
func TestTheModelOfACacheKnowsWhatIsLawful(t *testing.T) {
	wrote := func(at, version int64) lincheck.Touch {
		return touch(lincheck.Write, at, at, version, 0)
	}
	loaded := func(at, version int64) lincheck.Touch {
		return touch(lincheck.Load, at, at, version, at)
	}
	invalidated := func(call, end, version int64) lincheck.Touch {
		return touch(lincheck.Invalidate, call, end, version, 0)
	}
	given := func(call, end, version, read int64) lincheck.Touch {
		return touch(lincheck.Given, call, end, version, read)
	}
	nothing := func(call, end int64) lincheck.Touch { return touch(lincheck.Nothing, call, end, 0, 0) }
	for _, c := range []struct {
		name    string
		history []lincheck.Touch
		lawful  bool
	}{
		{"what was written and not invalidated is seen or not", []lincheck.Touch{
			loaded(1, 0), wrote(2, 1), given(3, 4, 0, 1), loaded(6, 1), given(5, 7, 1, 6), given(8, 9, 0, 1),
		}, true},
		{"nothing old after an invalidation", []lincheck.Touch{
			loaded(1, 0), wrote(2, 1), invalidated(3, 4, 1), given(5, 6, 0, 1),
		}, false},
		{"something old beside an invalidation, whoever returns first", []lincheck.Touch{
			loaded(1, 0), wrote(2, 1), invalidated(3, 6, 1), given(4, 5, 0, 1), given(4, 7, 0, 1),
		}, true},
		{"something old to one who asked beside an invalidation, even after one who got what is new", []lincheck.Touch{
			loaded(1, 0), wrote(2, 1), invalidated(3, 10, 1), loaded(5, 1), given(4, 6, 1, 5), given(7, 8, 0, 1),
		}, true},
		{"nothing that was read before an invalidation, though it is still true", []lincheck.Touch{
			loaded(1, 0), invalidated(2, 3, 0), given(4, 5, 0, 1),
		}, false},
		{"an invalidation need not see what was written after it was called", []lincheck.Touch{
			invalidated(1, 4, 0), loaded(2, 0), wrote(3, 1), given(5, 6, 0, 2),
		}, true},
		{"of two invalidations that overlap the one that returned counts", []lincheck.Touch{
			loaded(1, 0), wrote(2, 1), invalidated(3, 10, 1), wrote(4, 2), invalidated(5, 6, 2), loaded(8, 2), given(7, 9, 0, 1),
		}, false},
		{"nothing from the future", []lincheck.Touch{
			given(1, 2, 1, 4), wrote(3, 1), loaded(4, 1),
		}, false},
		{"nothing that no loader has read", []lincheck.Touch{
			loaded(1, 0), wrote(2, 1), given(3, 4, 1, 1),
		}, false},
		{"that there is nothing, from a version that may be given", []lincheck.Touch{
			wrote(1, 1), wrote(2, 2), wrote(3, 3), loaded(4, 3), nothing(5, 6), wrote(7, 4), nothing(8, 9),
		}, true},
		{"not that there is nothing, after an invalidation", []lincheck.Touch{
			wrote(1, 1), wrote(2, 2), wrote(3, 3), wrote(4, 4), invalidated(5, 6, 4), nothing(7, 8),
		}, false},
		{"not that there is nothing, before there was nothing", []lincheck.Touch{
			wrote(1, 1), nothing(2, 3),
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := lincheck.CheckReadThrough(c.history, time.Minute); (err == nil) != c.lawful {
				t.Errorf("lawful: %v; %v", c.lawful, err)
			}
		})
	}
}

func touch(did lincheck.Did, call, end, version, read int64) lincheck.Touch {
	return lincheck.Touch{Did: did, Call: call, Return: end, Stored: lincheck.Stored{Key: "k", Version: version, Read: read}}
}

// The model and the law, as one says it of each two operations, judge random histories the same.
func TestTheModelOfACacheIsItsLaw(t *testing.T) {
	histories := 20_000
	if testing.Short() {
		histories /= 10
	}
	lawful := 0
	for seed := range uint64(histories) {
		history := randomTouches(rand.New(rand.NewPCG(seed, 0)))
		want := keepsTheLaw(history)
		if want {
			lawful++
		}
		if err := lincheck.CheckReadThrough(history, judging); (err == nil) != want {
			t.Fatalf("seed %d: lawful: %v; %v", seed, want, err)
		}
	}
	if lawful < histories/5 || lawful > histories*4/5 {
		t.Errorf("%d of %d histories are lawful: this has shown nothing", lawful, histories)
	}
}

// randomTouches is a history of one key in which reads give anything that was ever read before they returned. All but calls
// happens at even instants.
func randomTouches(random *rand.Rand) (history []lincheck.Touch) {
	var loads []lincheck.Touch
	truth := []int64{0} // by half the instant
	for range 12 + random.IntN(12) {
		version, now := truth[len(truth)-1], int64(2*len(truth))
		before := max(0, len(truth)-1-random.IntN(5))
		call := int64(2*before + 1)
		switch n := random.IntN(8); {
		case n < 2:
			version++
			history = append(history, touch(lincheck.Write, now, now, version, 0))
		case n < 4:
			loads = append(loads, touch(lincheck.Load, now, now, version, now))
			history = append(history, loads[len(loads)-1])
		case n == 4:
			history = append(history, touch(lincheck.Invalidate, call, now, truth[before], 0))
		case len(loads) > 0:
			read := loads[max(random.IntN(len(loads)), random.IntN(len(loads)))].Stored
			if lincheck.Absent(read.Version) {
				history = append(history, touch(lincheck.Nothing, call, now, 0, 0))
			} else {
				history = append(history, touch(lincheck.Given, call, now, read.Version, read.Read))
			}
		}
		truth = append(truth, version)
	}
	return history
}

// keepsTheLaw says it of a history of one key.
func keepsTheLaw(history []lincheck.Touch) bool {
	for _, t := range history {
		switch t.Did {
		case lincheck.Given:
			for _, i := range history {
				if i.Did == lincheck.Invalidate && i.Return < t.Call && t.Read < i.Call {
					return false
				}
			}
		case lincheck.Nothing:
			floor, newest, some := int64(0), int64(0), false
			for _, i := range history {
				switch {
				case i.Did == lincheck.Invalidate && i.Return < t.Call:
					floor = max(floor, i.Version)
				case i.Did == lincheck.Write && i.Call < t.Return:
					newest = i.Version
				}
			}
			for v := floor; v <= newest; v++ {
				some = some || lincheck.Absent(v)
			}
			if !some {
				return false
			}
		}
	}
	return true
}
