package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	header = "system,start,end,upstream,note\n"
	small  = "testdata/small.csv"
)

var realFiles = []string{"testdata/cloud-uptime-archive.csv", "testdata/gcp-incidents.csv", "testdata/github-incidents.csv"}

// replayed runs the program and returns what it prints; it must succeed.
func replayed(t testing.TB, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if status := run(args, &stdout, &stderr); status != 0 {
		t.Fatalf("replay %q: exit status %d: %s", args, status, &stderr)
	}
	if stderr.Len() > 0 {
		t.Errorf("replay %q: standard error has %q, want nothing", args, &stderr)
	}
	return stdout.String()
}

// refused runs the program and returns the error that it prints; it must print nothing else, and leave no file behind.
func refused(t *testing.T, status int, args ...string) string {
	t.Helper()
	output := filepath.Join(t.TempDir(), "output")
	var stdout, stderr bytes.Buffer
	if got := run(append([]string{"-o", output}, args...), &stdout, &stderr); got != status {
		t.Errorf("replay %.200q: exit status %d, want %d: %s", args, got, status, &stderr)
	}
	if stdout.Len() > 0 {
		t.Errorf("replay %.200q: standard output has %q, want nothing", args, &stdout)
	}
	if left, _ := filepath.Glob(filepath.Dir(output) + "/*"); len(left) > 0 {
		t.Errorf("replay %.200q: left %q behind, want nothing", args, left)
	}
	if stderr.Len() > 1000 {
		t.Errorf("replay %.200q: the error has %d bytes, want values cut off", args, stderr.Len())
	}
	return stderr.String()
}

// file makes a file of a test's own.
func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "outages.csv")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

type statusJSON struct {
	System         string
	At, From, To   time.Time
	Total          int64 `json:"budgetTotalNs"`
	Consumed       int64 `json:"budgetConsumedNs"`
	ConsumedStrict int64 `json:"budgetConsumedStrictNs"`
	Outages        int
	Longest        int64 `json:"longestNs"`
	Down           bool
	Attribution    []struct {
		Cause string
		NS    int64
	}
}

func (s statusJSON) self() int64 {
	for _, share := range s.Attribution {
		if share.Cause == "self" {
			return share.NS
		}
	}
	return 0
}

func statuses(t testing.TB, args ...string) []statusJSON {
	t.Helper()
	var list []statusJSON
	if err := json.Unmarshal([]byte(replayed(t, append([]string{"-format", "json"}, args...)...)), &list); err != nil {
		t.Fatal(err)
	}
	return list
}

