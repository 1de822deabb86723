package slo_test

import (
	"fmt"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/slokeep/slokeep/slo"
)

func TestCrossingsThatAreNotValid(t *testing.T) {
	w := monthly()
	w.say(out(before(time.Hour), time.Time{}))
	tl := w.timeline(t)
	value := func(m slo.Metric, v float64) fault[slo.Crossing] {
		name := fmt.Sprint("metric ", m, " held against ", v)
		return fault[slo.Crossing]{name, func(c *slo.Crossing) { c.Metric, c.Value = m, v }, "value", fmt.Sprint(v)}
	}
	faults := []fault[slo.Crossing]{
		{"a metric that is none", func(c *slo.Crossing) { c.Metric = 6 }, "metric", "6"},
		{"a comparison that is none", func(c *slo.Crossing) { c.Comparison = 4 }, "comparison", "4"},
		{"a comparison that is none, of the remaining", func(c *slo.Crossing) { c.Metric, c.Comparison = slo.MetricRemaining, 200 }, "comparison", "200"},
		value(slo.MetricBurnRate, -0.000001), value(slo.MetricBurnRate, 100_000_000.5), value(slo.MetricBurnRate, 14.4000001),
	}
	for _, m := range []slo.Metric{slo.MetricRemainingPercent, slo.MetricConsumedPercent, slo.MetricAvailability} {
		for _, v := range []float64{1_000_000.000001, -1_000_000.000001, 50.0000001, math.NaN(), math.Inf(1), math.Inf(-1), 1e300} {
			faults = append(faults, value(m, v))
		}
	}
	for _, lookback := range []time.Duration{-time.Hour, time.Nanosecond, 3650*day + time.Microsecond} {
		faults = append(faults, fault[slo.Crossing]{
			"a lookback of " + lookback.String(),
			func(c *slo.Crossing) { c.Metric, c.Lookback = slo.MetricBurnRate, lookback }, "lookback", lookback.String(),
		})
	}
	for _, bad := range ruleFaults() {
		faults = append(faults, fault[slo.Crossing]{bad.name, func(c *slo.Crossing) {
			c.Metric, c.Comparison, c.Rule = slo.MetricFiring, slo.AtOrAbove, goodRule()
			bad.spoil(&c.Rule)
		}, bad.field, bad.value})
	}
	for _, comparison := range []slo.Comparison{slo.AtOrBelow, slo.Above} {
		faults = append(faults, fault[slo.Crossing]{fmt.Sprint("comparison ", comparison, " of a rule"), func(c *slo.Crossing) {
			c.Metric, c.Comparison, c.Rule = slo.MetricFiring, comparison, goodRule()
		}, "comparison", comparison.String()})
	}
	for metric, fields := range map[slo.Metric][]string{
		slo.MetricRemainingPercent: {"duration", "lookback", "rule"}, slo.MetricRemaining: {"value", "lookback", "rule"},
		slo.MetricBurnRate: {"duration", "rule"}, slo.MetricFiring: {"value", "duration", "lookback"},
	} {
		for _, field := range fields {
			faults = append(faults, fault[slo.Crossing]{fmt.Sprintf("a %s, at which %s does not look", field, metric), func(c *slo.Crossing) {
				c.Metric, c.Comparison = metric, slo.AtOrAbove
				switch field {
				case "value":
					c.Value = math.NaN()
				case "duration":
					c.Duration = time.Minute
				case "lookback":
					c.Lookback = time.Minute
				case "rule":
					c.Rule = goodRule()
				}
			}, field, metric.String()})
		}
	}
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			var c slo.Crossing
			f.spoil(&c)
			at, err := tl.NextCrossing(now, c)
			refused(t, err, slo.ErrInvalid, `objective "o"`, f.field, f.value)
			if !at.IsZero() {
				t.Errorf("there is an answer beside the error: %v", at)
			}
		})
	}
}

