package streak_test

import (
	"encoding/json"
	"testing"

	"github.com/slokeep/slokeep/streak"
)

func TestDefaultOutcome(t *testing.T) {
	for _, c := range []struct {
		name            string
		breaching, down bool
		want            streak.Outcome
	}{
		{"neither breaching nor down is met", false, false, streak.Met},
		{"down is held", false, true, streak.Held},
		{"breaching is missed", true, false, streak.Missed},
		{"breaching and down is missed", true, true, streak.Missed},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := standing(t, "2026-01-10")
			s.Breaching, s.Down = c.breaching, c.down
			if got := streak.DefaultOutcome(s); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestOutcomeAsText(t *testing.T) {
	for o, text := range map[streak.Outcome]string{streak.Met: "met", streak.Held: "held", streak.Missed: "missed"} {
		if o.String() != text {
			t.Errorf("got %s, want %s", o, text)
		}
		if parsed, err := streak.ParseOutcome(text); parsed != o || err != nil {
			t.Errorf("%s is read as %s, %v", text, parsed, err)
		}
		data, err := json.Marshal(o)
		if err != nil || string(data) != `"`+text+`"` {
			t.Errorf("JSON of %s: %s, %v", text, data, err)
		}
		var again streak.Outcome
		if err := json.Unmarshal(data, &again); err != nil || again != o {
			t.Errorf("JSON of %s is read as %s, %v", text, again, err)
		}
	}
}

func TestOutcomeThatIsNone(t *testing.T) {
	for _, o := range []streak.Outcome{0, streak.Missed + 1, 255} {
		if o.String() != "invalid" {
			t.Errorf("%d prints as %s", uint8(o), o)
		}
		_, err := o.MarshalText()
		wantInvalid(t, err, "want met, held or missed")
	}
	for _, text := range []string{"", "Met", "invalid", "met ", "0"} {
		got, err := streak.ParseOutcome(text)
		wantInvalid(t, err, `outcome "`+text+`": want met, held or missed`)
		if got != 0 {
			t.Errorf("%q: got %s beside the error", text, got)
		}
		o := streak.Held
		wantInvalid(t, o.UnmarshalText([]byte(text)))
		if o != streak.Held {
			t.Errorf("%q: the outcome became %s", text, o)
		}
	}
}
