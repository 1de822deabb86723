package entity_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/entity/simclock"
)

// Lamp is a state of which time alone changes a part.
type Lamp struct {
	N  int  `json:"n"`
	On bool `json:"on"`
}

// What time changes after a state was read, and before the write that it was read for has ended, is no part of that write's
// Change: it gets its own.
func TestWhatTimeChangesDuringAWriteIsPublished(t *testing.T) {
	flip := time.Date(2026, time.January, 1, 0, 1, 0, 0, time.UTC)
	clock := simclock.New(flip.Add(-time.Minute))
	reg := newRegistry(t, &entity.Options{Clock: clock})
	n := 0
	var once sync.Once
	read := func(_ context.Context, _ []string, found func(string, Lamp)) error {
		if n > 0 {
			l := Lamp{n, !clock.Now().Before(flip)}
			once.Do(func() { clock.Advance(2 * time.Minute) })
			found("a", l)
		}
		return nil
	}
	forecast := func(_ context.Context, questions []entity.Question, answer func(int, time.Time)) error {
		for i, q := range questions {
			if q.Field == "" && q.From.Before(flip) {
				answer(i, flip)
			}
		}
		return nil
	}
	lamps := define(t, reg, "lamp", read, &entity.KindOptions[Lamp]{Forecaster: forecast})
	start(t, reg)
	c, err := lamps.Mutate(t.Context(), "a", func(context.Context) error { n = 1; return nil }, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Next.On {
		t.Fatalf("the write's change says that the lamp is on, which it was not when it was read: %+v", c)
	}
	clock.Advance(time.Hour)
	settle(t, reg)
	version, err := lamps.Version(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	if version != 2 {
		t.Errorf("the lamp has gone on, and its version is %d: want 2", version)
	}
}