func TestQuestionsThatAreNotValid(t *testing.T) {
	tl := monthly().timeline(t)
	for _, test := range []struct {
		name         string
		from, to, at time.Time
		field, value string
	}{
		{"an end that is the start", now, now, now, "to", "2026-06-04T00:00:00Z"},
		{"an end before the start", now, before(time.Hour), now, "to", "2026-06-03T23:00:00Z"},
		{"an end in the start's microsecond", now, now.Add(999), now, "to", "2026-06-04T00:00:00.000000999Z"},
		{"asked before it starts", now, now.Add(time.Hour), before(time.Microsecond), "at", "2026-06-03T23:59:59.999999Z"},
		{"longer than 3650 days", before(3650*day + time.Microsecond), now, now, "", "to"},
		{"asked at no time", firstInstant, now, time.Time{}, "at", "0001-01-01T00:00:00Z"},
		{"asked after 2200", now, now.Add(day), lastInstant.Add(time.Microsecond), "at", "2200-01-01T00:00:00.000001Z"},
		{"no start", time.Time{}, now, now, "from", "0001-01-01T00:00:00Z"},
		{"no end", before(time.Hour), time.Time{}, now, "to", "0001-01-01T00:00:00Z"},
		{"a start beyond all bounds", wrapped(before(time.Hour), 1), now, now, "from", "586580-"},
		{"a start before all bounds", wrapped(before(time.Hour), -1), now, now, "from", "-582528-"},
		{"an end beyond all bounds", before(time.Hour), wrapped(now, 1), now, "to", "586580-"},
		{"an end before all bounds", before(time.Hour), wrapped(now, -1), now, "to", "-582528-"},
		{"asked beyond all bounds", before(time.Hour), now, wrapped(now, 1), "at", "586580-"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, err := tl.StatusIn(test.from, test.to, test.at)
			refused(t, err, slo.ErrInvalid, `objective "o"`, test.field, test.value)
			if !reflect.DeepEqual(s, slo.Status{}) {
				t.Errorf("there is a status beside the error: %+v", s)
			}
			_, err = tl.Explain(test.from, test.to, test.at)
			refused(t, err, slo.ErrInvalid, `objective "o"`, test.field, test.value)
		})
	}
	for _, lookback := range []time.Duration{0, -1, time.Nanosecond, time.Hour + 1, 3650*day + time.Microsecond, math.MaxInt64, math.MinInt64} {
		t.Run(fmt.Sprint("a lookback of ", lookback), func(t *testing.T) {
			rate, err := tl.BurnRate(now, lookback)
			refused(t, err, slo.ErrInvalid, `objective "o"`, "lookback", lookback.String())
			if rate != 0 {
				t.Errorf("there is a burn rate beside the error: %v", rate)
			}
		})
	}
}

func TestWindowsInTextThatAreNotValid(t *testing.T) {
	for _, text := range []string{
		"", "0s", "0d", "3651d", "87601h", "1 month", "1mo", "30 d", "-30d", "+30d", "1e3s", "1.5d", "0.0000001s", "calendar:", "calendar:month:",
		"calendar:fortnight", "calendar:month:Local", "calendar:month:Mars/Olympus", "calendar:month:../../etc/passwd", "calendar:month:a\x00b",
		"99999999999999999999d", "month", "Calendar:month",
	} {
		t.Run(fmt.Sprintf("%q", text), func(t *testing.T) {
			_, err := slo.ParseWindow(text)
			refused(t, err, slo.ErrInvalid, "window", fmt.Sprintf("%q", text))
			kept := slo.Days(7)
			refused(t, kept.UnmarshalText([]byte(text)), slo.ErrInvalid, "window", fmt.Sprintf("%q", text))
			if !kept.Equal(slo.Days(7)) {
				t.Errorf("the window that it was read into is %v", kept)
			}
		})
	}
}

func TestTextsOfConstantsThatAreNotValid(t *testing.T) {
	for _, text := range []string{"", "Healthy", "down", "healthy ", "invalid"} {
		kept := slo.Degraded
		refused(t, kept.UnmarshalText([]byte(text)), slo.ErrInvalid, "health", fmt.Sprintf("%q", text))
		if kept != slo.Degraded {
			t.Errorf("after %q the health is %v", text, kept)
		}
	}
	for _, text := range []string{"", "Strict", "self", "selfonly", "invalid"} {
		kept := slo.SelfOnly
		refused(t, kept.UnmarshalText([]byte(text)), slo.ErrInvalid, "dependency exclusion", fmt.Sprintf("%q", text))
		if kept != slo.SelfOnly {
			t.Errorf("after %q the dependency exclusion is %v", text, kept)
		}
	}
	_, err := slo.Health(4).MarshalText()
	refused(t, err, slo.ErrInvalid, "health", "4")
	_, err = slo.DependencyExclusion(2).MarshalText()
	refused(t, err, slo.ErrInvalid, "dependency exclusion", "2")
	_, err = slo.Rolling(0).MarshalText()
	refused(t, err, slo.ErrInvalid, "window", "0s")
}
