package slo_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/slokeep/slokeep/slo"
)

func TestACompactTimelineAnswersAsBefore(t *testing.T) {
	inEveryWorld(t, 100, worldOptions{}, func(w *world, rng *rand.Rand) error {
		g, err := newGrowth(w, rng)
		if err != nil {
			return err
		}
		for range rng.IntN(3) {
			if err := g.step(rng); err != nil {
				return err
			}
		}
		last := len(g.lines) - 1
		tl, w := g.lines[last], g.parts[last]
		c := tl.Compact()
		if err := sameAnswers(c, tl, g.at); err != nil {
			return err
		}
		if err := sameForecasts(c, tl, g.at); err != nil {
			return err
		}
		// All that is extended is what is made anew, and leaves the compact one as it was.
		h, err := g.own[last].Add(slo.Down(ownSystem, start.AddDate(0, 0, 9)))
		if err != nil {
			return err
		}
		upstreams := upstreamsWith(w, g.ups[last])
		want, err := w.objective.Timeline(h, upstreams, w.maintenance)
		if err != nil {
			return err
		}
		for _, from := range []*slo.Timeline{c, tl, c.EndingAt(g.at[0]), tl.EndingAt(g.at[0]).Compact()} {
			next, err := from.Extend(h, upstreams, w.maintenance)
			if err == nil {
				err = sameAnswers(next, want, g.at)
			}
			if err != nil {
				return err
			}
		}
		return sameAnswers(c, tl, g.at)
	})
}

// sameForecasts compares what sameAnswers does not.
func sameForecasts(got, want *slo.Timeline, at []time.Time) error {
	for _, now := range at {
		end := now.Add(time.Minute)
		if a, b := got.Forecast(now), want.Forecast(now); a != b {
			return fmt.Errorf("forecast at %s is\n%+v, want\n%+v", show(now), a, b)
		}
		if a, b := got.EndingAt(end).Status(end), want.EndingAt(end).Status(end); !reflect.DeepEqual(a, b) {
			return fmt.Errorf("if it ends at %s, the status is\n%+v, want\n%+v", show(end), a, b)
		}
		if a, b := got.NextChange(now), want.NextChange(now); a != b {
			return fmt.Errorf("after %s it changes at %s, want %s", show(now), show(a), show(b))
		}
		if a, b := got.StatusUntil(now), want.StatusUntil(now); !reflect.DeepEqual(a, b) {
			return fmt.Errorf("until %s, the status is\n%+v, want\n%+v", show(now), a, b)
		}
	}
	a, err := got.Backtest(at[0], at[0].AddDate(0, 0, 9))
	b, err2 := want.Backtest(at[0], at[0].AddDate(0, 0, 9))
	if !reflect.DeepEqual(a, b) || !errors.Is(err, err2) {
		return fmt.Errorf("backtest is\n%+v, want\n%+v", a, b)
	}
	return nil
}

// sized is what the sizes of are held against what they hold.
type sized struct {
	name  string
	value func() interface{ Size() int }
}

// Size is what the engine's bound on memory goes by.
func TestSizeIsWhatIsHeld(t *testing.T) {
	times, short := outageTimes(100, 365*day), outageTimes(20, 365*day)
	upstreams := benchUpstreams(t, 5, 100, 365*day)
	h := mustHistory(t, "api", feedOf("api", times))
	line := func(times []interval, upstreams []slo.Upstream) *slo.Timeline {
		return mustTimeline(t, mustHistory(t, "api", feedOf("api", times)), upstreams)
	}
	for _, test := range []sized{
		{"a history", func() interface{ Size() int } { return mustHistory(t, "api", feedOf("api", times)) }},
		{"a history of many checks", func() interface{ Size() int } { return historyOfChecks(t, 100) }},
		{"a timeline", func() interface{ Size() int } { return mustTimeline(t, h, upstreams) }},
		{"a compact timeline", func() interface{ Size() int } { return line(times, upstreams).Compact() }},
		{"a compact timeline without upstreams", func() interface{ Size() int } { return line(times, nil).Compact() }},
		{"a compact timeline of few outages", func() interface{ Size() int } { return line(short, nil).Compact() }},
		{"a compact timeline of many outages", func() interface{ Size() int } { return line(outageTimes(5000, benchSpan), nil).Compact() }},
		{"a compact timeline that grew", func() interface{ Size() int } { return grown(t, times).Compact() }},
		{"a compact timeline of many sources", func() interface{ Size() int } {
			return mustTimeline(t, historyOfSources(t, 200), nil).Compact()
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			held := kept(200, func() any { return test.value() })
			if size := float64(test.value().Size()); size < held*0.75 || size > held*1.25 {
				t.Errorf("%.0f bytes are held, %.0f are said", held, size)
			}
		})
	}
}

func TestACompactTimelineOfAHundredOutagesAndFiveUpstreamsIsWellBelow8KB(t *testing.T) {
	h := mustHistory(t, "api", feedOf("api", outageTimes(100, 365*day)))
	upstreams := benchUpstreams(t, 5, 100, 365*day)
	if held := kept(200, func() any { return mustTimeline(t, h, upstreams).Compact() }); held > 7<<10 {
		t.Errorf("%.0f bytes", held)
	}
}

// grown returns a timeline that was extended with the second half of the outages, word by word.
func grown(t *testing.T, times []interval) *slo.Timeline {
	feed := feedOf("api", times)
	h := mustHistory(t, "api", feed[:len(times)])
	tl := mustTimeline(t, h, nil)
	for _, o := range feed[len(times):] {
		var err error
		if h, err = h.Add(o); err != nil {
			t.Fatal(err)
		}
		if tl, err = tl.Extend(h, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	return tl
}

func historyOfChecks(t *testing.T, n int) *slo.SystemHistory {
	var feed []slo.Observation
	for i, o := range outageTimes(2*n, 365*day) {
		id := string(fmt.Appendf(nil, "check %d of many", i%n))
		feed = append(feed, slo.Observation{SystemID: "api", CheckID: id, At: o.start, Health: slo.Unhealthy},
			slo.Observation{SystemID: "api", CheckID: id, At: o.end, Health: slo.Healthy})
	}
	return mustHistory(t, "api", feed)
}

func historyOfSources(t *testing.T, n int) *slo.SystemHistory {
	var statements []slo.Statement
	for i, o := range outageTimes(n, 365*day) {
		statements = append(statements, slo.Statement{
			Source: fmt.Sprintf("incident %d of many", i), Outages: []slo.Outage{{SystemID: "api", Start: o.start, End: o.end}},
		})
	}
	h, err := slo.NewSystemHistory("api", nil, slices.Clone(statements), nil)
	if err != nil {
		t.Fatal(err)
	}
	return h
}
