package slo_test

import (
	"bytes"
	"fmt"
	"time"

	"github.com/slokeep/slokeep/slo"
)

// A history grows as words come in, and has a binary form to be kept in. The same facts make the same bytes, in whatever
// order they were heard.
func ExampleSystemHistory() {
	noon := time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)
	down, up := slo.Down("checkout", noon), slo.Up("checkout", noon.Add(5*time.Minute))

	grown, err := slo.NewSystemHistory("checkout", []slo.Observation{up}, nil, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	if grown, err = grown.Add(down); err != nil { // heard late
		fmt.Println(err)
		return
	}
	kept, err := grown.MarshalBinary()
	if err != nil {
		fmt.Println(err)
		return
	}

	var back slo.SystemHistory
	if err := back.UnmarshalBinary(kept); err != nil {
		fmt.Println(err)
		return
	}
	other, err := slo.NewSystemHistory("checkout", []slo.Observation{down, up, down}, nil, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	again, err := other.MarshalBinary()
	fmt.Println(back.SystemID(), bytes.Equal(kept, again), err)
	// Output:
	// checkout true <nil>
}
