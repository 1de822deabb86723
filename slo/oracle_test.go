package slo_test

import (
	"cmp"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slokeep/slokeep/slo"
)

// The oracle answers what a Timeline answers, slowly and in the plainest way: it cuts time at every instant that any fact
// names, judges each piece from scratch by reading every fact there is, and adds up with big integers and rationals. It
// shares no code with the engine and is meant to be checked by eye against the rules that package slo documents.

// judgement is what is so at one instant, in thousandths of the service.
type judgement struct {
	total    int    // down, whatever caused it
	self     int    // the system's own part; the rest of total is upstream's
	counted  int    // what the objective counts: total or self
	upstream string // whose the rest is; empty where there is none
	observed bool   // somebody knew how it was
}

type oracle struct {
	w      *world
	times  []int64     // every edge, in microseconds since 1970, sorted
	pieces []judgement // pieces[i] holds from times[i] to times[i+1]; before times[0] nothing is down or observed
}

func newOracle(w *world) *oracle {
	o := &oracle{w: w}
	for _, t := range o.edges() {
		o.times = append(o.times, t.UnixMicro())
		o.pieces = append(o.pieces, o.judge(t))
	}
	return o
}

// edges returns every instant at which a judgement may change, sorted, each once.
func (o *oracle) edges() []time.Time {
	var list []time.Time
	add := func(times ...time.Time) {
		for _, t := range times {
			if !t.IsZero() {
				list = append(list, truncated(t))
			}
		}
	}
	add(o.w.facts.times()...)
	for _, d := range o.w.upstreams {
		add(d.from, d.until)
		add(d.times()...)
	}
	for _, m := range o.w.maintenance {
		add(m.Start, m.End)
	}
	for _, r := range o.w.objective.Revisions {
		add(r.Until, r.CountFrom)
	}
	add(o.w.objective.CountFrom)
	slices.SortFunc(list, time.Time.Compare)
	return slices.Compact(list)
}

func (f facts) times() []time.Time {
	var list []time.Time
	for _, ob := range f.observations {
		list = append(list, ob.At)
	}
	for _, s := range f.statements {
		for _, out := range s.Outages {
			list = append(list, out.Start, out.End)
		}
	}
	for _, c := range f.corrections {
		list = append(list, c.From, c.Until)
	}
	return list
}

// termsAt returns the terms in force at an instant: those of the first revision that still held, else the objective's own.
func (o *oracle) termsAt(at time.Time) slo.Revision {
	for _, r := range o.w.objective.Revisions {
		if at.UnixMicro() < r.Until.UnixMicro() {
			return r
		}
	}
	ob := o.w.objective
	return slo.Revision{
		Target: ob.Target, Window: ob.Window, DependencyExclusion: ob.DependencyExclusion, NeverExcuse: ob.NeverExcuse,
		ExcludeMaintenance: ob.ExcludeMaintenance, DegradedIsUp: ob.DegradedIsUp, UnknownIsDown: ob.UnknownIsDown,
		CountFrom: ob.CountFrom, Policy: ob.Policy, Thresholds: ob.Thresholds,
	}
}

// word is what one source says of a system at an instant.
type word struct {
	health   slo.Health
	impact   int    // thousandths
	upstream string // whom it names
}

// thousandths reads an impact; 0 means all of the service.
func thousandths(impact float64) int {
	if impact == 0 {
		return 1000
	}
	n := int(math.Round(impact * 1000))
	if float64(n)/1000 != impact {
		panic(fmt.Sprintf("impact %v has more than three decimals", impact))
	}
	return n
}

// exact returns the number that a float's shortest decimal text says.
func exact(v float64) *big.Rat {
	r, ok := new(big.Rat).SetString(strconv.FormatFloat(v, 'f', -1, 64))
	if !ok {
		panic(fmt.Sprintf("%v is no number", v))
	}
	return r
}

// within reports whether from <= t < until, microseconds all; a zero until never comes.
func within(t int64, from, until time.Time) bool {
	return from.UnixMicro() <= t && (until.IsZero() || t < until.UnixMicro())
}

