package entity_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slokeep/slokeep/entity"
)

// gaugeStep is what happens to the gauge "a" at a time; before the first the gauge stands at 50.
type gaugeStep struct {
	at     float64 // seconds after noon
	change func(s *gaugeSpan)
}

// onBothWatches plays steps to a plain and to a named watch of one condition, and says when they must have fired.
func onBothWatches(t *testing.T, condition string, steps []gaugeStep, opts entity.WatchOptions, want []float64) {
	t.Helper()
	for name, group := range map[string]string{"plain": "", "named": "g"} {
		w := newGaugeWorld(t, nil)
		w.write("a", gaugeLevel(50, 0))
		var got firings
		opts.Name, opts.Group = name, group
		watch(t, w.reg, condition, got.note, &opts)
		for _, s := range steps {
			w.at(s.at)
			if probe := (gaugeSpan{}); s.change == nil {
				continue
			} else if s.change(&probe); probe.gone {
				w.remove("a")
			} else {
				w.write("a", s.change)
			}
		}
		w.at(1000)
		if diff := cmp.Diff(want, got.seconds(name)); diff != "" {
			t.Errorf("the %s watch fired (-want +got):\n%s", name, diff)
		}
	}
}

func TestForHoldsWithoutABreak(t *testing.T) {
	for _, tt := range []struct {
		name, condition string
		steps           []gaugeStep
		want            []float64
	}{
		{"it fires exactly that much later", "state.gauge.a.mode == \"on\" for 10s",
			[]gaugeStep{{1, gaugeMode("on")}, {500, gaugeMode("off")}, {600, gaugeMode("on")}}, []float64{11, 610}},
		{"a change that breaks it, however shortly, begins it anew", "state.gauge.a.mode == \"on\" for 10s",
			[]gaugeStep{{1, gaugeMode("on")}, {5, gaugeMode("off")}, {5, gaugeMode("on")}}, []float64{15}},
		{"a change that does not concern it does not", "state.gauge.a.mode == \"on\" for 10s",
			[]gaugeStep{{1, gaugeMode("on")}, {5, gaugeLevel(70, 0)}, {6, gaugeMode("on")}}, []float64{11}},
		{"a break a microsecond before its end is one", "state.gauge.a.mode == \"on\" for 10s",
			[]gaugeStep{{1, gaugeMode("on")}, {10.999999, gaugeMode("off")}}, nil},
		{"a break at its very end comes after it", "state.gauge.a.mode == \"on\" for 10s",
			[]gaugeStep{{1, gaugeMode("on")}, {11, gaugeMode("off")}}, []float64{11}},
		{"drift breaks it", "state.gauge.a.level < 50 for 10s",
			[]gaugeStep{{1, gaugeSlope(-1)}, {5, gaugeSlope(+1)}}, nil},
		{"drift that breaks it as it ends is before it", "state.gauge.a.level < 50 for 7.000001s",
			[]gaugeStep{{1, gaugeSlope(-1)}, {4.500001, gaugeSlope(+1)}}, nil},
		{"and a microsecond later not", "state.gauge.a.level < 50 for 7s",
			[]gaugeStep{{1, gaugeSlope(-1)}, {4.500001, gaugeSlope(+1)}}, []float64{8.000001}},
		{"drift begins it at the microsecond of the crossing", "state.gauge.a.level < 40 for 2.5s",
			[]gaugeStep{{1, gaugeSlope(-2)}}, []float64{8.500001}},
		{"a removal breaks it, and what is created anew begins it", "state.gauge.a.level > 10 for 10s",
			[]gaugeStep{{4, gaugeGone}, {20, gaugeLevel(11, 0)}}, []float64{30}},
		{"what is true when the watch begins is true since then", "state.gauge.a.level > 10 for 10s",
			[]gaugeStep{{5, gaugeLevel(12, 0)}}, []float64{10}},
		{"of all it is the whole that must hold", "(state.gauge.a.level > 10 and state.gauge.a.count == 1) for 10s",
			[]gaugeStep{{3, func(s *gaugeSpan) { s.count = 1 }}, {6, gaugeLevel(12, 0)}}, []float64{13}},
		{"of any, too, whichever of them does", "(state.gauge.a.mode == \"x\" or state.gauge.a.mode == \"y\") for 10s",
			[]gaugeStep{{3, gaugeMode("x")}, {6, gaugeMode("y")}, {9, gaugeMode("x")}}, []float64{13}},
		{"of not, that it does not", "not state.gauge.a.level > 40 for 10s",
			[]gaugeStep{{3, gaugeSlope(-1)}}, []float64{23}},
		{"one within another adds to it", "(state.gauge.a.mode == \"x\" for 5s or state.gauge.a.count == 1) for 10s",
			[]gaugeStep{{3, gaugeMode("x")}}, []float64{18}},
		{"and a second one, too", "(state.gauge.a.mode == \"x\" for 5s) for 10s",
			[]gaugeStep{{3, gaugeMode("x")}}, []float64{18}},
		{"what must have been so for a while, and is over", "state.gauge.a.mode == \"x\" and not (state.gauge.a.mode == \"x\" for 5s)",
			[]gaugeStep{{3, gaugeMode("x")}, {6, gaugeMode("y")}, {7, gaugeMode("x")}}, []float64{3, 7}},
	} {
		t.Run(tt.name, func(t *testing.T) { onBothWatches(t, tt.condition, tt.steps, entity.WatchOptions{}, tt.want) })
	}
}

