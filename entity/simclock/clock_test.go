package simclock_test

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/entity/simclock"
)

var _ entity.Clock = (*simclock.Clock)(nil)

var noon = time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)

// script is a clock whose functions write down when they ran: "5s a" for one named a, 5 s after noon.
type script struct {
	*simclock.Clock
	lines []string
}

func newScript() *script { return &script{Clock: simclock.New(noon)} }

func (s *script) note(name string) {
	s.lines = append(s.lines, fmt.Sprintf("%s %s", s.Now().Sub(noon), name))
}

// at registers a function that notes its name, then does what it is given.
func (s *script) at(d time.Duration, name string, then ...func()) (stop func() bool) {
	return s.AfterFunc(d, func() {
		s.note(name)
		for _, f := range then {
			f()
		}
	})
}

func (s *script) settles() { s.Settle = func() { s.note("settle") } }

func checkScript(t *testing.T, play func(s *script), want []string) {
	t.Helper()
	s := newScript()
	play(s)
	if !slices.Equal(s.lines, want) {
		t.Errorf("got  %q\nwant %q", s.lines, want)
	}
}

func TestClockMovesInSteps(t *testing.T) {
	tests := []struct {
		name string
		play func(s *script)
		want []string
	}{
		{"nothing is due", func(s *script) { s.Advance(time.Minute) }, nil},
		{"what is due runs at its own instant, by instant", func(s *script) {
			s.at(3*time.Second, "c")
			s.at(time.Second, "a")
			s.at(2*time.Second, "b")
			s.Advance(time.Minute)
		}, []string{"1s a", "2s b", "3s c"}},
		{"what is due at one instant runs in order of registration", func(s *script) {
			for _, name := range []string{"a", "b", "c", "d", "e", "f", "g"} {
				s.at(time.Second, name)
			}
			s.Advance(time.Second)
		}, []string{"1s a", "1s b", "1s c", "1s d", "1s e", "1s f", "1s g"}},
		{"order of registration counts wherever the clock stood then", func(s *script) {
			s.at(2*time.Second, "a")
			s.Advance(time.Second)
			s.at(time.Second, "b")
			s.Advance(time.Second)
		}, []string{"2s a", "2s b"}},
		{"what is due at the target runs, a nanosecond later it waits", func(s *script) {
			s.at(time.Second, "a")
			s.at(time.Second+1, "b")
			s.Advance(time.Second)
			s.note("moved")
			s.Advance(1)
		}, []string{"1s a", "1s moved", "1.000000001s b"}},
		{"nothing runs before the clock moves, and a move by nothing runs what has no delay", func(s *script) {
			s.at(0, "a")
			s.at(-time.Hour, "b")
			s.at(math.MinInt64, "c")
			s.note("registered")
			s.Advance(0)
		}, []string{"0s registered", "0s a", "0s b", "0s c"}},
		{"a move by nothing runs nothing that has a delay", func(s *script) {
			s.at(1, "a")
			s.Advance(0)
		}, nil},
		{"a function that registers for its own instant is followed by that, after all that waited", func(s *script) {
			s.at(time.Second, "a", func() { s.at(0, "later", func() { s.at(0, "last") }) })
			s.at(time.Second, "b")
			s.Advance(time.Minute)
		}, []string{"1s a", "1s b", "1s later", "1s last"}},
		{"a function that registers for later finds its instant in the same move", func(s *script) {
			var tick func()
			tick = func() { s.at(time.Second, "tick", tick) }
			tick()
			s.Advance(3500 * time.Millisecond)
			s.note("moved")
			s.Advance(500 * time.Millisecond)
		}, []string{"1s tick", "2s tick", "3s tick", "3.5s moved", "4s tick"}},
		{"the longest delay there is lies ahead", func(s *script) {
			s.at(math.MaxInt64, "never")
			s.Advance(100 * 365 * 24 * time.Hour)
		}, nil},
		{"a stopped function does not run, and stopping it again does nothing", func(s *script) {
			stop := s.at(time.Second, "a")
			s.at(time.Second, "b")
			s.note(fmt.Sprint("stop ", stop(), " ", stop()))
			s.Advance(time.Minute)
			s.note(fmt.Sprint("stop ", stop()))
		}, []string{"0s stop true false", "1s b", "1m0s stop false"}},
		{"stop comes too late for a function that ran, and for one that runs", func(s *script) {
			var stop func() bool
			stop = s.at(time.Second, "a", func() { s.note(fmt.Sprint("stop ", stop())) })
			s.Advance(time.Minute)
			s.note(fmt.Sprint("stop ", stop()))
		}, []string{"1s a", "1s stop false", "1m0s stop false"}},
		{"a function stops another of its instant", func(s *script) {
			var stop func() bool
			s.at(time.Second, "a", func() { s.note(fmt.Sprint("stop ", stop())) })
			stop = s.at(time.Second, "b")
			s.at(time.Second, "c")
			s.Advance(time.Minute)
		}, []string{"1s a", "1s stop true", "1s c"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { checkScript(t, tt.play, tt.want) })
	}
}

func TestClockSettles(t *testing.T) {
	tests := []struct {
		name string
		play func(s *script)
		want []string
	}{
		{"where it stands and at the target, where nothing is due", func(s *script) {
			s.settles()
			s.Advance(time.Second)
		}, []string{"0s settle", "1s settle"}},
		{"once where the clock stands, in a move by nothing", func(s *script) {
			s.settles()
			s.Advance(0)
		}, []string{"0s settle"}},
		{"first, once for each instant at which something is due, and at the target", func(s *script) {
			s.settles()
			s.at(time.Second, "a")
			s.at(time.Second, "b")
			s.at(2*time.Second, "c")
			s.Advance(3 * time.Second)
		}, []string{"0s settle", "1s a", "1s b", "1s settle", "2s c", "2s settle", "3s settle"}},
		{"not twice where something was due at the target", func(s *script) {
			s.settles()
			s.at(time.Second, "a")
			s.Advance(time.Second)
		}, []string{"0s settle", "1s a", "1s settle"}},
		{"again after what settling registers for the same instant", func(s *script) {
			s.Settle = func() {
				s.note("settle")
				if len(s.lines) == 3 {
					s.at(0, "more")
				}
			}
			s.at(time.Second, "a")
			s.Advance(time.Second)
		}, []string{"0s settle", "1s a", "1s settle", "1s more", "1s settle"}},
		{"and does not pass over what settling registers for an instant before the next", func(s *script) {
			s.Settle = func() {
				s.note("settle")
				if len(s.lines) == 3 {
					s.at(time.Second, "between")
				}
			}
			s.at(time.Second, "a")
			s.at(3*time.Second, "b")
			s.Advance(3 * time.Second)
		}, []string{"0s settle", "1s a", "1s settle", "2s between", "2s settle", "3s b", "3s settle"}},
		{"and runs what settling at the target registers there", func(s *script) {
			s.Settle = func() {
				s.note("settle")
				if len(s.lines) == 2 {
					s.at(0, "a")
					s.at(1, "next move")
				}
			}
			s.Advance(time.Second)
		}, []string{"0s settle", "1s settle", "1s a", "1s settle"}},
		{"before time passes over what the first settling registers", func(s *script) {
			s.Settle = func() {
				s.note("settle")
				if len(s.lines) == 1 {
					s.at(time.Second, "a")
				}
			}
			s.Advance(time.Minute)
		}, []string{"0s settle", "1s a", "1s settle", "1m0s settle"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { checkScript(t, tt.play, tt.want) })
	}
}

func TestClockNow(t *testing.T) {
	start := time.Date(2026, time.March, 2, 12, 0, 0, 123456789, time.FixedZone("CET", 3600))
	t.Run("is what the clock was given", func(t *testing.T) {
		if got := simclock.New(start).Now(); got != start {
			t.Errorf("got %v, want %v", got, start)
		}
	})
	t.Run("has no monotonic reading, at the start and after AdvanceTo", func(t *testing.T) {
		wall := time.Now()
		c := simclock.New(wall)
		if got := c.Now(); got != wall.Round(0) {
			t.Errorf("at the start %#v, want %#v", got, wall.Round(0))
		}
		later := wall.Add(time.Second)
		if err := c.AdvanceTo(later); err != nil {
			t.Fatal(err)
		}
		if got := c.Now(); got != later.Round(0) {
			t.Errorf("after AdvanceTo %#v, want %#v", got, later.Round(0))
		}
	})
	t.Run("stays in the location of the start", func(t *testing.T) {
		c := simclock.New(start)
		if err := c.AdvanceTo(start.Add(time.Hour).UTC()); err != nil {
			t.Fatal(err)
		}
		if got, want := c.Now(), start.Add(time.Hour); got != want {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

func TestClockDoesNotGoBack(t *testing.T) {
	t.Run("AdvanceTo an earlier instant is ErrPast, and changes nothing", func(t *testing.T) {
		s := newScript()
		s.settles()
		s.at(0, "a")
		if err := s.AdvanceTo(noon.Add(-1)); !errors.Is(err, simclock.ErrPast) {
			t.Errorf("got %v, want ErrPast", err)
		}
		if !s.Now().Equal(noon) || s.lines != nil {
			t.Errorf("the clock stands at %v after %q", s.Now(), s.lines)
		}
	})
	t.Run("AdvanceTo where the clock stands is a move by nothing", func(t *testing.T) {
		s := newScript()
		s.at(0, "a")
		if err := s.AdvanceTo(noon); err != nil || len(s.lines) != 1 {
			t.Errorf("got %v after %q", err, s.lines)
		}
	})
	t.Run("Advance by a negative length panics with ErrPast", func(t *testing.T) {
		if err := panicOf(func() { newScript().Advance(-1) }); !errors.Is(err, simclock.ErrPast) {
			t.Errorf("got %v, want ErrPast", err)
		}
	})
}

// panicOf returns the error with which f panics.
func panicOf(f func()) (err error) {
	defer func() { err, _ = recover().(error) }()
	f()
	return nil
}

// elsewhere runs f in another goroutine, until its end.
func elsewhere(f func()) {
	var wg sync.WaitGroup
	wg.Go(f)
	wg.Wait()
}

func TestClockIsMovedByOneAtATime(t *testing.T) {
	for _, tt := range []struct {
		name string
		set  func(s *script, f func())
	}{
		{"a function that is due may not move it", func(s *script, f func()) { s.AfterFunc(0, f) }},
		{"Settle may not move it", func(s *script, f func()) { s.Settle = f }},
		{"nor may another goroutine meanwhile", func(s *script, f func()) {
			s.AfterFunc(0, func() { elsewhere(f) })
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newScript()
			var to, by error
			tt.set(s, func() {
				to = s.AdvanceTo(noon.Add(time.Hour))
				by = panicOf(func() { s.Advance(time.Hour) })
			})
			s.Advance(time.Second)
			if !errors.Is(to, simclock.ErrMoving) || !errors.Is(by, simclock.ErrMoving) {
				t.Errorf("AdvanceTo: %v; Advance: %v; want ErrMoving", to, by)
			}
			if got := s.Now().Sub(noon); got != time.Second {
				t.Errorf("the clock stands at %v, want 1s", got)
			}
		})
	}
}

func TestClockGoesOnAfterAFunctionThatDoesNotReturn(t *testing.T) {
	broken := errors.New("broken")
	for _, tt := range []struct {
		name string
		f    func()
		want error
	}{
		{"because it panics", func() { panic(broken) }, broken},
		{"because its goroutine ends", runtime.Goexit, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newScript()
			s.at(time.Second, "a", tt.f)
			s.at(time.Second, "b")
			var err error
			elsewhere(func() { err = panicOf(func() { s.Advance(time.Hour) }) })
			if err != tt.want {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			s.note("caught")
			s.Advance(time.Second)
			if want := []string{"1s a", "1s caught", "1s b"}; !slices.Equal(s.lines, want) {
				t.Errorf("got  %q\nwant %q", s.lines, want)
			}
		})
	}
}

func TestAfterFuncOfNilPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("it did not")
		}
	}()
	simclock.New(noon).AfterFunc(time.Second, nil)
}

func TestClockIsSafeForConcurrentUse(t *testing.T) {
	const goroutines, each = 8, 500
	c, done := simclock.New(noon), make(chan struct{})
	var ran, stopped atomic.Int64
	var writers, mover sync.WaitGroup
	mover.Go(func() {
		for {
			select {
			case <-done:
				c.Advance(time.Hour)
				return
			default:
				c.Advance(time.Millisecond)
			}
		}
	})
	for g := range goroutines {
		writers.Go(func() {
			for i := range each {
				before := c.Now()
				stop := c.AfterFunc(time.Duration((g*31+i*17)%40)*time.Millisecond, func() { ran.Add(1) })
				if c.Now().Before(before) {
					t.Error("time went back")
				}
				if i%3 == 0 && stop() {
					stopped.Add(1)
				}
			}
		})
	}
	writers.Wait()
	close(done)
	mover.Wait()
	if got := ran.Load() + stopped.Load(); got != goroutines*each {
		t.Errorf("%d ran and %d were stopped, want together %d", ran.Load(), stopped.Load(), goroutines*each)
	}
}

func TestClockSettlesByWaitingForABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript()
		s.Settle = synctest.Wait
		wake := make(chan struct{}, 1)
		sleep := func() { s.AfterFunc(time.Minute, func() { wake <- struct{}{} }) }
		go func() { // a worker that asks for its next timer only when it is woken
			for range wake {
				s.note("woken")
				sleep()
			}
		}()
		sleep()
		s.Advance(3 * time.Minute)
		close(wake)
		if want := []string{"1m0s woken", "2m0s woken", "3m0s woken"}; !slices.Equal(s.lines, want) {
			t.Errorf("got  %q\nwant %q", s.lines, want)
		}
	})
}
