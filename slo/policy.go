package slo

import (
	"cmp"
	"slices"
	"strconv"
	"time"
)

// Severity is what an alert asks of people. The constants are the SRE workbook's; a policy may use others.
type Severity string

const (
	Page   Severity = "page"   // somebody must look now
	Ticket Severity = "ticket" // somebody must look within days
)

// BurnRule is one multi-window burn rate rule. It fires while something bad lies in both windows, [t-Long, t) and
// [t-Short, t), and in both the burn rate is at or above the rule's factor. The comparison is made in integers, exact to
// the nanosecond. See chapter 5 of the SRE workbook, "Multiwindow, Multi-Burn-Rate Alerts".
type BurnRule struct {
	Severity Severity // 1 to 256 bytes of UTF-8 without NUL

	// Long is the window that decides, Short the one that ends the alert soon after the outage: more than 0, whole
	// microseconds; Short not longer than Long, Long not longer than the objective's window.
	Long, Short time.Duration

	// Factor is the burn rate to fire at, above 0, with at most six decimals: 1 spends exactly the budget in a window. A
	// factor above 1/(1 - target) can never be reached and is refused. 0: Share is given instead.
	Factor float64

	// Share is the part of the budget, in percent, that is spent over Long when the rule fires, above 0, with at most six
	// decimals; the factor is then exactly Share x window / Long. A calendar window counts as 1, 7, 30, 90 or 365 days.
	// 0: Factor is given instead.
	Share float64
}

// AlertPolicy says when an objective's burn rate is an alert. The zero value stands for [DefaultAlertPolicy] of the
// objective's window and target; [NoAlerts] for none.
type AlertPolicy struct {
	Rules []BurnRule
	Off   bool // no rule at all; Rules must then be empty
}

// NoAlerts returns the policy that never fires.
func NoAlerts() AlertPolicy { return AlertPolicy{Off: true} }

// workbook holds the rules of the SRE workbook's table 5-8 with the second ticket pair of its text, by share of budget:
// over 30 days their factors are 14.4, 6, 3 and 1.
var workbook = [...]BurnRule{
	{Severity: Page, Long: time.Hour, Short: 5 * time.Minute, Share: 2},
	{Severity: Page, Long: 6 * time.Hour, Short: 30 * time.Minute, Share: 5},
	{Severity: Ticket, Long: 24 * time.Hour, Short: 2 * time.Hour, Share: 10},
	{Severity: Ticket, Long: 72 * time.Hour, Short: 6 * time.Hour, Share: 10},
}

// DefaultAlertPolicy returns the SRE workbook's policy for a window and a target in percent: a page when 2 % of the
// budget is spent within an hour or 5 % within six, a ticket when 10 % is spent within a day or three days. Over 30 days
// these are burn rates of 14.4, 6, 3 and 1; for other windows they follow from the shares. Rules that are longer than the
// window, or that could never fire at this target, are left out. Where none is left, and for a window or a target that is
// not valid, it returns [NoAlerts].
func DefaultAlertPolicy(w Window, target float64) AlertPolicy {
	budget, err := badShare("", target)
	if err != nil || w.Validate() != nil {
		return NoAlerts()
	}
	rules := appendDefault(nil, w, budget)
	return AlertPolicy{Rules: rules, Off: len(rules) == 0}
}

// appendDefault appends the rules of the default policy for a window and a budget.
func appendDefault(rules []BurnRule, w Window, bad int64) []BurnRule {
	for _, r := range workbook {
		if r.Long.Microseconds() <= w.nominal() && compileRule(r, w).reachable(bad) {
			rules = append(rules, r)
		}
	}
	return rules
}

// Thresholds say when [Status.Level] changes. The zero value of each field is its default.
type Thresholds struct {
	Warning  float64 // percent of the budget consumed, above 0 and at most 100, at most six decimals; 0 means 50
	Critical float64 // as Warning, and not below it; 0 means 80
	FastBurn float64 // burn rate over the last hour, above 0, at most six decimals; 0 means 5
}

