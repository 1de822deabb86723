package slo_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/slokeep/slokeep/slo"
)

// FuzzParseWindow holds what every text must do: be refused by name, or be a window that is valid, prints as one text and
// parses back from it.
func FuzzParseWindow(f *testing.F) {
	for _, text := range []string{
		"30d", "12h", "300s", "1h30m", "0.5s", "1.000001s", "3650d", "3649d23h59m59.999999s", "0d", "3651d",
		"calendar:month", "calendar:week:Europe/Berlin", "calendar:day:UTC", "calendar:year:Local",
		"99999999999999999999d", "calendar:day:../../etc/passwd", "1 month", "1mo", "", "1.5h", "-1d",
		"calendar:", "calendar:day:", "calendar:Day", "1d2h3m4.5s", "\xff", "١d",
	} {
		f.Add(text)
	}
	at := time.Date(2026, 3, 29, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		w, err := slo.ParseWindow(text)
		if err != nil {
			if !errors.Is(err, slo.ErrInvalid) || !strings.HasPrefix(err.Error(), `slo: window "`) || !w.IsZero() {
				t.Fatalf("%q: got %v, %v", text, w, err)
			}
			return
		}
		if err := w.Validate(); err != nil {
			t.Fatalf("%q is not valid: %v", text, err)
		}
		printed := w.String()
		again, err := slo.ParseWindow(printed)
		if err != nil || !again.Equal(w) || again.String() != printed {
			t.Fatalf("%q prints as %q, which parses as %v, %v", text, printed, again, err)
		}
		if from, to := w.Period(at); !from.Before(to) || from.After(at) || at.After(to) {
			t.Fatalf("%q: the period at %s is [%s, %s)", text, at, from, to)
		}
	})
}
