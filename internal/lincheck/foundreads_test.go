package lincheck_test

import (
	"strings"
	"testing"
)

func TestFaultsShowInTheHistoryOfReadsThroughACache(t *testing.T) {
	for _, fault := range []string{
		checkThenSet, knownKeys, lateFollowers, keptPrefix, endsWithCaller, storesLate, bareBatches,
	} {
		t.Run(fault, func(t *testing.T) { mustShowInReads(t, onNaive(fault)) })
	}
	t.Run(noFault, func(t *testing.T) { mustNotShowInReads(t, onNaive(noFault)) })
}

func TestFaultsShowInTheHistoryOfTwoProcesses(t *testing.T) {
	for _, fault := range []string{unfenced, countsNone} {
		t.Run(fault, func(t *testing.T) { mustShowInReads(t, onTwoProcesses(t, fault)) })
	}
	t.Run(noFault, func(t *testing.T) { mustNotShowInReads(t, onTwoProcesses(t, noFault)) })
}

// onNaive has all clients use a naive cache.
func onNaive(fault string) func(seed uint64) (Report, error) {
	return func(seed uint64) (Report, error) {
		p := newParty(seed, newBook())
		n := newNaive(fault)
		p.scopes = []scope{n}
		p.play(seed, 0, 8, 60)
		return p.report(), nil
	}
}

// mustShowInReads looks for a fault until it shows in what was read, and in nothing else.
func mustShowInReads(t *testing.T, history func(seed uint64) (Report, error)) {
	for seed := range uint64(tries) {
		r, err := history(seed + 1)
		if err != nil || len(r.Errors) > 0 {
			t.Fatal(err, r.Errors)
		}
		if err := r.judge(); err != nil && strings.Contains(err.Error(), sequence) {
			t.Logf("it shows in history %d", seed+1)
			return
		}
	}
	t.Errorf("the fault shows in none of %d histories", tries)
}

func mustNotShowInReads(t *testing.T, history func(seed uint64) (Report, error)) {
	for seed := range uint64(3) {
		r, err := history(seed + 1)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.judge(); err != nil {
			t.Errorf("seed %d: %s", seed+1, short(err))
		}
	}
}
