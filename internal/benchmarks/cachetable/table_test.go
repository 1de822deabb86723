package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const roundOne = `goos: linux
BenchmarkCache/hit/slokeep-2   	  100	        40.00 ns/op	       20.00 cpu-ns/op	       0 B/op	       0 allocs/op
BenchmarkCache/hit/otter-2     	  100	        60.00 ns/op	       25.00 cpu-ns/op	       0 B/op	       0 allocs/op
BenchmarkCache/cold/slokeep-2  	   50	     1000 ns/op	       500.0 cpu-ns/op	         1.000 loads/op	       4 allocs/op
BenchmarkCache/cold/ttlcache-plain-2 	   50	     3000 ns/op	       500.0 cpu-ns/op	        63.98 loads/op	       3 allocs/op
BenchmarkCache/rest/slokeep    	    1	       100.0 B/entry	54830576 B/op	  599974 allocs/op
BenchmarkCache/rest/otter      	    1	       150.0 B/entry	49037152 B/op	  708849 allocs/op
PASS
`

// roundTwo is a round in which the machine was twice as slow, by the clock.
var roundTwo = strings.NewReplacer(
	"40.00 ns", "80.00 ns", "60.00 ns", "120.0 ns", "1000 ns", "2000 ns", "3000 ns", "6000 ns",
).Replace(roundOne)

func TestTables(t *testing.T) {
	const worked = `
Medians of %d rounds: cpu-ns/op unless another unit is named, × as much as slokeep, allocations/op.

| operation | slokeep | otter | ttlcache-plain |
|---|---:|---:|---:|
| hit | 20.0, 0 | 25.0, 1.25×, 0 |  |
| cold | 500, 4 |  | 500, 1.00×, 3, 63.98 loads |
| rest | 100 B/entry | 150 B/entry, 1.50× |  |
`
	for _, tt := range []struct {
		name   string
		rounds []string
		want   string
	}{
		{"an odd number of rounds has a middle one", []string{roundOne, roundTwo, roundOne},
			`Medians of 3 rounds: ns/op unless another unit is named, × as much as slokeep, allocations/op.

| operation | slokeep | otter | ttlcache-plain |
|---|---:|---:|---:|
| hit | 40.0, 0 | 60.0, 1.50×, 0 |  |
| cold | 1000, 4 |  | 3000, 3.00×, 3, 63.98 loads |
| rest | 100 B/entry | 150 B/entry, 1.50× |  |
` + strings.Replace(worked, "%d", "3", 1)},
		{"an even number is halved, and a ratio is that within a round", []string{roundTwo, roundOne},
			`Medians of 2 rounds: ns/op unless another unit is named, × as much as slokeep, allocations/op.

| operation | slokeep | otter | ttlcache-plain |
|---|---:|---:|---:|
| hit | 60.0, 0 | 90.0, 1.50×, 0 |  |
| cold | 1500, 4 |  | 4500, 3.00×, 3, 63.98 loads |
| rest | 100 B/entry | 150 B/entry, 1.50× |  |
` + strings.Replace(worked, "%d", "2", 1)},
		{"where nobody knows what processors did there is one table, and hundreds are compared",
			[]string{`BenchmarkCache/many-100/slokeep 1 300 ns/op 0 allocs/op
BenchmarkCache/one-by-one-100/otter 1 400 ns/op 0 allocs/op
`},
			`Medians of 1 rounds: ns/op unless another unit is named, × as much as slokeep, allocations/op.

| operation | slokeep | otter |
|---|---:|---:|
| many-100 | 300, 0 |  |
| one-by-one-100 |  | 400, 0 |

In many-100 what slokeep finds is only counted, while otter and sturdyc make a map; in many-100-map all do.

GetMany of 100 hits: 0.75× of 100 hits of otter.
`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var rounds []round
			for _, text := range tt.rounds {
				r, err := parse([]byte(text))
				if err != nil {
					t.Fatal(err)
				}
				rounds = append(rounds, r)
			}
			var out strings.Builder
			if err := write(&out, rounds); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, out.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParse(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"a run without a benchmark is an error", "PASS\n", "no operation ran"},
		{"an operation that ran twice is an error", roundOne + roundOne, "ran twice"},
		{"a figure that is none is an error", "BenchmarkCache/hit/otter-2 100 fast ns/op\n", `"fast"`},
		{"a figure that nobody knows what it is of is an error", "BenchmarkCache/hit/otter-2 100 1.0 ns/op 7\n", "without its unit"},
		{"a result with something in its middle is an error", roundOne + "BenchmarkCache/hit/map-2 goroutine\n 100 1.0 ns/op\n", "no result"},
		{"a line that breaks off is an error", roundOne + "BenchmarkCache/hit/map-2", "no result"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := parse([]byte(tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("parse: %v, want an error with %s", err, tt.want)
			}
		})
	}
}

func TestRoundsThatDifferMakeNoTable(t *testing.T) {
	const without = "BenchmarkCache/hit/otter-2     	  100	        60.00 ns/op	       25.00 cpu-ns/op	       0 B/op	       0 allocs/op\n"
	less := strings.Replace(roundOne, without, "", 1)
	for _, tt := range []struct{ name, one, two, want string }{
		{"a later round lacks a result", roundOne, less, "round 2: no result of hit by otter"},
		{"the first one does", less, roundOne, "round 1: no result of hit by otter"},
		{"a figure is missing", roundOne, strings.Replace(roundOne, "20.00 cpu-ns/op", "20.00 ns/cpu", 1), "round 2: hit by slokeep: measured"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var rounds []round
			for _, text := range []string{tt.one, tt.two} {
				r, err := parse([]byte(text))
				if err != nil {
					t.Fatal(err)
				}
				rounds = append(rounds, r)
			}
			var out strings.Builder
			if err := write(&out, rounds); err == nil || !strings.Contains(err.Error(), tt.want) || out.Len() > 0 {
				t.Errorf("write: %v after %d bytes, want an error with %s", err, out.Len(), tt.want)
			}
		})
	}
}

func TestACommandsComplaintsAreNoResults(t *testing.T) {
	const script = "echo BenchmarkCache/hit/otter-2; echo a complaint >&2"
	out, err := command(t.Context(), "sh", "-c", script)
	if string(out) != "BenchmarkCache/hit/otter-2\n" || err != nil {
		t.Errorf("command: %q, %v: want its standard output alone", out, err)
	}
	out, err = command(t.Context(), "sh", "-c", script+"; exit 1")
	if out != nil || err == nil || !strings.Contains(err.Error(), "a complaint") || !strings.Contains(err.Error(), "hit/otter") {
		t.Errorf("command that fails: %q, %v: want an error with all that it wrote", out, err)
	}
}
