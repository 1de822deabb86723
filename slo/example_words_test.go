package slo_test

import (
	"fmt"
	"time"

	"github.com/slokeep/slokeep/slo"
)

// What did the monitors say last? Each check speaks for itself until the system as a whole is spoken of.
func ExampleSystemHistory_Words() {
	noon := time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)
	minute := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Minute) }
	history, err := slo.NewSystemHistory("api", []slo.Observation{
		{SystemID: "api", CheckID: "http", At: minute(0), Health: slo.Healthy},
		{SystemID: "api", CheckID: "dns", At: minute(1), Health: slo.Degraded, Impact: 0.25},
		{SystemID: "api", CheckID: "http", At: minute(2), Health: slo.Unhealthy},
		slo.Up("api", minute(3)),
	}, nil, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, at := range []time.Time{minute(2), minute(60)} {
		for _, o := range history.Words(at) {
			fmt.Printf("%s %q %s %v\n", o.At.Format(time.TimeOnly), o.CheckID, o.Health, o.Impact)
		}
	}
	// Output:
	// 12:01:00 "dns" degraded 0.25
	// 12:02:00 "http" unhealthy 1
	// 12:03:00 "" healthy 0
}
