package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/slokeep/slokeep/slo"
)

// truth is a row of testdata/truth.json, which testdata/README.md explains.
type truth struct {
	File         string
	System       string
	Kind         string
	Label        string
	WindowStart  time.Time `json:"window_start"`
	WindowEnd    time.Time `json:"window_end"`
	Target       string    `json:"target_percent"`
	Downtime     int64     `json:"downtime_ns"`
	OwnDowntime  int64     `json:"own_downtime_ns"`
	Budget       int64     `json:"budget_ns"`
	Remaining    int64     `json:"remaining_ns"`
	Met          bool
	Availability string  `json:"availability_percent"`
	Percent      *string `json:"remaining_percent"` // null where the budget is zero
	Longest      int64   `json:"longest_merged_ns"`
	Count        int     `json:"count_merged"`
}

func truths(t testing.TB) []truth {
	t.Helper()
	text, err := os.ReadFile("testdata/truth.json")
	if err != nil {
		t.Fatal(err)
	}
	var rows []truth
	if err := json.Unmarshal(text, &rows); err != nil {
		t.Fatal(err)
	}
	if len(rows) != 60 {
		t.Fatalf("truth.json has %d rows, want 60", len(rows))
	}
	return rows
}

func (r truth) name() string {
	return fmt.Sprintf("%s %s, %s %s at %s, %s %%", r.System, r.Kind, r.Label, r.File, r.WindowEnd.Format(time.DateOnly), r.Target)
}

// window returns the text of the row's window and whether it is a calendar one.
func (r truth) window() (text string, calendar bool) {
	words := strings.Fields(r.Kind)
	if words[0] != "calendar" {
		return r.Label, false
	}
	return strings.Join(words, ":"), true
}

// figures are what a row of truth.json says, in comparable form.
type figures struct {
	from, to                                 time.Time
	total, remaining, downtime, own, longest int64
	met                                      bool
	availability, percent                    string
	count                                    int
}

func (r truth) figures() figures {
	f := figures{
		from: r.WindowStart, to: r.WindowEnd, total: r.Budget, remaining: r.Remaining, downtime: r.Downtime, own: r.OwnDowntime,
		longest: r.Longest, met: r.Met, availability: r.Availability, count: r.Count,
	}
	switch {
	case r.Percent != nil:
		f.percent = *r.Percent
	case r.Downtime == 0:
		f.percent = "100.000000000" // of a budget of zero, while nothing is consumed
	default:
		f.percent = "0.000000000"
	}
	return f
}

// nineDecimals rounds half to even.
func nineDecimals(x float64) string { return strconv.FormatFloat(x, 'f', 9, 64) }

func TestReplayPrintsTheTruth(t *testing.T) {
	for _, row := range truths(t) {
		t.Run(row.name(), func(t *testing.T) {
			t.Parallel()
			window, calendar := row.window()
			args := []string{"-format", "json", "-system", row.System, "-target", row.Target, "-window", window,
				"-at", row.WindowEnd.Format(time.RFC3339Nano)}
			if calendar {
				args = append(args, "-period", "last")
			}
			var stdout, stderr bytes.Buffer
			if status := run(append(args, "testdata/"+row.File), &stdout, &stderr); status != 0 {
				t.Fatalf("exit status %d: %s", status, &stderr)
			}
			var got []struct {
				System       string
				From, To, At time.Time
				Total        int64   `json:"budgetTotalNs"`
				Remaining    int64   `json:"budgetRemainingNs"`
				Downtime     int64   `json:"budgetConsumedStrictNs"`
				Percent      float64 `json:"budgetRemainingPercent"`
				Availability float64
				Breaching    bool
				Attribution  []struct {
					Cause string
					NS    int64
				}
				Outages int
				Longest int64 `json:"longestNs"`
			}
			if err := json.Unmarshal(stdout.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			if len(got) != 1 || got[0].System != row.System || !got[0].At.Equal(row.WindowEnd) {
				t.Fatalf("got %s, want one status of %s at %s", &stdout, row.System, row.WindowEnd)
			}
			s := got[0]
			f := figures{
				from: s.From, to: s.To, total: s.Total, remaining: s.Remaining, downtime: s.Downtime, longest: s.Longest,
				met: !s.Breaching, availability: nineDecimals(s.Availability), percent: nineDecimals(s.Percent), count: s.Outages,
			}
			for _, share := range s.Attribution {
				if share.Cause == "self" {
					f.own = share.NS
				}
			}
			if want := row.figures(); f != want {
				t.Errorf("got  %+v\nwant %+v", f, want)
			}
		})
	}
}

// The same through the library alone: nothing of this program but the rows of its test data.
func TestLibraryTellsTheTruth(t *testing.T) {
	files := map[string]map[string][]slo.Statement{}
	for _, row := range truths(t) {
		if files[row.File] == nil {
			files[row.File] = statementsOf(t, row.File)
		}
		t.Run(row.name(), func(t *testing.T) {
			if got, want := libraryFigures(t, row, files[row.File][row.System]), row.figures(); got != want {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

func statementsOf(t *testing.T, file string) map[string][]slo.Statement {
	t.Helper()
	f, err := os.Open("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	instant := func(text string) time.Time {
		if text == "" {
			return time.Time{}
		}
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	statements := map[string][]slo.Statement{}
	for i, row := range rows[1:] {
		o := slo.Outage{SystemID: row[0], Start: instant(row[1]), End: instant(row[2]), UpstreamID: row[3], Note: row[4]}
		statements[row[0]] = append(statements[row[0]], slo.Statement{Source: strconv.Itoa(i), Outages: []slo.Outage{o}})
	}
	return statements
}

func libraryFigures(t *testing.T, row truth, statements []slo.Statement) figures {
	t.Helper()
	text, calendar := row.window()
	window, err := slo.ParseWindow(text)
	if err != nil {
		t.Fatal(err)
	}
	target, err := strconv.ParseFloat(row.Target, 64)
	if err != nil {
		t.Fatal(err)
	}
	history, err := slo.NewSystemHistory(row.System, nil, statements, nil)
	if err != nil {
		t.Fatal(err)
	}
	objective := slo.Objective{ID: "truth", SystemID: row.System, Target: target, Window: window}
	tl, err := objective.Timeline(history, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := tl.Status(row.WindowEnd)
	if calendar {
		from, to := window.Period(row.WindowEnd.Add(-time.Microsecond))
		if s, err = tl.StatusIn(from, to, to); err != nil {
			t.Fatal(err)
		}
	}
	f := figures{
		from: s.From, to: s.To, total: int64(s.Budget.Total), remaining: int64(s.Budget.Remaining),
		downtime: int64(s.Budget.ConsumedStrict), met: !s.Breaching,
		availability: nineDecimals(s.Availability), percent: nineDecimals(s.Budget.RemainingPercent),
	}
	for _, share := range s.Attribution {
		if share.Cause == slo.CauseSelf {
			f.own = int64(share.Duration)
		}
	}
	// The pieces of one instant are one for each cause, so stretches are joined from the whole timeline.
	var end time.Time
	var length time.Duration
	for d := range tl.Downtimes(row.WindowEnd) {
		if d.End.IsZero() || d.End.After(s.To) {
			d.End = s.To
		}
		if d.Start.Before(s.From) {
			d.Start = s.From
		}
		if !d.Start.Before(d.End) {
			continue
		}
		if f.count == 0 || d.Start.After(end) {
			f.count++
			end, length = d.Start, 0
		}
		if d.End.After(end) {
			length += d.End.Sub(end)
			end = d.End
		}
		f.longest = max(f.longest, int64(length))
	}
	return f
}