// lastWord returns the last word of one check's feed (check "": the system's own) at or before t.
func (f facts) lastWord(check string, t int64) (word, bool) {
	worse := map[slo.Health]int{slo.Healthy: 0, slo.Unknown: 1, slo.Degraded: 2, slo.Unhealthy: 3}
	var best *slo.Observation
	for i := range f.observations {
		ob := &f.observations[i]
		if ob.CheckID != check || ob.At.UnixMicro() > t {
			continue
		}
		if best == nil || cmp.Or(cmp.Compare(ob.At.UnixMicro(), best.At.UnixMicro()), cmp.Compare(ob.Seq, best.Seq),
			cmp.Compare(worse[ob.Health], worse[best.Health]), cmp.Compare(thousandths(ob.Impact), thousandths(best.Impact)),
			cmp.Compare(ob.UpstreamID, best.UpstreamID), cmp.Compare(ob.Note, best.Note)) > 0 {
			best = ob
		}
	}
	if best == nil {
		return word{}, false
	}
	return word{best.Health, thousandths(best.Impact), best.UpstreamID}, true
}

// corrected returns what a correction says of one check's feed (check "": the system's) at t.
func (f facts) corrected(check string, t int64) (word, bool) {
	var best *slo.Correction
	for i := range f.corrections {
		c := &f.corrections[i]
		superseded := slices.ContainsFunc(f.corrections, func(other slo.Correction) bool {
			return other.ID == c.ID && other.Rev > c.Rev
		})
		if superseded || c.SystemID != f.system || c.CheckID != check || !within(t, c.From, c.Until) {
			continue
		}
		if best == nil || cmp.Or(cmp.Compare(c.Rev, best.Rev), cmp.Compare(c.ID, best.ID)) > 0 {
			best = c
		}
	}
	if best == nil {
		return word{}, false
	}
	return word{best.Health, thousandths(best.Impact), ""}, true
}

// checkWord returns what the feed of one check says at t, corrections in place.
func (f facts) checkWord(check string, t int64) (word, bool) {
	if w, ok := f.corrected(check, t); ok {
		return w, true
	}
	return f.lastWord(check, t)
}

// feed returns what the feed says at t: of one check where one is given, else of the system.
func (f facts) feed(check string, t int64) []word {
	if check != "" {
		if w, ok := f.checkWord(check, t); ok {
			return []word{w}
		}
		return nil
	}
	if w, ok := f.corrected("", t); ok {
		return []word{w}
	}
	if w, ok := f.lastWord("", t); ok {
		return []word{w}
	}
	var words []word
	for _, check := range f.checks() {
		if w, ok := f.checkWord(check, t); ok {
			words = append(words, w)
		}
	}
	return words
}

// checks returns the checks of the system that a feed or a correction speaks of.
func (f facts) checks() []string {
	var list []string
	for _, ob := range f.observations {
		list = append(list, ob.CheckID)
	}
	for _, c := range f.corrections {
		if c.SystemID == f.system {
			list = append(list, c.CheckID)
		}
	}
	slices.Sort(list)
	return slices.DeleteFunc(slices.Compact(list), func(check string) bool { return check == "" })
}

// outages returns the outages that stand, of the system and all its checks, or of the system and the one check given.
func (f facts) outages(check string) []slo.Outage {
	var list []slo.Outage
	for _, s := range f.statements {
		superseded := slices.ContainsFunc(f.statements, func(other slo.Statement) bool {
			return other.Source == s.Source && other.Rev > s.Rev
		})
		if superseded {
			continue
		}
		for _, out := range s.Outages {
			if out.SystemID == f.system && (check == "" || out.CheckID == "" || out.CheckID == check) &&
				(out.End.IsZero() || out.Start.UnixMicro() < out.End.UnixMicro()) {
				list = append(list, out)
			}
		}
	}
	return list
}

