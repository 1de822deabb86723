package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/slokeep/slokeep/entity"
)

func TestOutput(t *testing.T) {
	now := time.Date(2026, time.March, 2, 12, 0, 0, 120_000, time.UTC)
	newOutput := func() (*output, *bytes.Buffer) {
		var text bytes.Buffer
		return &output{out: bufio.NewWriter(&text), events: true}, &text
	}
	t.Run("comes in one order, however it was told", func(t *testing.T) {
		o, text := newOutput()
		for _, w := range []string{"b", "a", "é", "aa"} {
			if err := o.fired(t.Context(), entity.Firing{Watch: w, At: now, Value: 0.1}); err != nil {
				t.Fatal(err)
			}
		}
		o.happened("2 x", 0, map[string]int{"third": 3})
		o.happened("1 status", 10, map[string]int{"second": 2})
		o.happened("1 status", 9, map[string]int{"first": 1})
		o.flush(now)
		o.flush(now)
		if err := o.end(); err != nil {
			t.Fatal(err)
		}
		const head = `{"at":"2026-03-02T12:00:00.00012Z","op":`
		want := head + `"event","first":1}` + "\n" + head + `"event","second":2}` + "\n" + head + `"event","third":3}` + "\n" +
			head + `"fired","watch":"a","value":0.1}` + "\n" + head + `"fired","watch":"aa","value":0.1}` + "\n" +
			head + `"fired","watch":"b","value":0.1}` + "\n" + head + `"fired","watch":"é","value":0.1}` + "\n"
		if text.String() != want {
			t.Errorf("got\n%swant\n%s", text, want)
		}
	})
	t.Run("has changes that were given up as events, and other errors of the log at the end", func(t *testing.T) {
		o, text := newOutput()
		logger := slog.New(o)
		logger.Error("slokeep: entities", "error", fmt.Errorf("wrapped: %w", &entity.DeliveryError{
			Change: entity.Change{Kind: "slo", ID: "<o>", Version: 3}, Group: "billing", Attempts: 10, Err: errors.New("no"),
		}))
		logger.Error("slokeep: refresh", "error", errors.New("disk"))
		o.flush(now)
		err := o.end()
		const want = `{"at":"2026-03-02T12:00:00.00012Z","op":"event","event":"parked","group":"billing","kind":"slo","id":"<o>","version":3,"error":"no"}` + "\n"
		if text.String() != want {
			t.Errorf("got\n%swant\n%s", text, want)
		}
		if err == nil || err.Error() != "scenario: slokeep: refresh: disk" {
			t.Errorf("it ended with %v", err)
		}
	})
}
