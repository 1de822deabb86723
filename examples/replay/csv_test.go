package main

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/slokeep/slokeep/slo"
)

const (
	api     = "api,2026-03-01T00:00:00Z," // a row's first two columns
	goodRow = api + "2026-03-01T01:00:00Z,,\n"
)

func TestRowsThatAreWrongAreNamed(t *testing.T) {
	long := strings.Repeat("x", 10<<20)
	for name, test := range map[string]struct{ content, want string }{
		"an empty file":                 {"", `:1: header "": want system,start,end,upstream,note`},
		"a file of empty lines":         {"\n\n", `: header "": want`},
		"a header in another order":     {"start,system,end,upstream,note\n", `:1: header "start,system,end,upstream,note"`},
		"a header of four":              {"system,start,end,upstream\n", `:1: header "system,start,end,upstream"`},
		"a header of six":               {"system,start,end,upstream,note,more\n", `:1: header "system,start`},
		"no header":                     {goodRow, `:1: header "api,2026`},
		"capitals in the header":        {"System,start,end,upstream,note\n", `:1: header "System`},
		"a row with a column missing":   {header + goodRow + api + ",\n", `:3: row "api,2026-03-01T00:00:00Z,,": 4 columns`},
		"a row with a column too many":  {header + api + ",,,\n", `:2: row "api,2026-03-01T00:00:00Z,,,,": 6 columns`},
		"a start that is no date":       {header + goodRow + "\napi,yesterday,,,\n", `:4: start "yesterday"`},
		"no start":                      {header + "api,,2026-03-01T00:00:00Z,,\n", `:2: start ""`},
		"a start without a zone":        {header + "api,2026-03-01T00:00:00,,,\n", `:2: start "2026-03-01T00:00:00"`},
		"a start with a space":          {header + "api, 2026-03-01T00:00:00Z,,,\n", `:2: start " 2026-03-01T00:00:00Z"`},
		"an end that is no date":        {header + api + "never,,\n", `:2: end "never"`},
		"an end on 31 April":            {header + api + "2026-04-31T00:00:00Z,,\n", `:2: end "2026-04-31T00:00:00Z"`},
		"an end at the zero time":       {header + api + "0001-01-01T00:00:00Z,,\n", `:2: end "0001-01-01T00:00:00Z"`},
		"an end before the start":       {header + api + "2026-02-28T23:59:59.999999Z,,\n", `end "2026-02-28T23:59:59.999999Z"`},
		"a start before 1970":           {header + "api,1969-12-31T23:59:59Z,,,\n", `:2: start "1969-12-31T23:59:59Z"`},
		"an end after 2200":             {header + api + "9999-12-31T00:00:00Z,,\n", `:2: end "9999-12-31T00:00:00Z"`},
		"no system":                     {header + ",2026-03-01T00:00:00Z,,,\n", `:2: system "": want 1 to 256 bytes`},
		"a NUL in a system":             {header + "a\x00pi,2026-03-01T00:00:00Z,,,\n", `system "a\x00pi"`},
		"a NUL in an upstream":          {header + api + ",d\x00b,\n", `upstream "d\x00b"`},
		"a system that is no UTF-8":     {header + "a\xffpi,2026-03-01T00:00:00Z,,,\n", `system "a\xffpi"`},
		"an upstream that is no UTF-8":  {header + api + ",d\xffb,\n", `upstream "d\xffb"`},
		"a note that is no UTF-8":       {header + api + ",,a\xff\n", `note "a\xff"`},
		"a system of 257 bytes":         {header + long[:257] + ",2026-03-01T00:00:00Z,,,\n", `system "xxx`},
		"an upstream of 257 bytes":      {header + api + "," + long[:257] + ",\n", `upstream "xxx`},
		"a note above 16 KB":            {header + api + ",," + long[:16<<10+1] + "\n", `note "xxx`},
		"a system that blames itself":   {header + api + ",api,\n", `upstream "api"`},
		"a quote within a field":        {header + goodRow + "a\"pi,2026-03-01T00:00:00Z,,,\n", `:3: row "a\"pi,2026-03-01T00:00:00Z,,,": want CSV`},
		"a quote that is never closed":  {header + goodRow + "\"api,2026-03-01T00:00:00Z,,,\n", `:3: row "\"api,2026`},
		"10 MB in system":               {header + goodRow + long + ",2026-03-01T00:00:00Z,,,\n", `:3: system "xxx`},
		"10 MB in start":                {header + "api," + long + ",,,\n", `:2: start "xxx`},
		"10 MB in note":                 {header + goodRow + api + ",," + long + "\n" + goodRow, `:3: note "xxx`},
		"10 MB in quotes":               {header + api + ",,\"" + long + "\"\n", `:2: note "xxx`},
		"10 MB after an unclosed quote": {header + api + ",,\"" + strings.Repeat(goodRow, 200_000), `:2: note "api,2026`},
		"10 MB of commas":               {header + strings.Repeat(",", 10<<20), `:2: row ",,,`},
		"10 MB of header":               {long, `:1: system "xxx`},
		"10 MB of empty lines":          {header + strings.Repeat("\n", 10<<20), `:2: row "\n\n`},
	} {
		t.Run(name, func(t *testing.T) {
			path := file(t, test.content)
			got := refused(t, 2, path)
			if !strings.Contains(got, path+":") || !strings.Contains(got, test.want) {
				t.Errorf("got %q, want it to name the file and %q", got, test.want)
			}
			if err := openRows(path, func(int, slo.Outage) error { return nil }); !errors.Is(err, slo.ErrInvalid) {
				t.Errorf("%v does not match slo.ErrInvalid", err)
			}
			if len(test.content) < 1<<20 {
				refused(t, 2, "-maintenance", path, small)
			}
		})
	}
}