// stated returns what the sources beside the feed say at t.
func (f facts) stated(check string, t int64) []word {
	var words []word
	for _, out := range f.outages(check) {
		if within(t, out.Start, out.End) {
			words = append(words, word{cmp.Or(out.Health, slo.Unhealthy), thousandths(out.Impact), out.UpstreamID})
		}
	}
	return words
}

// counts returns the impact of a word for an objective: what it says if that health counts as down, else nothing.
func counts(w word, terms slo.Revision) int {
	switch w.health {
	case slo.Unhealthy:
		return w.impact
	case slo.Degraded:
		if !terms.DegradedIsUp {
			return w.impact
		}
	case slo.Unknown:
		if terms.UnknownIsDown {
			return w.impact
		}
	}
	return 0
}

// downness returns how much of a system is down at t for an objective's terms, whatever caused it.
func (f facts) downness(terms slo.Revision, t int64) int {
	down := 0
	for _, w := range append(f.feed("", t), f.stated("", t)...) {
		down = max(down, counts(w, terms))
	}
	return down
}

// downSince returns the start of the unbroken stretch of downtime that holds t.
func (f facts) downSince(terms slo.Revision, t int64) int64 {
	var edges []int64
	for _, at := range f.times() {
		if !at.IsZero() && at.UnixMicro() <= t {
			edges = append(edges, at.UnixMicro())
		}
	}
	slices.Sort(edges)
	for i := len(edges) - 1; i >= 0; i-- {
		if f.downness(terms, edges[i]-1) == 0 {
			return edges[i]
		}
	}
	panic("down before anything was known")
}

// inMaintenance reports whether a maintenance window of the system's own holds at t.
func (o *oracle) inMaintenance(t int64) bool {
	for _, m := range o.w.maintenance {
		superseded := slices.ContainsFunc(o.w.maintenance, func(other slo.Maintenance) bool {
			return other.ID == m.ID && other.Rev > m.Rev
		})
		if !superseded && !m.Cancelled && m.SystemID == o.w.system && within(t, m.Start, m.End) {
			return true
		}
	}
	return false
}

// observed reports whether anybody knew how the system was at t.
func (o *oracle) observed(t int64) bool {
	check := o.w.objective.CheckID
	heard := slices.ContainsFunc(o.w.observations, func(ob slo.Observation) bool {
		return check == "" || ob.CheckID == check
	})
	if !heard && slices.ContainsFunc(o.w.outages(check), func(out slo.Outage) bool { return out.Start.UnixMicro() <= t }) {
		return true
	}
	for _, w := range o.w.feed(check, t) {
		if w.health != slo.Unknown {
			return true
		}
	}
	return len(o.w.stated(check, t)) > 0
}

// judge judges one instant from scratch, by the terms in force then. CountFrom is not looked at: it depends on when one
// asks.
func (o *oracle) judge(at time.Time) judgement {
	t := at.UnixMicro()
	terms := o.termsAt(at)
	j := judgement{observed: o.observed(t)}
	if terms.ExcludeMaintenance && o.inMaintenance(t) {
		return j
	}
	excuses := func(upstream string) bool { return upstream != "" && !slices.Contains(terms.NeverExcuse, upstream) }

	feed, other, named, namedID := 0, 0, 0, ""
	name := func(w word) {
		if n := counts(w, terms); n > named || n == named && n > 0 && w.upstream < namedID {
			named, namedID = n, w.upstream
		}
	}
	for _, w := range o.w.feed(o.w.objective.CheckID, t) {
		feed = max(feed, counts(w, terms))
		if excuses(w.upstream) {
			name(w)
		}
	}
	for _, w := range o.w.stated(o.w.objective.CheckID, t) {
		if excuses(w.upstream) {
			name(w)
		} else {
			other = max(other, counts(w, terms))
		}
	}
	graph, graphID := 0, ""
	var graphSince int64
	for _, d := range o.w.upstreams {
		if d.mute || !excuses(d.system) || !within(t, d.from, d.until) {
			continue
		}
		down := d.downness(terms, t)
		if down == 0 || down < graph {
			continue
		}
		since := d.downSince(terms, t)
		if down > graph || cmp.Or(cmp.Compare(since, graphSince), cmp.Compare(d.system, graphID)) < 0 {
			graph, graphID, graphSince = down, d.system, since
		}
	}

	j.total = max(feed, other, named)
	j.self = max(feed-min(feed, max(graph, named)), other-min(other, graph))
	if j.self < j.total {
		j.upstream = namedID
		if graph > named {
			j.upstream = graphID
		}
	}
	j.counted = j.total
	if terms.DependencyExclusion == slo.SelfOnly {
		j.counted = j.self
	}
	return j
}