func TestFlagsThatAreWrongAreNamed(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"no file":                     {[]string{}, "no FILE"},
		"an unknown flag":             {[]string{"-targte", "99", small}, "-targte"},
		"a flag without its value":    {[]string{"-target"}, "-target"},
		"a switch that is no bool":    {[]string{"-backtest=perhaps", small}, "perhaps"},
		"a target that is no number":  {[]string{"-target", "three nines", small}, `-target "three nines"`},
		"a target without end":        {[]string{"-target", strings.Repeat("9", 1000), small}, "-target \"9999"},
		"a target of too many digits": {[]string{"-target", "100.0000001", small}, "-target 100.0000001: want 0 to 100"},
		"a finer target":              {[]string{"-target", "99.9000001", small}, "target 99.9000001"},
		"a negative target":           {[]string{"-target", "-1", small}, "target -1"},
		"a target above 100":          {[]string{"-target", "101", small}, "replay: -target 101: want 0 to 100"},
		"a flag after the file":       {[]string{small, "-at", "2026-03-01T00:00:00Z"}, `"-at": flags come before the files`},
		"a flag after standard input": {[]string{"-", "-backtest"}, `"-backtest": flags come before the files`},
		"a file named as a flag":      {[]string{"--", "-x.csv"}, "a file of that name is ./-x.csv"},
		"standard input twice":        {[]string{"-", small, "-"}, "standard input can be read once"},
		"standard input for both":     {[]string{"-maintenance", "-", "-"}, "standard input can be read once"},
		"a target of NaN":             {[]string{"-target", "NaN", small}, "target NaN"},
		"a target of Inf":             {[]string{"-target", "Inf", small}, "target +Inf"},
		"a window in words":           {[]string{"-window", "1 month", small}, `-window: slo: window "1 month"`},
		"a window of nothing":         {[]string{"-window", "0", small}, `window "0"`},
		"a window of no days":         {[]string{"-window", "0d", small}, `window "0d"`},
		"a window too long":           {[]string{"-window", "3651d", small}, `window "3651d"`},
		"a negative window":           {[]string{"-window", "-30d", small}, `window "-30d"`},
		"a month that rolls":          {[]string{"-window", "1mo", small}, `window "1mo"`},
		"an unknown unit":             {[]string{"-window", "calendar:fortnight", small}, `window "calendar:fortnight"`},
		"an unknown zone":             {[]string{"-window", "calendar:month:Europe/Atlantis", small}, "Europe/Atlantis"},
		"the machine's own zone":      {[]string{"-window", "calendar:month:Local", small}, `"calendar:month:Local"`},
		"an instant without a zone":   {[]string{"-at", "2026-03-01T00:00:00", small}, `-at "2026-03-01T00:00:00"`},
		"a day":                       {[]string{"-at", "2026-03-01", small}, `-at "2026-03-01"`},
		"an hour of one digit":        {[]string{"-at", "2026-03-01T1:00:00Z", small}, `-at "2026-03-01T1:00:00Z"`},
		"a decimal comma":             {[]string{"-at", "2026-03-01T00:00:00,5Z", small}, `-at "2026-03-01T00:00:00,5Z"`},
		"an offset of 24 hours":       {[]string{"-at", "2026-03-01T00:00:00+24:00", small}, `-at "2026-03-01T00:00:00+24:00"`},
		"30 February":                 {[]string{"-at", "2026-02-30T00:00:00Z", small}, `-at "2026-02-30T00:00:00Z"`},
		"an instant before 1970":      {[]string{"-at", "1969-12-31T23:59:59Z", small}, `-at "1969-12-31T23:59:59Z": want`},
		"the zero time":               {[]string{"-at", "0001-01-01T00:00:00Z", small}, `-at "0001-01-01T00:00:00Z"`},
		"an instant after 2200":       {[]string{"-at", "2200-01-01T00:00:01Z", small}, `-at "2200-01-01T00:00:01Z"`},
		"an unknown period":           {[]string{"-period", "next", small}, `-period "next"`},
		"a rolling window's last":     {[]string{"-period", "last", small}, "-period last"},
		"a period before all periods": {
			[]string{"-period", "last", "-window", "calendar:year", "-at", "1970-06-01T00:00:00Z", small},
			"-at 1970-06-01T00:00:00Z",
		},
		"an unknown exclusion":       {[]string{"-exclusion", "lenient", small}, `"lenient"`},
		"an unknown format":          {[]string{"-format", "xml", small}, `-format "xml"`},
		"a system that is not there": {[]string{"-system", "checkout", "-system", "chekout", small}, `-system "chekout"`},
		"a system without a name":    {[]string{"-system", "", small}, `-system ""`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := refused(t, 2, test.args...); !strings.Contains(got, test.want) {
				t.Errorf("got %q, want it to name %q", got, test.want)
			}
		})
	}
}

func TestSystemsThatMayBeMeantAreNamed(t *testing.T) {
	var many strings.Builder
	for i := range 12 {
		fmt.Fprintf(&many, "unit %02d,2026-03-01T00:00:00Z,,,\n", i)
	}
	for name, want := range map[string]string{
		"CheckOut": `: want a system of the files, such as "checkout"` + "\n",
		"R":        `, "orders-db", "search"` + "\n",
		"nobody":   ": want a system of the files\n",
		"UNIT":     `, "unit 09" or 2 more` + "\n",
	} {
		got := refused(t, 2, "-system", name, small, file(t, header+many.String()))
		if !strings.HasSuffix(got, want) {
			t.Errorf("%s: got %q, want it to end with %q", name, got, want)
		}
	}
}

func TestFilesThatCannotBeReadEndWithOne(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing.csv")
	for name, args := range map[string][]string{
		"a missing file":           {small, missing},
		"a directory":              {t.TempDir()},
		"missing maintenance":      {"-maintenance", missing, small},
		"maintenance that is none": {"-maintenance", t.TempDir(), small},
	} {
		t.Run(name, func(t *testing.T) {
			if got := refused(t, 1, args...); !strings.Contains(got, os.TempDir()) {
				t.Errorf("got %q, want it to name the file", got)
			}
		})
	}
}

func TestHelpIsNoError(t *testing.T) {
	got := replayed(t, "-help")
	for name := range strings.FieldsSeq("system target window at period exclusion maintenance backtest format o") {
		if !strings.Contains(got, "\n  -"+name+" ") {
			t.Errorf("-help says nothing of -%s", name)
		}
	}
}

func TestHelpShowsAFileThatCanBeRead(t *testing.T) {
	_, example, ok := strings.Cut(replayed(t, "-help"), "\n\n"+header)
	if got := statuses(t, file(t, header+example)); !ok || len(got) != 1 || got[0].System != "checkout" || got[0].Outages != 1 {
		t.Errorf("got %+v of %q, want one outage of checkout", got, example)
	}
}

