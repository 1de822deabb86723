package main

import (
	"strings"
	"testing"
)

// What was handled is judged by its rows alone.
func TestWhatIsHandledWrongIsNamed(t *testing.T) {
	row := func(version int64, prev, next string, n int64) handled {
		return handled{Kind: kindState, ID: "o", Version: version, Prev: prev, Next: next, N: n, Times: 1}
	}
	other := row(1, "null", "a", 1)
	other.Other = true
	for _, c := range []struct {
		name string
		rows []handled
		says string
	}{
		{"as it should be", []handled{row(1, "null", "a", 1), row(2, "a", "b", 2), row(3, "b", "null", 7)}, ""},
		{"a gap", []handled{row(1, "null", "a", 1), row(3, "a", "b", 2)}, "Version 3 follows 1"},
		{"no beginning", []handled{row(2, "null", "a", 1)}, "Version 2 follows 0"},
		{"another Prev", []handled{row(1, "null", "a", 1), row(2, "b", "c", 2)}, "the Prev of Version 2 is b"},
		{"another order", []handled{row(1, "null", "a", 2), row(2, "a", "b", 1)}, "Version 2 was handled before Version 1"},
		{"another one the second time", []handled{other}, "not always the same"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var said []string
			lastOf(c.rows, func(text string) { said = append(said, text) })
			if got := strings.Join(said, "; "); (c.says == "") != (got == "") || !strings.Contains(got, c.says) {
				t.Errorf("it says %q, and not %q", got, c.says)
			}
		})
	}
}

func TestRecordsAreComparedBothWays(t *testing.T) {
	records := map[string]string{"digest 2026-W10": "a", "achievement api first": ""}
	digest := handled{Kind: kindDigest, ID: "2026-W10", Version: 1, Next: "a", Times: 1}
	achievement := handled{Kind: kindAchievement, ID: "api first", Version: 1, Next: "{}", Times: 1}
	other := digest
	other.Next = "b"
	next, more := digest, achievement
	next.ID, more.ID = "2026-W11", "db first"
	for _, c := range []struct {
		name string
		rows []handled
		says string
	}{
		{"as it should be", []handled{achievement, digest}, ""},
		{"no digest", []handled{achievement}, "digest 2026-W10 was not handled"},
		{"no achievement", []handled{digest}, "achievement api first was not handled"},
		{"another digest", []handled{achievement, other}, "digest 2026-W10 was handled as b, and is a"},
		{"one digest more", []handled{achievement, digest, next}, "digest 2026-W11 was handled, and there is no such thing"},
		{"one achievement more", []handled{achievement, more, digest}, "achievement db first was handled, and there is no such thing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			last := map[string]handled{"state o": {Kind: kindState, ID: "o", Version: 1}}
			for _, row := range c.rows {
				last[row.Kind+" "+row.ID] = row
			}
			var said []string
			compareRecords(last, records, func(text string) { said = append(said, text) })
			if got := strings.Join(said, "; "); got != c.says {
				t.Errorf("it says %q, and not %q", got, c.says)
			}
		})
	}
}