// add adds up a figure over [from, to), in nanoseconds: whole microseconds times whole thousandths.
func (o *oracle) add(from, to int64, figure func(judgement) int) *big.Int {
	sum := new(big.Int)
	first, _ := slices.BinarySearch(o.times, from)
	for i := max(first-1, 0); i < len(o.times) && o.times[i] < to; i++ {
		start, end := max(from, o.times[i]), to
		if i+1 < len(o.times) {
			end = min(to, o.times[i+1])
		}
		if n := figure(o.pieces[i]); n != 0 && start < end {
			sum.Add(sum, new(big.Int).Mul(big.NewInt(end-start), big.NewInt(int64(n))))
		}
	}
	return sum
}

// hidden returns the instant before which an objective that is asked at an instant counts nothing.
func (o *oracle) hidden(asked time.Time) int64 {
	if from := o.termsAt(asked).CountFrom; !from.IsZero() {
		return from.UnixMicro()
	}
	return -1 << 62
}

// sum adds up a figure over [from, to), in nanoseconds, as who asks at an instant sees it: nothing before the CountFrom
// that is in force then.
func (o *oracle) sum(from, to, asked time.Time, figure func(judgement) int) *big.Int {
	return o.add(max(from.UnixMicro(), o.hidden(asked)), to.UnixMicro(), figure)
}

// budget returns the error budget of [from, to) in nanoseconds: each part by the target in force then.
func (o *oracle) budget(from, to time.Time) *big.Rat {
	sum := new(big.Rat)
	start := from.UnixMicro()
	part := func(until int64, target float64) {
		until = min(until, to.UnixMicro())
		if until <= start {
			return
		}
		bad := new(big.Rat).Sub(big.NewRat(100, 1), exact(target))
		bad.Quo(bad, big.NewRat(100, 1))
		sum.Add(sum, bad.Mul(bad, new(big.Rat).SetInt(new(big.Int).Mul(big.NewInt(until-start), big.NewInt(1000)))))
		start = until
	}
	for _, r := range o.w.objective.Revisions {
		part(r.Until.UnixMicro(), r.Target)
	}
	part(to.UnixMicro(), o.w.objective.Target)
	return sum
}

// span is what the text form of a Window says.
type span struct {
	rolling time.Duration // 0: a calendar window
	unit    string
	zone    *time.Location
	nominal time.Duration
}

func spanOf(w slo.Window) span {
	const day = 24 * time.Hour
	text := w.String()
	period, calendar := strings.CutPrefix(text, "calendar:")
	if !calendar {
		s := span{}
		if days, rest, ok := strings.Cut(text, "d"); ok {
			n, err := strconv.Atoi(days)
			if err != nil {
				panic(err)
			}
			s.rolling, text = time.Duration(n)*day, rest
		}
		if text != "" {
			d, err := time.ParseDuration(text)
			if err != nil {
				panic(err)
			}
			s.rolling += d
		}
		s.nominal = s.rolling
		return s
	}
	unit, zone, _ := strings.Cut(period, ":")
	loc, err := time.LoadLocation(cmp.Or(zone, "UTC"))
	if err != nil {
		panic(err)
	}
	days := map[string]time.Duration{"day": 1, "week": 7, "month": 30, "quarter": 90, "year": 365}
	return span{unit: unit, zone: loc, nominal: days[unit] * day}
}