func TestTargetsThatLookLikeSharesAreNoted(t *testing.T) {
	for target, want := range map[string]string{
		"0.999": "replay: note: -target 0.999 is in percent: did you mean 99.9?\n",
		"0.29":  "replay: note: -target 0.29 is in percent: did you mean 29?\n",
		"0":     "", "1": "", "99.9": "",
	} {
		var stdout, stderr bytes.Buffer
		status := run([]string{"-target", target, small}, &stdout, &stderr)
		if got := stderr.String(); status != 0 || got != want || !strings.HasPrefix(stdout.String(), target+" % of 30d") {
			t.Errorf("-target %s: exit status %d, standard error %q, want %q and the table", target, status, got, want)
		}
	}
}

// typed makes a text the program's standard input.
func typed(t *testing.T, text string) {
	t.Helper()
	f, err := os.Open(file(t, text))
	if err != nil {
		t.Fatal(err)
	}
	before := os.Stdin
	os.Stdin = f
	t.Cleanup(func() {
		os.Stdin = before
		f.Close()
	})
}

func TestStandardInputIsAFile(t *testing.T) {
	text, err := os.ReadFile(small)
	if err != nil {
		t.Fatal(err)
	}
	typed(t, string(text))
	if got, want := replayed(t, "-"), replayed(t, small); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	typed(t, header+goodRow+"api,yesterday,,,\n")
	if got := refused(t, 2, "-"); !strings.Contains(got, `standard input:3: start "yesterday"`) {
		t.Errorf("got %q, want it to name standard input and the line", got)
	}
	typed(t, header+"checkout,2026-03-02T12:00:00Z,2026-03-02T12:16:00Z,,\n")
	if got := replayed(t, "-maintenance", "-", small); !strings.Contains(got, "planned maintenance: 1 of 1 windows") {
		t.Errorf("got\n%s\nwant planned maintenance from standard input", got)
	}
}

func TestFilesWithoutOutagesAreNoError(t *testing.T) {
	empty := file(t, header)
	for _, line := range []string{"", "-backtest", "-window calendar:month -period last", "-at 2026-03-01T00:00:00Z"} {
		flags := strings.Fields(line)
		if got, want := replayed(t, append(flags, "-format", "json", empty)...), "[]\n"; got != want {
			t.Errorf("%q: got %q, want %q", flags, got, want)
		}
		if got := replayed(t, append(flags, empty)...); !strings.HasSuffix(got, ": no outages\n") {
			t.Errorf("%q: got %q", flags, got)
		}
	}
}

func TestAtIsTheLastInstantOfAllFiles(t *testing.T) {
	other := file(t, header+"billing,2026-03-30T00:00:00Z,2026-05-01T02:00:00.123456+02:00,,\n")
	for _, s := range statuses(t, "-system", "checkout", small, other) {
		if want := time.Date(2026, time.May, 1, 0, 0, 0, 123456000, time.UTC); !s.At.Equal(want) {
			t.Errorf("%s is judged at %v, want %v", s.System, s.At, want)
		}
	}
}

func TestWorstComesFirst(t *testing.T) {
	twins := file(t, header+"b,2026-03-01T00:00:00Z,2026-03-01T01:00:00Z,,\na,2026-03-01T00:00:00Z,2026-03-01T01:00:00Z,,\n")
	worst := file(t, header+"c,2026-03-01T00:00:00Z,2026-03-01T02:00:00Z,,\n")
	for _, target := range []string{"99.9", "100"} {
		var names []string
		for _, s := range statuses(t, "-target", target, twins, worst) {
			names = append(names, s.System)
		}
		if want := []string{"c", "a", "b"}; !slices.Equal(names, want) {
			t.Errorf("-target %s: got %q, want %q", target, names, want)
		}
	}
}

func TestSystemIsRepeatable(t *testing.T) {
	if got := len(statuses(t, "-system", "mail", "-system", "search", "-system", "mail", small)); got != 2 {
		t.Errorf("got %d systems, want 2", got)
	}
}

func TestRowsThatAreGivenTwiceCountOnce(t *testing.T) {
	figures := func(files ...string) string { return replayed(t, append([]string{"-format", "json"}, files...)...) }
	once := figures(realFiles...)
	if figures(slices.Concat(realFiles, realFiles)...) != once {
		t.Error("giving each file twice changes the figures")
	}
	reversed := slices.Clone(realFiles)
	slices.Reverse(reversed)
	if figures(reversed...) != once {
		t.Error("giving the files in another order changes the figures")
	}
}

func TestSelfOnlyLeavesOutWhatAnUpstreamCaused(t *testing.T) {
	flags := []string{"-system", "checkout", small}
	for _, s := range statuses(t, append([]string{"-exclusion", "self-only"}, flags...)...) {
		if want := 14*time.Minute + time.Microsecond; s.Consumed != int64(want) {
			t.Errorf("consumed %d, want %d", s.Consumed, want)
		}
		if want := 19*time.Minute + time.Microsecond; s.ConsumedStrict != int64(want) || s.Outages != 2 {
			t.Errorf("in all %d in %d outages, want %d in 2", s.ConsumedStrict, s.Outages, want)
		}
	}
}