func TestRearmFiresOnceARound(t *testing.T) {
	toAndFro := []gaugeStep{{10, gaugeLevel(15, 0)}, {20, gaugeLevel(22, 0)}, {30, gaugeLevel(15, 0)}, {40, gaugeLevel(25, 0)}, {50, gaugeLevel(15, 0)}}
	for _, tt := range []struct {
		name, condition string
		steps           []gaugeStep
		want            []float64
	}{
		{"without one each crossing fires", "state.gauge.a.level < 20", toAndFro, []float64{10, 30, 50}},
		{"with one only what comes back from there", "state.gauge.a.level < 20 rearm 25", toAndFro, []float64{10, 50}},
		{"a value just short of it does not arm", "state.gauge.a.level < 20 rearm 25.000001", toAndFro, []float64{10}},
		{"upwards as downwards", "state.gauge.a.level > 70 rearm 60", []gaugeStep{
			{10, gaugeLevel(75, 0)}, {20, gaugeLevel(65, 0)}, {30, gaugeLevel(75, 0)}, {40, gaugeLevel(60, 0)}, {50, gaugeLevel(75, 0)}}, []float64{10, 50}},
		{"of a number that is written", "state.gauge.a.count > 3 rearm 2", []gaugeStep{{10, gaugeCount(4)}, {20, gaugeCount(3)}, {30, gaugeCount(4)},
			{40, gaugeCount(2)}, {50, gaugeCount(4)}}, []float64{10, 50}},
		{"at the threshold itself it is as none", "state.gauge.a.count > 3 rearm 3", []gaugeStep{{10, gaugeCount(4)}, {20, gaugeCount(3)},
			{30, gaugeCount(4)}}, []float64{10, 30}},
		{"drift gets there by itself", "state.gauge.a.level < 20 rearm 25", []gaugeStep{
			{10, gaugeSlope(-10)}, {14, gaugeSlope(+5)}, {16, gaugeSlope(-5)}, {30, gaugeLevel(10, 1)}, {45, gaugeSlope(-1)}, {60, nil}},
			[]float64{13.000001, 50.000001}},
		{"drift that turns short of it does not", "state.gauge.a.level < 20 rearm 25", []gaugeStep{
			{10, gaugeSlope(-10)}, {14, gaugeSlope(+5)}, {16.999999, gaugeSlope(-5)}}, []float64{13.000001}},
		{"upwards, too", "state.gauge.a.level > 70 rearm 65", []gaugeStep{
			{10, gaugeSlope(+10)}, {13, gaugeSlope(-5)}, {15, gaugeSlope(+5)}, {17, gaugeSlope(-5)}, {20, gaugeSlope(+5)}}, []float64{12.000001, 21.000001}},
		{"what is true when the watch begins counts as fired", "state.gauge.a.level > 40 rearm 30", []gaugeStep{
			{10, gaugeLevel(35, 0)}, {20, gaugeLevel(45, 0)}, {30, gaugeLevel(30, 0)}, {40, gaugeLevel(45, 0)}}, []float64{40}},
		{"what is removed is armed again", "state.gauge.a.level < 20 rearm 25", []gaugeStep{
			{10, gaugeLevel(15, 0)}, {20, gaugeGone}, {30, gaugeLevel(15, 0)}}, []float64{10, 30}},
		{"and so is what is written and removed", "state.gauge.a.count > 3 rearm 2", []gaugeStep{
			{10, gaugeCount(4)}, {20, gaugeGone}, {30, gaugeCount(4)}}, []float64{10, 30}},
		{"with a For it fires when that is over, and is armed by the value", "state.gauge.a.level < 20 for 5s rearm 25", []gaugeStep{
			{10, gaugeLevel(15, 0)}, {20, gaugeLevel(22, 0)}, {21, gaugeLevel(15, 0)}, {40, gaugeLevel(25, 0)}, {41, gaugeLevel(15, 0)}}, []float64{15, 46}},
		{"what the For does not let through, need not be armed again", "state.gauge.a.level < 20 for 5s rearm 25", []gaugeStep{
			{10, gaugeLevel(15, 0)}, {14, gaugeLevel(22, 0)}, {21, gaugeLevel(15, 0)}}, []float64{26}},
		{"within a condition it stays true until it is armed", "state.gauge.a.level < 20 rearm 25 and state.gauge.a.count == 1", []gaugeStep{
			{10, gaugeLevel(15, 0)}, {20, gaugeLevel(22, 0)}, {30, gaugeCount(1)}, {40, gaugeLevel(26, 0)}, {50, gaugeLevel(15, 0)}}, []float64{30, 50}},
	} {
		t.Run(tt.name, func(t *testing.T) { onBothWatches(t, tt.condition, tt.steps, entity.WatchOptions{}, tt.want) })
	}
}