// period returns the window's period that an instant lies in, in zones where every day begins at midnight.
func (s span) period(at time.Time) (from, to time.Time) {
	if s.rolling > 0 {
		return at.Add(-s.rolling), at
	}
	y, m, d := at.In(s.zone).Date()
	date := func(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, s.zone).UTC() }
	switch s.unit {
	case "day":
		return date(y, m, d), date(y, m, d+1)
	case "week":
		monday := d - (int(at.In(s.zone).Weekday())+6)%7
		return date(y, m, monday), date(y, m, monday+7)
	case "month":
		return date(y, m, 1), date(y, m+1, 1)
	case "quarter":
		m -= (m - 1) % 3
		return date(y, m, 1), date(y, m+3, 1)
	case "year":
		return date(y, 1, 1), date(y+1, 1, 1)
	}
	panic("unknown unit " + s.unit)
}

// oracleRule is a burn rule with its factor as a fraction.
type oracleRule struct {
	slo.Firing
	factor *big.Rat
}

// rules returns the rules of the policy in force at an instant, by long window.
func (o *oracle) rules(at time.Time) []oracleRule {
	terms := o.termsAt(at)
	nominal := spanOf(terms.Window).nominal
	factorOf := func(r slo.BurnRule) *big.Rat {
		if r.Factor != 0 {
			return exact(r.Factor)
		}
		f := new(big.Rat).Quo(exact(r.Share), big.NewRat(100, 1))
		return f.Mul(f, big.NewRat(int64(nominal), int64(r.Long)))
	}
	policy := terms.Policy.Rules
	if len(policy) == 0 && !terms.Policy.Off {
		for _, r := range []slo.BurnRule{
			{Severity: "page", Long: time.Hour, Short: 5 * time.Minute, Share: 2},
			{Severity: "page", Long: 6 * time.Hour, Short: 30 * time.Minute, Share: 5},
			{Severity: "ticket", Long: 24 * time.Hour, Short: 2 * time.Hour, Share: 10},
			{Severity: "ticket", Long: 72 * time.Hour, Short: 6 * time.Hour, Share: 10},
		} {
			bad := new(big.Rat).Sub(big.NewRat(100, 1), exact(terms.Target))
			reach := new(big.Rat).Mul(factorOf(r), bad) // at a total outage the burn rate is 100 / bad
			if r.Long <= nominal && reach.Cmp(big.NewRat(100, 1)) <= 0 {
				policy = append(policy, r)
			}
		}
	}
	var list []oracleRule
	for _, r := range policy {
		list = append(list, oracleRule{slo.Firing{Severity: r.Severity, Long: r.Long, Short: r.Short}, factorOf(r)})
	}
	slices.SortStableFunc(list, func(a, b oracleRule) int {
		return cmp.Or(cmp.Compare(a.Long, b.Long), cmp.Compare(a.Short, b.Short), cmp.Compare(a.Severity, b.Severity))
	})
	return list
}

func counted(j judgement) int { return j.counted }

func total(j judgement) int { return j.total }

// burns reports whether something bad lies in [at - lookback, at) and at least factor times the budget of that stretch,
// for who looks by the terms of an instant.
func (o *oracle) burns(at, by time.Time, lookback time.Duration, factor *big.Rat) bool {
	bad := o.sum(at.Add(-lookback), at, by, counted)
	return bad.Sign() > 0 && new(big.Rat).SetInt(bad).Cmp(new(big.Rat).Mul(factor, o.budget(at.Add(-lookback), at))) >= 0
}

// burnRate returns bad / budget of [at - lookback, at), 0 where the budget is zero.
func (o *oracle) burnRate(at time.Time, lookback time.Duration) *big.Rat {
	return o.burnRateBy(at, at, lookback)
}

func (o *oracle) burnRateBy(at, by time.Time, lookback time.Duration) *big.Rat {
	budget := o.budget(at.Add(-lookback), at)
	if budget.Sign() == 0 {
		return budget
	}
	return budget.Quo(new(big.Rat).SetInt(o.sum(at.Add(-lookback), at, by, counted)), budget)
}

