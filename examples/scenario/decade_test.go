package main

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

var outages = flag.Int("outages", 500, "outages in TestTwoRunsPrintTheSameBytes; 10000 is the full number, of ten years")

// decade writes outages of three systems, of which one depends on another, a thousand a year, with the jobs on schedule, two
// watches, and questions at the end.
func decade(seed uint64, outages int) string {
	r := rand.New(rand.NewPCG(seed, 0))
	at := time.Date(2016, time.January, 1, 0, 0, 0, 0, time.UTC)
	var b strings.Builder
	step := func(op, keys string, args ...any) {
		fmt.Fprintf(&b, `{"at":%q,"op":%q,`+keys+"}\n", append([]any{at.Format(time.RFC3339Nano), op}, args...)...)
	}
	step("schedule", `"on":true`)
	step("depends", `"system":"shop","on":["db"]`)
	step("objective", `"id":"shop","system":"shop","target":99.9,"window":"30d"`)
	step("objective", `"id":"shop-self","system":"shop","target":99.9,"window":"30d","exclusion":"self-only"`)
	step("objective", `"id":"db","system":"db","target":99.5,"window":"calendar:month"`)
	step("watch", `"id":"page","if":"state.slo.shop.page == true"`)
	step("watch", `"id":"budget","if":"state.slo.db.budgetRemainingPercent < 20 for 10m rearm 25"`)
	const gap = 365 * day / 1000
	for range outages {
		system := []string{"shop", "shop", "db", "mail"}[r.IntN(4)]
		length := time.Duration(r.Int64N(int64(20 * time.Minute)))
		at = at.Add(time.Duration(r.Int64N(int64(2*gap - 2*length)))).Truncate(time.Microsecond)
		step("health", `"system":%q,"status":"unhealthy"`, system)
		at = at.Add(length).Truncate(time.Microsecond)
		step("health", `"system":%q,"status":"healthy"`, system)
	}
	for _, id := range []string{"shop", "shop-self", "db"} {
		step("status", `"objective":%q`, id)
		step("downtimes", `"objective":%q`, id)
		step("days", `"objective":%q`, id)
	}
	step("changes", `"kind":"slo"`)
	return b.String()
}

func TestTwoRunsPrintTheSameBytes(t *testing.T) {
	script := decade(1, *outages)
	first, second := play(t, script, "-events"), play(t, script, "-events")
	if !strings.HasSuffix(first, "exit status 0\n") {
		t.Errorf("it ends with %s", first[max(0, len(first)-200):])
	}
	a, b := strings.Split(first, "\n"), strings.Split(second, "\n")
	for n := range min(len(a), len(b)) {
		if a[n] != b[n] {
			t.Fatalf("they differ from line %d on:\n%.500s\n%.500s", n+1, a[n], b[n])
		}
	}
	if len(a) != len(b) {
		t.Errorf("one has %d lines, the other %d", len(a), len(b))
	}
}

func BenchmarkDecade(b *testing.B) {
	script := decade(1, 10_000)
	for b.Loop() {
		var stdout, stderr bytes.Buffer
		if status := run(b.Context(), nil, strings.NewReader(script), &stdout, &stderr); status != 0 {
			b.Fatalf("exit status %d: %s", status, &stderr)
		}
	}
}
