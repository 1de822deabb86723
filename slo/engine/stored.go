package engine

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/slokeep/slokeep/slo"
)

// storedObjective is an objective as it lies in a store: what is not said is zero, and names stay what they are whatever
// becomes of those in package slo.
type storedObjective struct {
	ID      string            `json:"id"`
	Name    string            `json:"name,omitempty"`
	System  string            `json:"system"`
	Check   string            `json:"check,omitempty"`
	Labels  map[string]string `json:"labels,omitempty"`
	Created time.Time         `json:"created"`
	Updated time.Time         `json:"updated,omitzero"`
	storedTerms
	Revisions []storedRevision `json:"revisions,omitempty"`
}

type storedTerms struct {
	Target             float64                 `json:"target"`
	Window             slo.Window              `json:"window"`
	Exclusion          slo.DependencyExclusion `json:"exclusion,omitzero"`
	NeverExcuse        []string                `json:"neverExcuse,omitempty"`
	ExcludeMaintenance bool                    `json:"excludeMaintenance,omitempty"`
	DegradedIsUp       bool                    `json:"degradedIsUp,omitempty"`
	UnknownIsDown      bool                    `json:"unknownIsDown,omitempty"`
	CountFrom          time.Time               `json:"countFrom,omitzero"`
	NoAlerts           bool                    `json:"noAlerts,omitempty"`
	Rules              []storedRule            `json:"rules,omitempty"`
	Warning            float64                 `json:"warning,omitempty"`
	Critical           float64                 `json:"critical,omitempty"`
	FastBurn           float64                 `json:"fastBurn,omitempty"`
}

type storedRule struct {
	Severity slo.Severity  `json:"severity"`
	Long     time.Duration `json:"longNs"`
	Short    time.Duration `json:"shortNs"`
	Factor   float64       `json:"factor,omitempty"`
	Share    float64       `json:"share,omitempty"`
}

type storedRevision struct {
	Until time.Time `json:"until"`
	storedTerms
}

func writeObjective(o *slo.Objective) ([]byte, error) {
	stored := storedObjective{
		ID: o.ID, Name: o.Name, System: o.SystemID, Check: o.CheckID, Labels: o.Labels,
		Created: o.CreatedAt, Updated: o.UpdatedAt, storedTerms: storeTerms(o.Revision(time.Time{})),
	}
	for _, r := range o.Revisions {
		stored.Revisions = append(stored.Revisions, storedRevision{r.Until, storeTerms(r)})
	}
	return json.Marshal(stored)
}

func storeTerms(r slo.Revision) storedTerms {
	t := storedTerms{
		Target: r.Target, Window: r.Window, Exclusion: r.DependencyExclusion, NeverExcuse: r.NeverExcuse,
		ExcludeMaintenance: r.ExcludeMaintenance, DegradedIsUp: r.DegradedIsUp, UnknownIsDown: r.UnknownIsDown,
		CountFrom: r.CountFrom, NoAlerts: r.Policy.Off,
		Warning: r.Thresholds.Warning, Critical: r.Thresholds.Critical, FastBurn: r.Thresholds.FastBurn,
	}
	for _, rule := range r.Policy.Rules {
		t.Rules = append(t.Rules, storedRule(rule))
	}
	return t
}

func readObjective(data []byte) (*slo.Objective, error) {
	var stored storedObjective
	if err := json.Unmarshal(data, &stored); err != nil {
		return nil, fmt.Errorf("engine: a stored objective cannot be read: %w", err)
	}
	r := stored.revision()
	o := &slo.Objective{
		ID: stored.ID, Name: stored.Name, SystemID: stored.System, CheckID: stored.Check, Labels: stored.Labels,
		Target: r.Target, Window: r.Window, DependencyExclusion: r.DependencyExclusion, NeverExcuse: r.NeverExcuse,
		ExcludeMaintenance: r.ExcludeMaintenance, DegradedIsUp: r.DegradedIsUp, UnknownIsDown: r.UnknownIsDown,
		CountFrom: r.CountFrom, Policy: r.Policy, Thresholds: r.Thresholds,
		CreatedAt: stored.Created, UpdatedAt: stored.Updated,
	}
	for i := range stored.Revisions {
		r := stored.Revisions[i].revision()
		r.Until = stored.Revisions[i].Until
		o.Revisions = append(o.Revisions, r)
	}
	return o, nil
}

func (t *storedTerms) revision() slo.Revision {
	r := slo.Revision{
		Target: t.Target, Window: t.Window, DependencyExclusion: t.Exclusion, NeverExcuse: t.NeverExcuse,
		ExcludeMaintenance: t.ExcludeMaintenance, DegradedIsUp: t.DegradedIsUp, UnknownIsDown: t.UnknownIsDown,
		CountFrom:  t.CountFrom,
		Policy:     slo.AlertPolicy{Off: t.NoAlerts},
		Thresholds: slo.Thresholds{Warning: t.Warning, Critical: t.Critical, FastBurn: t.FastBurn},
	}
	for _, rule := range t.Rules {
		r.Policy.Rules = append(r.Policy.Rules, slo.BurnRule(rule))
	}
	return r
}