// oracleStatus is a slo.Status with every figure exact.
type oracleStatus struct {
	target       float64
	at, from, to time.Time

	total, remaining                  *big.Rat // nanoseconds
	consumed, strict                  *big.Int
	remainingPercent, consumedPercent *big.Rat
	availability, strictAvailability  *big.Rat
	burnRate, coverage                *big.Rat

	breaching, exhausted, down bool
	level                      slo.Level
	firing                     []slo.Firing
	attribution                []slo.Share
}

// asked truncates an instant to microseconds and keeps it within 1970 to 2200.
func asked(at time.Time) time.Time {
	first, last := time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
	if at.Before(first) {
		return first
	}
	if at.After(last) {
		return last
	}
	return truncated(at)
}

// truncated takes off what lies below a microsecond.
func truncated(t time.Time) time.Time { return time.UnixMicro(t.UnixMicro()).UTC() }

// status is what Timeline.Status answers.
func (o *oracle) status(at time.Time) oracleStatus {
	at = asked(at)
	from, to := spanOf(o.termsAt(at).Window).period(at)
	return o.statusIn(from, to, at)
}

// statusIn is what Timeline.StatusIn answers.
func (o *oracle) statusIn(from, to, at time.Time) oracleStatus {
	return o.statusBy(truncated(from), truncated(to), truncated(at), truncated(at))
}

// statusUntil is what Timeline.StatusUntil answers.
func (o *oracle) statusUntil(end time.Time) oracleStatus {
	end = asked(end)
	last := end.Add(-time.Microsecond)
	o = o.knownAt(last)
	window := spanOf(o.termsAt(last).Window)
	if window.rolling > 0 {
		return o.statusBy(end.Add(-window.rolling), end, end, last)
	}
	from, to := window.period(last)
	return o.statusBy(from, to, end, last)
}

// knownAt is the oracle of somebody who does not know of terms that begin later than an instant.
func (o *oracle) knownAt(at time.Time) *oracle {
	for i, r := range o.w.objective.Revisions {
		if at.UnixMicro() < r.Until.UnixMicro() {
			w, known := *o.w, *o
			w.objective.Revisions = w.objective.Revisions[:i]
			w.objective.Target, w.objective.Window, w.objective.CountFrom = r.Target, r.Window, r.CountFrom
			w.objective.DependencyExclusion, w.objective.NeverExcuse = r.DependencyExclusion, r.NeverExcuse
			w.objective.ExcludeMaintenance, w.objective.DegradedIsUp, w.objective.UnknownIsDown = r.ExcludeMaintenance, r.DegradedIsUp, r.UnknownIsDown
			w.objective.Policy, w.objective.Thresholds = r.Policy, r.Thresholds
			w.objective.DependencyExclusion, w.objective.NeverExcuse = r.DependencyExclusion, r.NeverExcuse
			w.objective.ExcludeMaintenance, w.objective.DegradedIsUp, w.objective.UnknownIsDown = r.ExcludeMaintenance, r.DegradedIsUp, r.UnknownIsDown
			known.w = &w
			return &known
		}
	}
	return o
}