func (t Thresholds) withDefaults() Thresholds {
	return Thresholds{Warning: cmp.Or(t.Warning, 50), Critical: cmp.Or(t.Critical, 80), FastBurn: cmp.Or(t.FastBurn, 5)}
}

// rule is a BurnRule with its factor as the fraction num/den, and its windows in microseconds.
type rule struct {
	severity    Severity
	long, short int64
	num, den    uint128
}

func compileRule(r BurnRule, w Window) rule {
	c := rule{severity: r.Severity, long: r.Long.Microseconds(), short: r.Short.Microseconds()}
	if r.Factor != 0 {
		factor, _ := decimal(r.Factor, perUnit)
		c.num, c.den = u128(uint64(factor)), u128(perUnit)
		return c
	}
	share, _ := decimal(r.Share, perUnit)
	c.num = mul64(uint64(share), uint64(w.nominal()))
	c.den = mul64(uint64(c.long), 100*perUnit)
	return c
}

// reachable reports whether a total outage burns a budget of bad parts in 1e8 as fast as the rule asks. A budget of
// nothing is burnt at once.
func (r rule) reachable(bad int64) bool {
	return r.num.times(u128(uint64(bad))).cmp(r.den.times(u128(wholeBudget))) <= 0
}

// compile returns the rules that hold for a window and a budget, sorted by long window.
func (p AlertPolicy) compile(w Window, bad int64) ([]rule, error) {
	if p.Off && len(p.Rules) > 0 {
		return nil, invalid("", "policy", len(p.Rules), "no rules, since it is off")
	}
	for _, r := range p.Rules {
		if err := r.check(w, bad); err != nil {
			return nil, err
		}
	}
	var space [len(workbook)]BurnRule
	if !p.Off && len(p.Rules) == 0 {
		p.Rules = appendDefault(space[:0], w, bad)
	}
	rules := make([]rule, 0, len(p.Rules))
	for _, r := range p.Rules {
		rules = append(rules, compileRule(r, w))
	}
	slices.SortFunc(rules, func(a, b rule) int {
		return cmp.Or(cmp.Compare(a.long, b.long), cmp.Compare(a.short, b.short), cmp.Compare(a.severity, b.severity))
	})
	return rules, nil
}

func (r BurnRule) check(w Window, bad int64) error {
	if err := checkID("", "policy severity", string(r.Severity)); err != nil {
		return err
	}
	if err := checkLength("", "policy long window", r.Long); err != nil {
		return err
	}
	if err := checkLength("", "policy short window", r.Short); err != nil {
		return err
	}
	switch {
	case r.Short > r.Long:
		return invalid("", "policy short window", r.Short, "at most the long window, "+r.Long.String())
	case r.Long.Microseconds() > w.nominal():
		return invalid("", "policy long window", r.Long, "at most the objective's window, "+w.String())
	case (r.Factor == 0) == (r.Share == 0):
		return invalid("", "policy factor", r.Factor, "a factor or a share, one of the two")
	}
	if n, ok := decimal(r.Factor, perUnit); !ok || n < 0 || r.Factor > maxFactor {
		return invalid("", "policy factor", r.Factor, "more than 0, with at most six decimals")
	}
	if n, ok := decimal(r.Share, perUnit); !ok || n < 0 || r.Share > 100 {
		return invalid("", "policy share", r.Share, "more than 0 and at most 100, with at most six decimals")
	}
	if !compileRule(r, w).reachable(bad) {
		most := "that a total outage reaches: " + strconv.FormatFloat(float64(wholeBudget)/float64(bad), 'g', 6, 64) + " at this target"
		if r.Share != 0 {
			return invalid("", "policy share", r.Share, "at most a burn rate over "+r.Long.String()+" "+most)
		}
		return invalid("", "policy factor", r.Factor, "at most the burn rate "+most)
	}
	return nil
}
