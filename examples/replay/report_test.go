package main

import (
	"encoding/csv"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// outage is a row as the slow judge reads it: instants in microseconds, an open end far ahead.
type outage struct {
	start, end int64
	own        bool
}

// slowly reads a file and returns its systems' rows, with no code of the program.
func slowly(t *testing.T, path string) map[string][]outage {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	systems := map[string][]outage{}
	for _, row := range rows[1:] {
		o := outage{end: 1 << 62, own: row[3] == ""}
		for i, into := range []*int64{&o.start, &o.end} {
			if text := row[1+i]; text != "" {
				at, err := time.Parse(time.RFC3339, text)
				if err != nil {
					t.Fatal(err)
				}
				*into = at.UnixMicro()
			}
		}
		systems[row[0]] = append(systems[row[0]], o)
	}
	return systems
}

// judgeSlowly cuts [from, to) at every edge of every row and looks at each piece from scratch.
func judgeSlowly(rows, excused []outage, from, to int64) (total, own, longest int64, count int) {
	edges := []int64{from, to}
	for _, o := range slices.Concat(rows, excused) {
		edges = append(edges, min(max(o.start, from), to), min(max(o.end, from), to))
	}
	slices.Sort(edges)
	var stretch int64
	for i, start := range edges[:len(edges)-1] {
		end := edges[i+1]
		if start == end {
			continue
		}
		covers := func(o outage) bool { return o.start <= start && end <= o.end }
		if !slices.ContainsFunc(rows, covers) || slices.ContainsFunc(excused, covers) {
			stretch = 0
			continue
		}
		if stretch == 0 {
			count++
		}
		stretch += end - start
		longest = max(longest, stretch)
		total += end - start
		if slices.ContainsFunc(rows, func(o outage) bool { return o.own && covers(o) }) {
			own += end - start
		}
	}
	return total, own, longest, count
}

func TestFiguresEqualThoseOfASlowJudge(t *testing.T) {
	planned := "testdata/github-maintenance.csv"
	questions := []string{
		"-window 30d", "-window 3650d -exclusion self-only", "-window 3650d -maintenance " + planned,
		"-window calendar:quarter -at 2025-05-20T00:00:00.5Z", "-window calendar:month -period last",
		"-window 300s", "-window 3650d", "-window 1d -at 2019-06-03T00:00:00Z", "-window 365d -at 2020-03-01T00:00:00Z",
		"-window 90d -at 2022-10-25T12:00:00Z", "-window calendar:year:Asia/Kolkata -at 2022-06-01T00:00:00Z",
		"-window calendar:week:America/New_York -period last -at 2020-03-11T00:00:00Z",
		"-window 30d -at 2022-10-30T00:00:00Z -maintenance " + planned,
		"-window calendar:month -at 2025-05-30T00:00:00Z -exclusion self-only -maintenance " + planned,
	}
	if testing.Short() {
		questions = questions[:5]
	}
	for _, path := range append(slices.Clone(realFiles), small, planned) {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			systems, excused := slowly(t, path), slowly(t, planned)
			for _, flags := range questions {
				list := statuses(t, append(strings.Fields(flags), path)...)
				if len(list) != len(systems) {
					t.Errorf("%s: got %d systems, want %d", flags, len(list), len(systems))
				}
				for _, s := range list {
					var good []outage
					if strings.Contains(flags, planned) {
						good = excused[s.System]
					}
					until := min(s.To.UnixMicro(), s.At.UnixMicro())
					total, own, longest, count := judgeSlowly(systems[s.System], good, s.From.UnixMicro(), until)
					consumed := total
					if strings.Contains(flags, "self-only") {
						consumed = own
					}
					want := []int64{1000 * consumed, 1000 * total, 1000 * own, 1000 * longest, int64(count)}
					got := []int64{s.Consumed, s.ConsumedStrict, s.self(), s.Longest, int64(s.Outages)}
					if !slices.Equal(got, want) {
						t.Errorf("%s of %s: consumed, strict, own, longest, outages: got %d, want %d", flags, s.System, got, want)
					}
				}
			}
		})
	}
}
