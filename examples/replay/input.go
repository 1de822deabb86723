package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/slokeep/slokeep/slo"
)

// input is what the files say.
type input struct {
	systems     []string // to judge
	statements  map[string][]slo.Statement
	maintenance map[string][]slo.Maintenance
	first, last time.Time // over all systems, judged or not; zero when there are no rows
}

func readInput(o options, p *progress) (*input, error) {
	in := &input{statements: map[string][]slo.Statement{}, maintenance: map[string][]slo.Maintenance{}}
	for i, path := range o.files {
		err := openRows(path, func(line int, outage slo.Outage) error {
			p.show("reading %s, line %d", path, line)
			in.add(sourceID(path, i, line), outage)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	if o.maintenance != "" {
		if err := in.readMaintenance(o.maintenance); err != nil {
			return nil, err
		}
	}
	in.systems = slices.Sorted(maps.Keys(in.statements))
	if len(o.systems) > 0 {
		for _, name := range o.systems {
			if _, ok := in.statements[name]; !ok {
				return nil, invalidf("-system %s: want a system of the files%s", show(name), suggest(name, in.systems))
			}
		}
		in.systems = slices.Compact(slices.Sorted(slices.Values(o.systems)))
	}
	return in, nil
}

// maxSuggest is how many systems an error names at most.
const maxSuggest = 10

// suggest names the systems that somebody may have meant who did not know the whole name or its capitals.
func suggest(name string, systems []string) string {
	var like []string
	for _, system := range systems {
		if strings.Contains(strings.ToLower(system), strings.ToLower(name)) {
			like = append(like, show(system))
		}
	}
	switch n := len(like); {
	case n == 0:
		return ""
	case n > maxSuggest:
		return fmt.Sprintf(", such as %s or %d more", strings.Join(like[:maxSuggest], ", "), n-maxSuggest)
	}
	return ", such as " + strings.Join(like, ", ")
}

// add makes a row a statement of its own: rows of one source would have to be stated together.
func (in *input) add(source string, o slo.Outage) {
	in.statements[o.SystemID] = append(in.statements[o.SystemID], slo.Statement{
		Source: source, Rev: 1, Outages: []slo.Outage{o},
	})
	if in.first.IsZero() || o.Start.Before(in.first) {
		in.first = o.Start
	}
	for _, t := range []time.Time{o.Start, o.End} {
		if t.After(in.last) {
			in.last = t
		}
	}
}

func (in *input) readMaintenance(path string) error {
	return openRows(path, func(line int, o slo.Outage) error {
		if o.End.IsZero() {
			return invalidf("end %s: want an instant, since planned maintenance ends", show(""))
		}
		if !o.End.After(o.Start) {
			return nil // excuses nothing, as an outage of no length counts nothing
		}
		in.maintenance[o.SystemID] = append(in.maintenance[o.SystemID], slo.Maintenance{
			ID: sourceID(path, 0, line), Rev: 1, SystemID: o.SystemID, Start: o.Start, End: o.End, Note: o.Note,
		})
		return nil
	})
}

// sourceID names a row by its file and line. A file that is given twice says the same twice. A path that no ID can hold
// is named by its place among the arguments.
func sourceID(path string, place, line int) string {
	if len(path) > 200 || !utf8.ValidString(path) {
		path = fmt.Sprintf("file %d", place+1)
	}
	return fmt.Sprintf("%s:%d", path, line)
}