func TestLastIsThePeriodThatHasEnded(t *testing.T) {
	for _, test := range []struct {
		unit, zone, at string
		from, to       [3]int
	}{
		{"month", "UTC", "2026-04-01T00:00:00Z", [3]int{2026, 3, 1}, [3]int{2026, 4, 1}},
		{"month", "UTC", "2026-03-31T23:59:59.999999Z", [3]int{2026, 2, 1}, [3]int{2026, 3, 1}},
		{"quarter", "Europe/Berlin", "2026-05-05T00:00:00Z", [3]int{2026, 1, 1}, [3]int{2026, 4, 1}},
		{"month", "America/Los_Angeles", "2026-04-01T06:59:59Z", [3]int{2026, 2, 1}, [3]int{2026, 3, 1}},
		{"week", "UTC", "2026-04-01T00:00:00Z", [3]int{2026, 3, 23}, [3]int{2026, 3, 30}},
		{"year", "UTC", "2026-04-01T00:00:00Z", [3]int{2025, 1, 1}, [3]int{2026, 1, 1}},
		{"day", "Pacific/Apia", "2026-04-01T00:00:00Z", [3]int{2026, 3, 31}, [3]int{2026, 4, 1}},
	} {
		loc, err := time.LoadLocation(test.zone)
		if err != nil {
			t.Fatal(err)
		}
		date := func(d [3]int) time.Time { return time.Date(d[0], time.Month(d[1]), d[2], 0, 0, 0, 0, loc) }
		window := "calendar:" + test.unit + ":" + test.zone
		for _, s := range statuses(t, "-window", window, "-at", test.at, "-period", "last", small) {
			if !s.From.Equal(date(test.from)) || !s.To.Equal(date(test.to)) || !s.At.Equal(s.To) {
				t.Errorf("%s at %s: from %v to %v at %v, want from %v to %v at its end",
					window, test.at, s.From, s.To, s.At, date(test.from), date(test.to))
			}
		}
	}
}

func TestCurrentIsThePeriodThatHoldsAt(t *testing.T) {
	for _, s := range statuses(t, "-window", "calendar:month", "-at", "2026-03-31T23:30:00Z", "-system", "search", small) {
		half := int64(30 * time.Minute)
		if s.From.Day() != 1 || s.To.Month() != time.April || s.Consumed != half || s.Longest != half || !s.Down {
			t.Errorf("got %+v, want half an hour of March, and down", s)
		}
	}
}

func TestWindowsMayReachBeyondWhatIsKnown(t *testing.T) {
	early := file(t, header+"a,1970-01-01T00:00:00Z,1970-01-01T01:00:00Z,,\nb,2199-12-31T23:00:00Z,2200-01-01T00:00:00Z,,\n")
	for _, at := range []string{"1970-01-01T00:00:00Z", "1970-01-01T01:00:00Z", "2200-01-01T00:00:00Z"} {
		for _, window := range []string{"3650d", "calendar:year:Pacific/Auckland"} {
			for _, s := range statuses(t, "-at", at, "-window", window, early) {
				if s.Longest != s.ConsumedStrict || s.Longest > 0 != (s.Outages == 1) {
					t.Errorf("%s at %s: got %+v", window, at, s)
				}
			}
		}
	}
}

func TestMaintenanceExcusesDowntime(t *testing.T) {
	planned := file(t, header+
		"checkout,2026-03-02T12:00:00Z,2026-03-02T12:16:00Z,,\n"+
		"checkout,2026-03-02T12:17:00Z,2026-03-02T12:17:00Z,,no length\n"+
		"checkout,2026-03-02T12:18:00Z,2026-03-02T12:19:00Z,,cuts the outage in two\n"+
		"nobody,2026-03-02T12:18:00Z,2026-03-02T12:19:00Z,,not a system of the outages\n")
	got := statuses(t, "-system", "checkout", "-maintenance", planned, small)[0]
	want, longest := 4*time.Minute+time.Microsecond, 2*time.Minute
	if got.Consumed != int64(want) || got.Outages != 3 || got.Longest != int64(longest) {
		t.Errorf("got %+v, want %v in 3 outages of at most 2 minutes", got, want)
	}
}

func TestMaintenanceThatNeverEndsIsRefused(t *testing.T) {
	planned := file(t, header+"checkout,2026-03-02T12:00:00Z,,,\n")
	got, want := refused(t, 2, "-maintenance", planned, small), planned+`:2: end "": want an instant`
	if !strings.Contains(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func BenchmarkThreeFiles(b *testing.B) {
	for b.Loop() {
		replayed(b, realFiles...)
	}
}
