package engine

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/slokeep/slokeep/slo"
)

// declaration is an objective as it is written in JSON.
type declaration struct {
	ID                 string                  `json:"id"`
	Name               string                  `json:"name"`
	System             string                  `json:"system"`
	Check              string                  `json:"check"`
	Labels             map[string]string       `json:"labels"`
	Target             *float64                `json:"target"`
	Window             slo.Window              `json:"window"`
	Exclusion          slo.DependencyExclusion `json:"exclusion"`
	NeverExcuse        []string                `json:"neverExcuse"`
	ExcludeMaintenance bool                    `json:"excludeMaintenance"`
	DegradedIsUp       bool                    `json:"degradedIsUp"`
	UnknownIsDown      bool                    `json:"unknownIsDown"`
	CountFrom          time.Time               `json:"countFrom"`
	Thresholds         declaredThresholds      `json:"thresholds"`
	Policy             declaredPolicy          `json:"policy"`
}

type declaredThresholds struct {
	Warning  float64 `json:"warning"`
	Critical float64 `json:"critical"`
	FastBurn float64 `json:"fastBurn"`
}

type declaredPolicy struct {
	Off   bool           `json:"off"`
	Rules []declaredRule `json:"rules"`
}

type declaredRule struct {
	Severity slo.Severity `json:"severity"`
	Long     slo.Window   `json:"long"`
	Short    slo.Window   `json:"short"`
	Factor   float64      `json:"factor"`
	Share    float64      `json:"share"`
}

// ReadObjectives reads declared objectives from JSON, for Apply: an array of objects, or one object after the other. Their
// keys are id, name, system, check, labels, target, window ("30d", "calendar:month:Europe/Berlin"), exclusion ("strict",
// "self-only"), neverExcuse, excludeMaintenance, degradedIsUp, unknownIsDown, countFrom, thresholds (warning, critical,
// fastBurn) and policy (off, rules: severity, long, short, factor, share; "1h30m" is a length). id, system, target and
// window must be there, the rest is as in [slo.Objective] by default.
//
// ErrInvalid: nothing at all, what is not JSON, a key that is none of these, an objective that [slo.Objective.Validate] refuses. Errors of r
// are returned as they are, wrapped.
func ReadObjectives(r io.Reader) ([]slo.Objective, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("engine: read declared objectives: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	var declared []declaration
	next := func() error {
		var one declaration
		err := dec.Decode(&one)
		if errors.Is(err, io.EOF) { // there is no more
			return io.EOF
		}
		if err != nil {
			return fmt.Errorf("%w: declared objective %d: %w", ErrInvalid, len(declared), err)
		}
		declared = append(declared, one)
		return nil
	}
	switch first := bytes.TrimLeft(data, " \t\r\n"); {
	case len(first) == 0:
		return nil, invalid("declared objectives", "nothing", "objects, or an array of them, which may be empty")
	case first[0] == '[':
		_, err = dec.Token()
		for err == nil && dec.More() {
			err = next()
		}
		if err == nil {
			_, err = dec.Token()
		}
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
	}
	for err == nil {
		err = next()
	}
	switch {
	case errors.Is(err, io.EOF):
	case errors.Is(err, ErrInvalid):
		return nil, err
	default:
		return nil, fmt.Errorf("%w: declared objectives: %w", ErrInvalid, err)
	}
	objectives := make([]slo.Objective, len(declared))
	for i := range declared {
		if objectives[i], err = declared[i].objective(); err != nil {
			return nil, fmt.Errorf("declared objective %d: %w", i, err)
		}
	}
	return objectives, nil
}

func (d *declaration) objective() (slo.Objective, error) {
	what := "objective " + quote(d.ID) + ": "
	if d.Target == nil {
		return slo.Objective{}, invalid(what+"target", "missing", "a percentage")
	}
	o := slo.Objective{
		ID: d.ID, Name: d.Name, SystemID: d.System, CheckID: d.Check, Labels: d.Labels, Target: *d.Target, Window: d.Window,
		DependencyExclusion: d.Exclusion, NeverExcuse: d.NeverExcuse, ExcludeMaintenance: d.ExcludeMaintenance,
		DegradedIsUp: d.DegradedIsUp, UnknownIsDown: d.UnknownIsDown, CountFrom: d.CountFrom,
		Thresholds: slo.Thresholds(d.Thresholds), Policy: slo.AlertPolicy{Off: d.Policy.Off},
	}
	for i, r := range d.Policy.Rules {
		rule := slo.BurnRule{Severity: r.Severity, Factor: r.Factor, Share: r.Share}
		for _, l := range []struct {
			name string
			text slo.Window
			into *time.Duration
		}{{"long", r.Long, &rule.Long}, {"short", r.Short, &rule.Short}} {
			from, to := l.text.Period(firstInstant)
			if !l.text.Equal(slo.Rolling(to.Sub(from))) {
				return slo.Objective{}, invalid(fmt.Sprintf("%srule %d: %s", what, i, l.name), quote(l.text.String()), `a length such as "1h30m"`)
			}
			*l.into = to.Sub(from)
		}
		o.Policy.Rules = append(o.Policy.Rules, rule)
	}
	return o, o.Validate()
}
