package slo_test

import (
	"fmt"
	"time"

	"github.com/slokeep/slokeep/slo"
)

// A cache that is bounded in bytes keeps compact timelines: they answer the same and hold no history.
func ExampleTimeline_Compact() {
	noon := time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)
	history, err := slo.NewSystemHistory("api", []slo.Observation{slo.Down("api", noon), slo.Up("api", noon.Add(4*time.Minute))}, nil, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	objective := slo.Objective{ID: "api-uptime", SystemID: "api", Target: 99.9, Window: slo.Days(30)}
	timeline, err := objective.Timeline(history, nil, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	compact := timeline.Compact()
	fmt.Println(compact.Status(noon.Add(time.Hour)).Budget.Remaining)
	fmt.Println(compact.Size() < timeline.Size(), compact.Size() < 4<<10)
	// Output:
	// 39m12s
	// true true
}

// Size tells the weight of a value before it is put in a cache, in bytes.
func ExampleTimeline_Size() {
	history, err := slo.NewSystemHistory("api", nil, nil, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	objective := slo.Objective{ID: "api-uptime", SystemID: "api", Target: 99.9, Window: slo.Days(30)}
	timeline, err := objective.Timeline(history, nil, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("one of nothing at all is below 2 KB:", timeline.Compact().Size() < 2<<10)
	// Output:
	// one of nothing at all is below 2 KB: true
}

// A history grows by some thirty bytes with each word of the feed.
func ExampleSystemHistory_Size() {
	noon := time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)
	var feed []slo.Observation
	for i := range 1000 {
		feed = append(feed, slo.Down("api", noon.Add(time.Duration(2*i)*time.Minute)), slo.Up("api", noon.Add(time.Duration(2*i+1)*time.Minute)))
	}
	history, err := slo.NewSystemHistory("api", feed, nil, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(history.Size()/len(feed), "bytes a word")
	// Output:
	// 32 bytes a word
}
