package slo_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/slokeep/slokeep/slo"
)

func TestWhatIsJustWithinBoundsIsAccepted(t *testing.T) {
	long := strings.Repeat("é", 128)
	note := strings.Repeat("x", 16<<10)
	w := &world{
		objective: slo.Objective{
			ID: long, Name: note, SystemID: long, CheckID: long, Labels: map[string]string{long: note}, Target: 99.999999,
			Window: slo.Days(3650), NeverExcuse: []string{long, long}, CountFrom: firstInstant,
			Policy:     slo.AlertPolicy{Rules: []slo.BurnRule{{Severity: slo.Severity(long), Long: 3650 * day, Short: time.Microsecond, Factor: 1e8}}},
			Thresholds: slo.Thresholds{Warning: 0.000001, Critical: 100, FastBurn: 1e8},
			Revisions:  []slo.Revision{{Until: firstInstant, Window: slo.Rolling(time.Microsecond)}, {Until: lastInstant, Target: 100, Window: slo.Days(1)}},
		},
		facts: facts{
			system: long,
			observations: []slo.Observation{
				{SystemID: long, CheckID: long, At: firstInstant, Health: slo.Degraded, Impact: 0.001, UpstreamID: long[:254], Note: note},
				{SystemID: long, At: lastInstant.Add(999), Seq: math.MinInt64, Impact: 1},
			},
			statements: []slo.Statement{{Source: long, Rev: math.MaxInt64, Outages: []slo.Outage{
				{SystemID: long, CheckID: long, Start: firstInstant, End: lastInstant, Impact: 0.999, UpstreamID: long[:254], Note: note},
				{SystemID: "x", Start: now, End: now},
			}}, {Source: "nothing"}},
			corrections: []slo.Correction{{ID: long, SystemID: long, CheckID: long, From: firstInstant, Until: lastInstant, Reason: note}},
		},
		upstreams:   []dependency{{facts: facts{system: long[:254]}, name: note, from: now, until: now}},
		maintenance: []slo.Maintenance{{ID: long, SystemID: long, Start: firstInstant, End: lastInstant, Note: note}},
	}
	w.timeline(t)
}

// An instant is what it is in every zone: that of 1970 begins in New York in 1969, that of 2200 in Auckland later.
func TestTheEdgesOfTimeAreTheSameInEveryZone(t *testing.T) {
	for _, zone := range []string{"America/New_York", "Pacific/Auckland", "UTC"} {
		for _, at := range []time.Time{firstInstant, lastInstant} {
			t.Run(fmt.Sprint(at.Year(), " in ", zone), func(t *testing.T) {
				if err := slo.Down(ownSystem, at.In(mustLoad(zone))).Validate(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}