// endless is a field that never ends; it keeps count of how much of it was read.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	e.read += len(p)
	return len(p), nil
}

func TestAFieldWithoutEndCostsNoMemory(t *testing.T) {
	field := &endless{}
	in := io.MultiReader(strings.NewReader(header+"api,2026-03-01T00:00:00Z,,,"), field)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := readRows("endless", in, func(int, slo.Outage) error { return nil })
	runtime.ReadMemStats(&after)
	if !errors.Is(err, slo.ErrInvalid) {
		t.Errorf("got %v, want slo.ErrInvalid", err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; field.read > 2*maxRow || used > 32*maxRow {
		t.Errorf("read %d bytes of the field and took %d bytes of memory", field.read, used)
	}
}

func TestFormsOfCSVThatAreRead(t *testing.T) {
	want := statuses(t, file(t, header+goodRow))[0]
	for name, content := range map[string]string{
		"a byte order mark":       "\ufeff" + header + goodRow,
		"CRLF":                    strings.ReplaceAll(header+goodRow, "\n", "\r\n"),
		"both":                    "\ufeff" + strings.ReplaceAll(header+goodRow, "\n", "\r\n"),
		"no newline at the end":   strings.TrimSuffix(header+goodRow, "\n"),
		"empty lines":             header + "\n\n" + goodRow + "\n",
		"quotes":                  header + `"api","2026-03-01T00:00:00Z","2026-03-01T01:00:00Z","","a ""note"", of` + "\ntwo lines\"\n",
		"another zone":            header + "api,2026-03-01T05:30:00+05:30,2026-02-28T20:00:00-05:00,,\n",
		"the longest note":        header + strings.TrimSuffix(goodRow, "\n") + strings.Repeat("ü", 8<<10) + "\n",
		"the longest quoted note": header + strings.TrimSuffix(goodRow, "\n") + `"` + strings.Repeat(`""`, 16<<10) + "\"\n",
	} {
		t.Run(name, func(t *testing.T) {
			got := statuses(t, file(t, content))[0]
			if got.System != want.System || got.Consumed != want.Consumed || !got.At.Equal(want.At) || got.Outages != 1 {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

func TestInstantsAreReadToTheMicrosecond(t *testing.T) {
	rows := "api,2026-03-01T00:00:00.0000009Z,2026-03-01T00:00:00.0000011Z,,\n" +
		"api,2026-03-02T00:00:00.0000011Z,2026-03-02T00:00:00.0000019Z,,\n"
	if got := statuses(t, file(t, header+rows))[0]; got.Consumed != int64(time.Microsecond) || got.Outages != 1 {
		t.Errorf("got %+v, want one outage of a microsecond, and one of nothing", got)
	}
}

func TestLongPathsAreStillTwoSources(t *testing.T) {
	other := "b,2026-03-01T00:00:00Z,2026-03-01T02:00:00Z,,\n"
	long := strings.Repeat("d", 250) + ".csv"
	for place, path := range []string{long, "\xff.csv"} {
		if id := sourceID(path, place, 1<<40); len(id) > 256 {
			t.Errorf("the source ID %q has %d bytes", id, len(id))
		} else if err := (slo.Statement{Source: id}).Validate(); err != nil {
			t.Error(err)
		}
	}
	if sourceID(long, 0, 2) == sourceID(long, 1, 2) {
		t.Error("two files share a source")
	}
	if got := len(statuses(t, file(t, header+goodRow), file(t, header+other))); got != 2 {
		t.Errorf("got %d systems, want 2", got)
	}
}

func FuzzReadRows(f *testing.F) {
	for _, seed := range []string{
		"", header, header + goodRow, "\ufeff" + strings.ReplaceAll(header+goodRow, "\n", "\r\n"), header + goodRow + "\"a\nb\",x\n",
		header + `a"b,,,,`, header + api + ",db,\"two\nlines\"\n\n" + goodRow,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		var lines []int
		err := readRows("fuzz", bytes.NewReader(content), func(line int, o slo.Outage) error {
			if err := (slo.Statement{Source: sourceID("fuzz", 0, line), Outages: []slo.Outage{o}}).Validate(); err != nil {
				t.Errorf("line %d was read as an outage that is none: %v", line, err)
			}
			if len(lines) > 0 && lines[len(lines)-1] >= line {
				t.Errorf("line %d comes after line %d", line, lines[len(lines)-1])
			}
			lines = append(lines, line)
			return nil
		})
		if err != nil {
			if !errors.Is(err, slo.ErrInvalid) || !strings.HasPrefix(err.Error(), "fuzz:") {
				t.Errorf("%v does not match slo.ErrInvalid, or names no line", err)
			}
			return
		}
		rows, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(content, []byte("\ufeff")))).ReadAll()
		if err != nil || len(rows) != len(lines)+1 {
			t.Errorf("%d rows were read; package csv says %d, %v", len(lines), len(rows)-1, err)
		}
	})
}
