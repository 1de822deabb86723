package streak_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slokeep/slokeep/streak"
)

func TestAchievementAsJSON(t *testing.T) {
	a := streak.Achievement{SystemID: "api", Type: streak.CleanSheet, At: time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)}
	const want = `{"system":"api","type":"clean_sheet","at":"2026-04-01T00:00:00Z"}`
	data, err := json.Marshal(a)
	if err != nil || string(data) != want {
		t.Errorf("got %s, %v, want %s", data, err, want)
	}
	var again streak.Achievement
	if err := json.Unmarshal(data, &again); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(a, again); diff != "" {
		t.Error(diff)
	}
}

func TestAchievementOutsideItsBoundsIsInvalid(t *testing.T) {
	good := streak.Achievement{SystemID: "api", Type: "night_owl", At: time.Unix(0, 0)}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, says string
		change     func(a *streak.Achievement)
	}{
		{"no system", `achievement: system's ID ""`, func(a *streak.Achievement) { a.SystemID = "" }},
		{"no type", `achievement of "api": type ""`, func(a *streak.Achievement) { a.Type = "" }},
		{"a type that is too long", "(300 bytes)",
			func(a *streak.Achievement) { a.Type = streak.Type(strings.Repeat("a", 300)) }},
		{"no instant", `achievement "night_owl" of "api": instant "0001-01-01T00:00:00Z"`,
			func(a *streak.Achievement) { a.At = time.Time{} }},
		{"an instant after 2200", "want one from 1970 to 2200", func(a *streak.Achievement) { a.At = time.Unix(1<<40, 0) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := good
			c.change(&a)
			wantInvalid(t, a.Validate(), c.says)
		})
	}
}
