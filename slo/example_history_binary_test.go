package slo_test

import (
	"fmt"
	"time"

	"github.com/slokeep/slokeep/slo"
)

// The binary form is for a cache: whoever reads it judges as the one who wrote it.
func ExampleSystemHistory_MarshalBinary() {
	noon := time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)
	written, err := slo.NewSystemHistory("api", []slo.Observation{slo.Down("api", noon), slo.Up("api", noon.Add(time.Minute))}, nil, nil)
	if err != nil {
		panic(err)
	}
	data, err := written.MarshalBinary()
	if err != nil {
		panic(err)
	}

	var read slo.SystemHistory
	if err := read.UnmarshalBinary(data); err != nil {
		panic(err)
	}
	timeline, err := slo.Objective{ID: "api-uptime", SystemID: "api", Target: 99.9, Window: slo.Days(30)}.Timeline(&read, nil, nil)
	if err != nil {
		panic(err)
	}
	fmt.Println(timeline.Status(noon.Add(time.Hour)).Budget.Consumed)
	// Output: 1m0s
}
