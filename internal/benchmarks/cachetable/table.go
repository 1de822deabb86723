package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A round is what one run of the benchmarks said.
type round struct {
	operations, libraries []string // in the order in which they ran
	results               map[name]result
}

type name struct{ operation, library string }

// result has what was measured, by its unit.
type result map[string]float64

// slokeep is the library that the others are compared with.
const slokeep = "slokeep"

var benchmarkLine = regexp.MustCompile(`^BenchmarkCache/([^/\s]+)/(\S+?)(?:-\d+)?\s+\d+\s+(\S.*)$`)

// parse reads what a test binary prints of BenchmarkCache. There must be something, nothing of it twice, and no line that
// is a benchmark's and no result.
func parse(text []byte) (round, error) {
	r := round{results: map[name]result{}}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		m := benchmarkLine.FindStringSubmatch(lines.Text())
		if m == nil {
			if strings.HasPrefix(lines.Text(), "Benchmark") {
				return r, fmt.Errorf("line %q: no result", lines.Text())
			}
			continue
		}
		n, res := name{m[1], m[2]}, result{}
		fields := strings.Fields(m[3])
		if len(fields)%2 == 1 {
			return r, fmt.Errorf("line %q: a figure without its unit", lines.Text())
		}
		for i := 0; i+1 < len(fields); i += 2 {
			v, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				return r, fmt.Errorf("line %q: %w", lines.Text(), err)
			}
			res[fields[i+1]] = v
		}
		if r.results[n] != nil {
			return r, fmt.Errorf("line %q: ran twice", lines.Text())
		}
		r.results[n] = res
		if !slices.Contains(r.operations, n.operation) {
			r.operations = append(r.operations, n.operation)
		}
		if !slices.Contains(r.libraries, n.library) {
			r.libraries = append(r.libraries, n.library)
		}
	}
	if err := lines.Err(); err != nil {
		return r, err
	}
	if len(r.results) == 0 {
		return r, errors.New("no operation ran")
	}
	return r, nil
}

// alike says where a round has not measured what the first one has.
func alike(rounds []round) error {
	for i, r := range rounds[1:] {
		for n := range rounds[0].results {
			if r.results[n] == nil {
				return fmt.Errorf("round %d: no result of %s by %s", i+2, n.operation, n.library)
			}
		}
		for n, res := range r.results {
			first := rounds[0].results[n]
			if first == nil {
				return fmt.Errorf("round 1: no result of %s by %s", n.operation, n.library)
			}
			if got, want := units(res), units(first); !slices.Equal(got, want) {
				return fmt.Errorf("round %d: %s by %s: measured %q, and %q in round 1", i+2, n.operation, n.library, got, want)
			}
		}
	}
	return nil
}

func units(r result) []string { return slices.Sorted(maps.Keys(r)) }

// write writes a table of all rounds by the clock, and one by what processors did, where that is known. The rounds must be
// of the same operations.
func write(out io.Writer, rounds []round) error {
	if err := alike(rounds); err != nil {
		return err
	}
	var b strings.Builder
	table(&b, rounds, "ns/op")
	for _, res := range rounds[0].results {
		if res["cpu-ns/op"] > 0 {
			b.WriteString("\n")
			table(&b, rounds, "cpu-ns/op")
			break
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// table writes one table, with times in unit.
func table(b *strings.Builder, rounds []round, unit string) {
	first := rounds[0]
	fmt.Fprintf(b, "Medians of %d rounds: %s unless another unit is named, × as much as slokeep, allocations/op.\n\n",
		len(rounds), unit)
	fmt.Fprintf(b, "| operation | %s |\n", strings.Join(first.libraries, " | "))
	fmt.Fprintf(b, "|---|%s\n", strings.Repeat("---:|", len(first.libraries)))
	for _, operation := range first.operations {
		fmt.Fprintf(b, "| %s |", operation)
		for _, library := range first.libraries {
			fmt.Fprintf(b, " %s |", cell(rounds, name{operation, library}, unit))
		}
		b.WriteString("\n")
	}
	many := name{"many-100", slokeep}
	if first.results[many] != nil {
		b.WriteString("\nIn many-100 what slokeep finds is only counted, while otter and sturdyc make a map; in many-100-map all do.\n")
	}
	for _, library := range first.libraries {
		one := name{"one-by-one-100", library}
		if library != slokeep && first.results[many] != nil && first.results[one] != nil {
			fmt.Fprintf(b, "\nGetMany of 100 hits: %.2f× of 100 hits of %s.\n", ratio(rounds, many, one, unit), library)
		}
	}
}

// cell is what all rounds say of one library in one operation: nothing where it takes no part.
func cell(rounds []round, n name, unit string) string {
	if rounds[0].results[n] == nil {
		return ""
	}
	of := func(unit string) float64 { return median(rounds, func(r round) float64 { return r.results[n][unit] }) }
	compare := func(unit string) string {
		if us := (name{n.operation, slokeep}); n != us && rounds[0].results[us] != nil {
			return fmt.Sprintf(", %.2f×", ratio(rounds, n, us, unit))
		}
		return ""
	}
	if size := of("B/entry"); size > 0 {
		return fmt.Sprintf("%.0f B/entry", size) + compare("B/entry")
	}
	figure := "%.0f%s, %.0f"
	if of(unit) < 100 {
		figure = "%.1f%s, %.0f"
	}
	text := fmt.Sprintf(figure, of(unit), compare(unit), of("allocs/op"))
	// One load for each operation goes without saying.
	if loads := of("loads/op"); loads > 1.005 || 0 < loads && loads < 0.995 {
		text += fmt.Sprintf(", %.2f loads", loads)
	}
	return text
}

// ratio is the median of how much more n took than m in each round.
func ratio(rounds []round, n, m name, unit string) float64 {
	return median(rounds, func(r round) float64 { return r.results[n][unit] / r.results[m][unit] })
}

// median is that of what each round says; between two it is halfway.
func median(rounds []round, of func(round) float64) float64 {
	values := make([]float64, len(rounds))
	for i, r := range rounds {
		values[i] = of(r)
	}
	slices.Sort(values)
	half := len(values) / 2
	if len(values)%2 == 1 {
		return values[half]
	}
	return (values[half-1] + values[half]) / 2
}