func gaugeCount(n int) func(s *gaugeSpan) { return func(s *gaugeSpan) { s.count = n } }

func TestWhatIsTrueWhenAWatchBegins(t *testing.T) {
	for _, tt := range []struct {
		name, condition string
		ifTrue          bool
		steps           []gaugeStep
		want            []float64
	}{
		{"does not fire until it was false", "state.gauge.a.level > 40", false,
			[]gaugeStep{{10, gaugeLevel(60, 0)}, {20, gaugeLevel(30, 0)}, {30, gaugeLevel(60, 0)}}, []float64{30}},
		{"fires at once if asked to", "state.gauge.a.level > 40", true,
			[]gaugeStep{{10, gaugeLevel(60, 0)}, {20, gaugeLevel(30, 0)}, {30, gaugeLevel(60, 0)}}, []float64{0, 30}},
		{"asked to, what is false waits", "state.gauge.a.level < 40", true, []gaugeStep{{20, gaugeLevel(30, 0)}}, []float64{20}},
		{"with a For it is not true yet", "state.gauge.a.level > 40 for 5s", true, nil, []float64{5}},
		{"of what does not exist only a not is true", "not state.gauge.b.level > 40", true, nil, []float64{0}},
		{"and nothing else", "state.gauge.b.low == false or state.gauge.b.mode == null or state.gauge.b.level > -1000", true, nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			onBothWatches(t, tt.condition, tt.steps, entity.WatchOptions{IfTrue: tt.ifTrue}, tt.want)
		})
	}
}

func TestPulsesAreNotMissed(t *testing.T) {
	onBothWatches(t, `state.gauge.a.mode == "on"`, []gaugeStep{
		{10, gaugeMode("on")}, {10, gaugeMode("off")}, {10, gaugeMode("on")}, {10, gaugeMode("off")},
	}, entity.WatchOptions{}, []float64{10, 10})
}
