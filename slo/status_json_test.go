package slo_test

import (
	"encoding"
	"encoding/json"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/slokeep/slokeep/slo"
)

func TestAStatusReadsItsJSONBack(t *testing.T) {
	db := mustHistory(t, "db", []slo.Observation{slo.Down("db", june)})
	api := mustHistory(t, "api", []slo.Observation{slo.Down("api", june.Add(-time.Hour))})
	tl, err := benchObjective().Timeline(api, []slo.Upstream{{ID: "db", History: db}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := tl.Status(june.Add(time.Hour))
	if len(want.Firing) == 0 || len(want.Attribution) != 2 || want.Level != slo.LevelCritical {
		t.Fatalf("a status that says little: %+v", want)
	}
	data, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got slo.Status
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	kept := got
	if err := json.Unmarshal([]byte(`{"level":"dire"}`), &got); !errors.Is(err, slo.ErrInvalid) || !reflect.DeepEqual(got, kept) {
		t.Errorf("a bad level: %v, status %+v", err, got)
	}
}

func TestAStatusOfNothingHasListsThatAreNotNull(t *testing.T) {
	data, err := json.Marshal(slo.Status{})
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		t.Fatal(err)
	}
	for _, list := range []string{"firing", "attribution"} {
		if string(fields[list]) != "[]" {
			t.Errorf("%s is %s", list, fields[list])
		}
	}
}

func TestNamedValuesReadTheirTextBack(t *testing.T) {
	for _, test := range []struct {
		value encoding.TextMarshaler
		into  encoding.TextUnmarshaler
		text  string
	}{
		{slo.Unknown, new(slo.Health), "unknown"}, {slo.Healthy, new(slo.Health), "healthy"},
		{slo.Degraded, new(slo.Health), "degraded"}, {slo.Unhealthy, new(slo.Health), "unhealthy"},
		{slo.Strict, new(slo.DependencyExclusion), "strict"}, {slo.SelfOnly, new(slo.DependencyExclusion), "self-only"},
		{slo.CauseSelf, new(slo.Cause), "self"}, {slo.CauseUpstream, new(slo.Cause), "upstream"},
		{slo.LevelOK, new(slo.Level), "ok"}, {slo.LevelWarning, new(slo.Level), "warning"}, {slo.LevelCritical, new(slo.Level), "critical"},
		{slo.SourceFeed, new(slo.SourceKind), "feed"}, {slo.SourceStatement, new(slo.SourceKind), "statement"},
		{slo.SourceCorrection, new(slo.SourceKind), "correction"},
		{slo.MetricRemainingPercent, new(slo.Metric), "remaining percent"}, {slo.MetricRemaining, new(slo.Metric), "remaining"},
		{slo.MetricConsumedPercent, new(slo.Metric), "consumed percent"}, {slo.MetricAvailability, new(slo.Metric), "availability"},
		{slo.MetricBurnRate, new(slo.Metric), "burn rate"}, {slo.MetricFiring, new(slo.Metric), "firing"},
		{slo.Below, new(slo.Comparison), "below"}, {slo.AtOrBelow, new(slo.Comparison), "at or below"},
		{slo.Above, new(slo.Comparison), "above"}, {slo.AtOrAbove, new(slo.Comparison), "at or above"},
	} {
		text, err := test.value.MarshalText()
		if err != nil || string(text) != test.text {
			t.Errorf("%v marshals to %q, %v, want %q", test.value, text, err, test.text)
		}
		if err := test.into.UnmarshalText(text); err != nil || reflect.ValueOf(test.into).Elem().Interface() != test.value {
			t.Errorf("%q unmarshals to %v, %v, want %v", text, test.into, err, test.value)
		}
		if err := test.into.UnmarshalText([]byte("Healthy?")); !errors.Is(err, slo.ErrInvalid) {
			t.Errorf("%T takes any text: %v", test.into, err)
		}
	}
	for _, bad := range []encoding.TextMarshaler{slo.Health(9), slo.DependencyExclusion(9), slo.Cause(9), slo.Level(9), slo.SourceKind(9), slo.Metric(9), slo.Comparison(9)} {
		if text, err := bad.MarshalText(); !errors.Is(err, slo.ErrInvalid) {
			t.Errorf("%T(9) marshals to %q, %v", bad, text, err)
		}
	}
}
