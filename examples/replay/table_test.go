package main

import (
	"flag"
	"math"
	"os"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite testdata/*.golden with what the program prints now")

func TestOutputIsAsWrittenDown(t *testing.T) {
	for name, args := range map[string][]string{
		"small":     {},
		"month":     {"-window", "calendar:month:Europe/Berlin", "-period", "last", "-target", "99.95"},
		"self-only": {"-exclusion", "self-only", "-window", "7d", "-at", "2026-03-03T00:00:00Z", "-target", "99.5"},
		"no-budget": {"-target", "100"},
		"backtest":  {"-backtest"},
		"running":   {"-window", "calendar:month", "-at", "2026-03-20T12:00:00Z", "-target", "99.95"},
		"planned":   {"-maintenance", "testdata/maintenance/small.csv"},
		"json":      {"-format", "json", "-backtest", "-system", "search", "-system", "mail"},
	} {
		t.Run(name, func(t *testing.T) {
			path := "testdata/" + name + ".golden"
			got := replayed(t, append(args, small)...)
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("replay %q prints\n%swant\n%s", args, got, want)
			}
		})
	}
}

func TestTablesFitOneHundredColumns(t *testing.T) {
	var odd strings.Builder
	odd.WriteString(header)
	for _, system := range []string{
		strings.Repeat("長", 80), strings.Repeat("한", 80), strings.Repeat("ｗ", 80), strings.Repeat("🔥", 60), strings.Repeat("é", 120),
		strings.Repeat("e\u0301", 80), strings.Repeat("\x1b[31m", 50), "line\nbreak\ttab", strings.Repeat("\u202e", 80), "",
	} {
		odd.WriteString(`"x` + system + "\",1990-01-01T00:00:00Z,,,\n")
	}
	oddities := file(t, odd.String())
	zone := "calendar:quarter:America/Argentina/ComodRivadavia"
	for _, args := range [][]string{
		realFiles, {small}, {oddities},
		{"-window", "3650d", "-target", "99.999999", "-exclusion", "self-only", "-at", "2026-01-01T00:00:00.123456Z", oddities},
		{"-window", "3650d", "-target", "0", oddities, small}, {"-window", "0.000001s", "-target", "99.999999", oddities},
		{"-window", zone, "-target", "99.999999", "-at", "2026-02-03T04:05:06.123456Z", "-exclusion", "self-only", oddities},
		{"-window", zone, "-target", "99.999999", "-at", "2026-02-03T04:05:06.123456Z", "-period", "last", oddities},
	} {
		out := replayed(t, args...)
		for line := range strings.Lines(out) {
			if line = strings.TrimSuffix(line, "\n"); columnsOf(line) > 100 {
				t.Errorf("%.100q: %d columns: %s", args, columnsOf(line), line)
			}
			if strings.ContainsAny(line, "\x1b\t\u202e") {
				t.Errorf("%.100q: a terminal would act on %q", args, line)
			}
		}
		_, rows, _ := strings.Cut(out, "\nSYSTEM")
		if args[len(args)-1] == oddities && strings.Count(rows, "\n") != 1+10 {
			t.Errorf("%.100q: some system does not have one line:\n%s", args, out)
		}
	}
}

func TestHeadSaysWhatWouldMislead(t *testing.T) {
	const running, open = "The period is still running", "Still down in the files: 1 of 6."
	planned := []string{"-maintenance", "testdata/maintenance/small.csv"}
	for _, test := range []struct {
		flags      string
		want, lack []string
	}{
		{"", []string{open, "BREACHING DOWN"}, []string{running, "maintenance"}},
		{"-at 2026-04-01T00:00:00Z", []string{"BREACHING DOWN"}, []string{open}},
		{"-at 2026-03-31T00:00:00Z", nil, []string{open, "DOWN"}},
		{"-window calendar:month -at 2026-03-31T23:00:01Z", []string{running, "so far met DOWN"}, []string{open}},
		{"-window calendar:month -at 2026-04-01T00:00:00Z -period last", []string{"BREACHING DOWN"}, []string{running, "so far"}},
		{"-window calendar:month -period last", []string{"met"}, []string{running, open}},
		{strings.Join(planned, " "), []string{"planned maintenance: 2 of 4 windows"}, nil},
		{"-system mail " + strings.Join(planned, " "), []string{"planned maintenance: 0 of 4 windows"}, []string{open}},
		{"-at 2026-03-01T00:00:00Z " + strings.Join(planned, " "), []string{"planned maintenance: 1 of 4 windows"}, nil},
	} {
		got := replayed(t, append(strings.Fields(test.flags), small)...)
		for _, want := range test.want {
			if !strings.Contains(got, want) {
				t.Errorf("%q: want %q in\n%s", test.flags, want, got)
			}
		}
		for _, lack := range test.lack {
			if strings.Contains(got, lack) {
				t.Errorf("%q: want no %q in\n%s", test.flags, lack, got)
			}
		}
	}
}

func TestBacktestsOfNothingSayWhy(t *testing.T) {
	for flags, want := range map[string]string{
		"-at 2026-03-01T00:00:00Z": "Nothing to backtest: the files begin at 2026-03-02T12:00:00Z, not before -at.",
		"-at 2026-03-02T12:00:00Z": "Nothing to backtest: the files begin at 2026-03-02T12:00:00Z, not before -at.",
		"-window 300s":             "Nothing to backtest: no rule of the default alert policy fits 99.9 % of 5m.",
		"-system mail":             "It never fires, and never should have.",
	} {
		if got := replayed(t, append(strings.Fields(flags), "-backtest", small)...); !strings.Contains(got, "\n"+want) {
			t.Errorf("%q: want %q in\n%s", flags, want, got)
		}
	}
}

func TestBacktestsAreOverTheWholeFileWhateverThePeriod(t *testing.T) {
	flags := []string{"-window", "calendar:month:Europe/Berlin", "-period", "last", "-backtest", "-system", "search"}
	want := "from 2026-03-02T12:00:00Z to 2026-04-01T00:00:00Z"
	got := replayed(t, append(flags, small)...)
	// The only outage comes after the period's end.
	if !strings.Contains(got, want) || strings.Contains(got, "It never fires") {
		t.Errorf("want %q, and something that fires, in\n%s", want, got)
	}
}

func TestLengthsAreShownInTwoUnits(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 1: "1ns", time.Microsecond: "1µs", 1234567: "1.23ms", 51840 * time.Millisecond: "51.84s", 59999999999: "59.99s",
		time.Minute: "1m", 43*time.Minute + 12*time.Second: "43m12s", 43*time.Minute + 12999*time.Millisecond: "43m12s",
		time.Hour: "1h", 24*time.Hour - 1: "23h59m", 28*time.Hour + 59*time.Minute: "1d4h", 720 * time.Hour: "30d",
		-time.Microsecond: "-1µs", -(25 * time.Hour): "-1d1h", 3650 * 24 * time.Hour: "3650d",
	} {
		if got := lengthText(d); got != want {
			t.Errorf("%d ns: got %s, want %s", d, got, want)
		}
	}
}

func TestNumbersAreShownRoundedDown(t *testing.T) {
	for _, test := range []struct {
		x        float64
		decimals int
		want     string
	}{
		{100, 2, "100.00"}, {math.Nextafter(100, 0), 2, "99.99"}, {99.9, 4, "99.9000"}, {99.99999, 4, "99.9999"}, {0, 2, "0.00"},
		{-1e-9, 2, "-0.01"}, {1e-9, 2, "0.00"}, {-99900, 2, "-99900.00"}, {-38.888888888888886, 2, "-38.89"},
		{-9999999900, 0, "-9999999900"},
	} {
		if got := floorText(test.x, test.decimals); got != test.want {
			t.Errorf("%v: got %s, want %s", test.x, got, test.want)
		}
	}
}

func TestNamesAreCutToFit(t *testing.T) {
	for _, test := range []struct {
		name string
		most int
		want string
	}{
		{"checkout", 8, "checkout"}, {"checkout", 7, "checko…"}, {"日本語", 6, "日本語"}, {"日本語", 5, "日本…"}, {"日本語", 4, "日…"},
		{"e\u0301e\u0301e\u0301", 2, "e\u0301…"}, {"a\x1bb\xff", 9, "a\ufffdb\ufffd"}, {"", 3, ""},
	} {
		if got := fit(test.name, test.most); got != test.want || columnsOf(got) > test.most {
			t.Errorf("%q in %d columns: got %q, want %q", test.name, test.most, got, test.want)
		}
	}
}
