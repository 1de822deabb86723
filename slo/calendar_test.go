package slo

import (
	"archive/zip"
	"flag"
	"fmt"
	"io"
	"iter"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// This file is inside the package so that it can go through the zones of the Go distribution, which are the same on every
// machine of one Go version; Calendar takes those of the machine.

var zonesFull = flag.Bool("zones.full", false, "in every zone look at every day, not only at those near a change")

// TestPeriodsPartitionTimeInEveryZone asks for the periods at the edges of all periods from 1970 to 2040, and around all
// changes of a zone's offset. Of days it looks at those near a change, unless -zones.full is given.
func TestPeriodsPartitionTimeInEveryZone(t *testing.T) {
	zones := zonesToTest(t)
	for _, zone := range zones {
		o := newCalendarOracle(zone)
		if err := o.checkDates(); err != nil {
			t.Fatalf("%s: the oracle itself is wrong: %v", zone, err)
		}
		for unit := Day; unit <= Year; unit++ {
			if err := o.check(unit, Window{unit: unit, loc: zone}.Period); err != nil {
				t.Errorf("%s: %v", zone, err)
			}
		}
	}
	t.Logf("%d zones", len(zones))
}

// A check that finds nothing has to show that it can. These are the usual ways to be wrong.
func TestCheckOfPeriodsFindsFaults(t *testing.T) {
	midnight := func(t time.Time, days int) time.Time {
		year, month, day := t.Date()
		return time.Date(year, month, day+days, 0, 0, 0, 0, t.Location())
	}
	data := zoneData(t)
	for _, fault := range []struct {
		name, zone string
		period     func(at time.Time) (from, to time.Time)
	}{
		{"taking the midnight of time.Date where there is none", "America/Santiago",
			func(at time.Time) (from, to time.Time) { return midnight(at, 0), midnight(at, 1) }},
		{"taking the second of two midnights", "America/Havana", func(at time.Time) (from, to time.Time) {
			from, to = midnight(at, 0), midnight(at, 1)
			if later := from.Add(time.Hour); later.Day() == from.Day() && later.Hour() == 0 {
				from = later
			}
			return from, to
		}},
		{"taking every day for 24 hours", "Europe/Berlin",
			func(at time.Time) (from, to time.Time) { return midnight(at, 0), midnight(at, 0).Add(24 * time.Hour) }},
		{"taking the day that the clock shows again", "America/St_Johns", func(at time.Time) (from, to time.Time) {
			loc, day := at.Location(), floorDiv(at.Unix()+offsetAt(at.Location(), at.Unix()), secondsDay)
			first, near := startOf(loc, day, zoneSpan{})
			next, _ := startOf(loc, day+1, near)
			return time.Unix(first, 0), time.Unix(next, 0)
		}},
	} {
		t.Run(fault.name, func(t *testing.T) {
			zone := readZone(t, fault.zone, data[fault.zone])
			period := func(at time.Time) (from, to time.Time) { return fault.period(at.In(zone)) }
			err := newCalendarOracle(zone).check(Day, period)
			if err == nil {
				t.Fatalf("in %s nothing was found", zone)
			}
			t.Log(err)
		})
	}
}

// calendarOracle knows where periods start, by another way than the calendar's: it goes forward through all dates and
// writes down when each was first reached.
type calendarOracle struct {
	zone    *time.Location
	changes []offsetChange    // the first is no change but the beginning
	starts  [Year + 1][]int64 // by unit: seconds, ascending; dates that are reached at once have one
	near    map[int64]bool    // the days of UTC around changes
}

// offsetChange is a second from which on a zone has another offset.
type offsetChange struct{ at, offset int64 }

// The oracle is asked about 1970 to 2040, and knows a little more than a year on both sides.
const (
	oracleMargin = 400 * 86400
	oracleEnd    = 2_240_611_200 // 2041-01-01
)

func newCalendarOracle(zone *time.Location) *calendarOracle {
	o := &calendarOracle{zone: zone, near: map[int64]bool{}}
	o.findChanges()
	reached := o.day(-oracleMargin)
	for i, change := range o.changes {
		end := int64(oracleEnd + oracleMargin)
		if i+1 < len(o.changes) {
			end = o.changes[i+1].at
		}
		for day := max(reached+1, o.day(change.at)); day <= o.day(end-1); day++ {
			o.begin(day, max(change.at, day*86400-change.offset))
			reached = day
		}
		for d := int64(-2); d <= 2 && i > 0; d++ {
			o.near[change.at/86400+d] = true
		}
	}
	return o
}

// findChanges looks at the clock every six hours.
func (o *calendarOracle) findChanges() {
	const step = 6 * 3600
	o.changes = []offsetChange{{-oracleMargin, o.offset(-oracleMargin)}}
	for sec := int64(-oracleMargin); sec < oracleEnd+oracleMargin; sec += step {
		offset, lo, hi := o.offset(sec+step), sec, sec+step
		if offset == o.changes[len(o.changes)-1].offset {
			continue
		}
		for hi-lo > 1 {
			if mid := (lo + hi) / 2; o.offset(mid) == offset {
				hi = mid
			} else {
				lo = mid
			}
		}
		o.changes = append(o.changes, offsetChange{hi, offset})
	}
}

func (o *calendarOracle) begin(day, start int64) {
	for unit := Day; unit <= Year; unit++ {
		s := o.starts[unit]
		if firstDays()[unit][day] && (len(s) == 0 || s[len(s)-1] < start) {
			o.starts[unit] = append(s, start)
		}
	}
}

// firstDays returns, for each unit, the days that are the first of a period.
var firstDays = sync.OnceValue(func() (first [Year + 1]map[int64]bool) {
	for unit := range first {
		first[unit] = map[int64]bool{}
	}
	for date := time.Unix(-2*oracleMargin, 0).UTC(); date.Unix() < oracleEnd+2*oracleMargin; date = date.AddDate(0, 0, 1) {
		day := date.Unix() / 86400
		first[Day][day] = true
		first[Week][day] = date.Weekday() == time.Monday
		first[Month][day] = date.Day() == 1
		first[Quarter][day] = date.Day() == 1 && strings.Contains("January April July October", date.Month().String())
		first[Year][day] = date.YearDay() == 1
	}
	return first
})

func (o *calendarOracle) offset(sec int64) int64 {
	_, offset := time.Unix(sec, 0).In(o.zone).Zone()
	return int64(offset)
}

// day returns the date that the clock shows, as a count of days; they are made positive since / rounds towards 0.
func (o *calendarOracle) day(sec int64) int64 {
	const shift = 2000
	return (sec+o.offset(sec)+shift*86400)/86400 - shift
}

// checkDates compares the starts of days with what a clock shows: a date greater than all that were shown before.
func (o *calendarOracle) checkDates() error {
	date := func(sec int64) int {
		year, month, day := time.Unix(sec, 0).In(o.zone).Date()
		return year*1_00_00 + int(month)*1_00 + day
	}
	days := o.starts[Day]
	for i, start := range days[1:] {
		if !*zonesFull && !o.near[start/86400] {
			continue
		}
		for sec := days[i]; sec < start; sec = min(sec+3600, max(sec+1, start-1)) {
			if date(sec) >= date(start) {
				return fmt.Errorf("the date of %s is shown at %s already", utc(start*1e6), utc(sec*1e6))
			}
		}
	}
	return nil
}

// check compares a function that returns the period of a unit with the oracle: on both sides of the edges of periods,
// and around each change.
func (o *calendarOracle) check(unit Unit, period func(at time.Time) (from, to time.Time)) error {
	for m := range o.instants(unit) {
		starts := o.starts[unit]
		i, exact := slices.BinarySearch(starts, floorDiv(m, 1e6))
		if !exact {
			i--
		}
		from, to := period(time.UnixMicro(m))
		if from.UnixMicro() != starts[i]*1e6 || to.UnixMicro() != starts[i+1]*1e6 {
			return fmt.Errorf("%s at %s: got [%s, %s), want [%s, %s)", unit, utc(m),
				utc(from.UnixMicro()), utc(to.UnixMicro()), utc(starts[i]*1e6), utc(starts[i+1]*1e6))
		}
	}
	return nil
}

// instants yields the microseconds to ask at.
func (o *calendarOracle) instants(unit Unit) iter.Seq[int64] {
	edges := o.starts[unit]
	if *zonesFull {
		edges = o.starts[Day]
	}
	return func(yield func(m int64) bool) {
		ask := func(m int64) bool { return m < 0 || m >= oracleEnd*1e6 || yield(m) }
		for _, edge := range edges {
			if unit == Day && !*zonesFull && !o.near[edge/86400] {
				continue
			}
			if !ask(edge*1e6-1) || !ask(edge*1e6) {
				return
			}
		}
		for _, change := range o.changes[1:] {
			for _, d := range []int64{-86400e6, -3600e6, -1, 0, 1, 60e6, 1800e6, 3600e6, 86400e6} {
				if !ask(change.at*1e6 + d) {
					return
				}
			}
		}
	}
}

func utc(m int64) string { return time.UnixMicro(m).UTC().Format("2006-01-02T15:04:05.999999Z") }

// someZones are those that short tests look at. Each does or did something that few others do.
var someZones = []string{
	"Africa/Casablanca",    // leaves its summer time for Ramadan, by a list that ends in 2087
	"Africa/Monrovia",      // was behind by 44 m 30 s until 1972
	"America/Havana",       // goes forward at midnight, and back to it
	"America/New_York",     //
	"America/Nuuk",         // changed its rule and its time within a year
	"America/Santiago",     // has no midnight on a day in September
	"America/Scoresbysund", // as Nuuk
	"America/St_Johns",     // went back at one minute past midnight
	"Antarctica/Casey",     // has moved by three hours
	"Antarctica/Troll",     // moves by two hours
	"Asia/Gaza",            // has dates for each year
	"Asia/Kathmandu",       // moved by a quarter of an hour
	"Asia/Pyongyang",       // moved by half an hour, and back
	"Asia/Tehran",          // went back at midnight
	"Australia/Lord_Howe",  // moves by half an hour
	"Europe/Berlin",        //
	"Europe/Dublin",        // has a winter time that is behind its standard time
	"Pacific/Apia",         // skipped 2011-12-30
	"Pacific/Kiritimati",   // skipped the last day of 1994
	"Pacific/Kwajalein",    // skipped 1993-08-21
	"UTC",                  //
}

// zonesToTest returns the zones of the Go distribution, one for each that is different, or someZones.
func zonesToTest(t *testing.T) []*time.Location {
	data := zoneData(t)
	names := someZones
	if !testing.Short() {
		names = slices.Sorted(maps.Keys(data))
	}
	var zones []*time.Location
	seen := map[string]bool{}
	for _, name := range names {
		if !seen[data[name]] {
			zones = append(zones, readZone(t, name, data[name]))
			seen[data[name]] = true
		}
	}
	return zones
}

func readZone(t *testing.T, name, data string) *time.Location {
	zone, err := time.LoadLocationFromTZData(name, []byte(data))
	if err != nil {
		t.Fatalf("zone %q: %v", name, err)
	}
	return zone
}

// zoneData returns the zone files of the Go distribution by their names.
func zoneData(t *testing.T) map[string]string {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatalf("go env GOROOT, which says where the zones are: %v", err)
	}
	archive, err := zip.OpenReader(filepath.Join(strings.TrimSpace(string(root)), "lib", "time", "zoneinfo.zip"))
	if err != nil {
		t.Fatalf("the zones of the Go distribution: %v", err)
	}
	defer archive.Close()
	data := map[string]string{}
	for _, file := range archive.File {
		if strings.HasSuffix(file.Name, "/") {
			continue
		}
		r, err := file.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		data[file.Name] = string(text)
	}
	return data
}

func TestEveryZoneOfTheDatabaseIsAZoneByName(t *testing.T) {
	for name := range zoneData(t) {
		if !isZoneName(name) {
			t.Errorf("%q is taken for no zone", name)
		}
	}
}