// statusBy looks from at, by the terms of another instant; down is judged there.
func (o *oracle) statusBy(from, to, at, by time.Time) oracleStatus {
	terms := o.termsAt(by)
	end := at
	if to.Before(at) {
		end = to
	}
	s := oracleStatus{target: terms.Target, at: at, from: from, to: to}
	s.total = o.budget(from, to)
	s.consumed = o.sum(from, end, by, counted)
	s.strict = o.sum(from, end, by, total)
	consumed := new(big.Rat).SetInt(s.consumed)
	s.remaining = new(big.Rat).Sub(s.total, consumed)
	s.breaching = consumed.Cmp(s.total) > 0
	s.exhausted = s.consumed.Sign() > 0 && s.remaining.Sign() <= 0
	switch {
	case s.total.Sign() > 0:
		s.consumedPercent, s.remainingPercent = percentOf(consumed, s.total), percentOf(s.remaining, s.total)
	case s.consumed.Sign() > 0:
		s.consumedPercent, s.remainingPercent = big.NewRat(100, 1), new(big.Rat)
	default:
		s.consumedPercent, s.remainingPercent = new(big.Rat), big.NewRat(100, 1)
	}

	s.availability, s.strictAvailability, s.coverage = big.NewRat(100, 1), big.NewRat(100, 1), big.NewRat(1, 1)
	if elapsed := o.elapsed(from, end); elapsed.Sign() > 0 {
		s.availability.Sub(s.availability, percentOf(consumed, elapsed))
		s.strictAvailability.Sub(s.strictAvailability, percentOf(new(big.Rat).SetInt(s.strict), elapsed))
		seen := o.add(from.UnixMicro(), end.UnixMicro(), func(j judgement) int {
			if j.observed {
				return 1000
			}
			return 0
		})
		s.coverage.Quo(new(big.Rat).SetInt(seen), elapsed)
	}

	s.burnRate = o.burnRateBy(at, by, time.Hour)
	for _, r := range o.rules(by) {
		if o.burns(at, by, r.Long, r.factor) && o.burns(at, by, r.Short, r.factor) {
			s.firing = append(s.firing, r.Firing)
		}
	}
	s.level = o.level(s, terms.Thresholds)
	s.down = o.judge(by).counted > 0 && by.UnixMicro() >= o.hidden(by)
	s.attribution = o.attribution(from, end, by)
	return s
}

func percentOf(part, whole *big.Rat) *big.Rat {
	q := new(big.Rat).Quo(part, whole)
	return q.Mul(q, big.NewRat(100, 1))
}

// elapsed returns the length of [from, end) in nanoseconds.
func (o *oracle) elapsed(from, end time.Time) *big.Rat {
	return new(big.Rat).SetInt(new(big.Int).Mul(big.NewInt(end.UnixMicro()-from.UnixMicro()), big.NewInt(1000)))
}

func (o *oracle) level(s oracleStatus, th slo.Thresholds) slo.Level {
	warning, critical, fast := exact(cmp.Or(th.Warning, 50)), exact(cmp.Or(th.Critical, 80)), exact(cmp.Or(th.FastBurn, 5))
	switch {
	case s.consumedPercent.Cmp(critical) >= 0 || s.burnRate.Cmp(fast) >= 0:
		return slo.LevelCritical
	case s.consumedPercent.Cmp(warning) >= 0:
		return slo.LevelWarning
	}
	return slo.LevelOK
}

// attribution adds up whose the downtime of [from, to) is.
func (o *oracle) attribution(from, to, at time.Time) []slo.Share {
	var list []slo.Share
	if own := o.sum(from, to, at, func(j judgement) int { return j.self }); own.Sign() > 0 {
		list = append(list, slo.Share{Cause: slo.CauseSelf, Duration: time.Duration(own.Int64())})
	}
	var ids []string
	for _, j := range o.pieces {
		ids = append(ids, j.upstream)
	}
	slices.Sort(ids)
	var others []slo.Share
	for _, id := range slices.Compact(ids) {
		part := o.sum(from, to, at, func(j judgement) int {
			if j.upstream == id {
				return j.total - j.self
			}
			return 0
		})
		if part.Sign() > 0 {
			others = append(others, slo.Share{
				Cause: slo.CauseUpstream, UpstreamID: id, UpstreamName: o.nameOf(id), Duration: time.Duration(part.Int64()),
			})
		}
	}
	slices.SortStableFunc(others, func(a, b slo.Share) int { return cmp.Compare(b.Duration, a.Duration) }) // by ID already
	return append(list, others...)
}

// nameOf returns the name that the world gives an upstream; of several the greatest.
func (o *oracle) nameOf(id string) string {
	name := ""
	for _, d := range o.w.upstreams {
		if d.system == id {
			name = max(name, d.name)
		}
	}
	return name
}
