package engine_test

import (
	"fmt"
	"strings"

	"github.com/slokeep/slokeep/slo/engine"
)

func ExampleReadObjectives() {
	objectives, err := engine.ReadObjectives(strings.NewReader(`
		{
			"id": "checkout-uptime", "name": "Checkout", "system": "checkout", "labels": {"team": "payments"},
			"target": 99.95, "window": "calendar:month:Europe/Berlin", "exclusion": "self-only", "neverExcuse": ["cache"],
			"policy": {"rules": [{"severity": "page", "long": "1h", "short": "5m", "factor": 14.4}]}
		}
		{"id": "api-uptime", "system": "api", "target": 99.9, "window": "30d"}
	`))
	for _, o := range objectives {
		fmt.Println(o.ID, o.Target, o.Window, o.DependencyExclusion, o.NeverExcuse)
	}
	fmt.Println(err)
	_, err = engine.ReadObjectives(strings.NewReader(`{"id": "api-uptime", "system": "api", "window": "30d"}`))
	fmt.Println(err)
	// Output:
	// checkout-uptime 99.95 calendar:month:Europe/Berlin self-only [cache]
	// api-uptime 99.9 30d strict []
	// <nil>
	// declared objective 0: slo: invalid: objective "api-uptime": target missing: want a percentage
}
