package slo_test

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/slokeep/slokeep/slo"
)

func ExampleStatus_MarshalJSON() {
	noon := time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)
	h, err := slo.NewSystemHistory("api", []slo.Observation{slo.Up("api", noon.AddDate(0, -2, 0))}, nil, nil)
	if err != nil {
		panic(err)
	}
	timeline, err := slo.Objective{ID: "api-uptime", SystemID: "api", Target: 99.9, Window: slo.Days(1)}.Timeline(h, nil, nil)
	if err != nil {
		panic(err)
	}
	text, err := json.MarshalIndent(timeline.Status(noon), "", "  ")
	if err != nil {
		panic(err)
	}
	fmt.Println(string(text))
	// Output:
	// {
	//   "objective": "api-uptime",
	//   "system": "api",
	//   "target": 99.9,
	//   "at": "2026-03-02T12:00:00Z",
	//   "from": "2026-03-01T12:00:00Z",
	//   "to": "2026-03-02T12:00:00Z",
	//   "availability": 100,
	//   "strictAvailability": 100,
	//   "budgetTotalNs": 86400000000,
	//   "budgetConsumedNs": 0,
	//   "budgetConsumedStrictNs": 0,
	//   "budgetRemainingNs": 86400000000,
	//   "budgetRemainingPercent": 100,
	//   "budgetConsumedPercent": 0,
	//   "burnRate": 0,
	//   "breaching": false,
	//   "exhausted": false,
	//   "down": false,
	//   "level": "ok",
	//   "firing": [],
	//   "coverage": 1,
	//   "live": false,
	//   "attribution": []
	// }
}
