package slo_test

import (
	"fmt"
	"time"

	"github.com/slokeep/slokeep/slo"
)

func ExampleDefaultAlertPolicy() {
	for _, target := range []float64{99.9, 90} { // at 90 %, a burn rate of 14.4 is out of reach
		fmt.Println(target, "%")
		for _, rule := range slo.DefaultAlertPolicy(slo.Days(30), target).Rules {
			factor := rule.Share / 100 * float64(30*24*time.Hour) / float64(rule.Long)
			fmt.Printf("  %-6s %3.0fh and %3.0fm at %.1f\n", rule.Severity, rule.Long.Hours(), rule.Short.Minutes(), factor)
		}
	}
	// Output:
	// 99.9 %
	//   page     1h and   5m at 14.4
	//   page     6h and  30m at 6.0
	//   ticket  24h and 120m at 3.0
	//   ticket  72h and 360m at 1.0
	// 90 %
	//   page     6h and  30m at 6.0
	//   ticket  24h and 120m at 3.0
	//   ticket  72h and 360m at 1.0
}
