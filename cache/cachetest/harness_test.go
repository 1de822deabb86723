package cachetest

import (
	"testing"
	"time"

	"github.com/slokeep/slokeep/cache"
)

func TestAHarnessThatIsNoneSaysWhatIsWrong(t *testing.T) {
	open := func(testing.TB) (a, b cache.Provider[Value]) { return nil, nil }
	for want, h := range map[string]Harness{
		"Open is nil":                         {},
		"Keeps is 5: want 0, or 100 and more": {Open: open, Keeps: 5},
		"Grain is -1ns: want 0 or more":       {Open: open, Grain: -1},
		"Patience is -1s: want 0 or more":     {Open: open, Patience: -time.Second},
		"":                                    {Open: open, Keeps: 100},
	} {
		if got := h.wrong(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
