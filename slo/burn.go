package slo

import "time"

const hour = int64(time.Hour / time.Microsecond)

// BurnRate returns how fast the budget was spent over [at - lookback, at): 1 spends exactly the budget in a window, 0
// stands where the budget is zero. lookback is more than 0, whole microseconds and at most 3650 days, else ErrInvalid; at
// is read as by Status.
func (tl *Timeline) BurnRate(at time.Time, lookback time.Duration) (float64, error) {
	if err := checkLength("", "lookback", lookback); err != nil {
		return 0, tl.about(err)
	}
	m := clamp(at)
	c := tl.cursor(m)
	return burnRate(c.countedSince(m-lookback.Microseconds(), tl.termsAt(m).since), tl.budget(m-lookback.Microseconds(), m)), nil
}

func burnRate(bad int64, budget uint128) float64 {
	if bad == 0 || budget.isZero() {
		return 0
	}
	return quotient(mul64(uint64(bad), wholeBudget), budget)
}

// Firing is a rule of the policy that fires.
type Firing struct {
	Severity    Severity
	Long, Short time.Duration
}

// firing returns the rules that fire at the cursor's instant.
func (tl *Timeline) firing(t *terms, c *cursor) []Firing {
	var list []Firing
	for i := range t.rules {
		r := &t.rules[i]
		if !tl.fires(t, r, c) {
			continue
		}
		if list == nil {
			list = make([]Firing, 0, len(t.rules)-i)
		}
		list = append(list, Firing{r.severity, length(r.long), length(r.short)})
	}
	return list
}

func (tl *Timeline) fires(t *terms, r *rule, c *cursor) bool {
	return tl.burns(t, r, c, r.short) && tl.burns(t, r, c, r.long)
}

// burns reports whether something bad lies in the lookback and burns the budget at the rule's factor or faster.
func (tl *Timeline) burns(t *terms, r *rule, c *cursor, lookback int64) bool {
	bad := c.countedSince(c.at-lookback, t.since)
	return bad > 0 && r.reached(bad, tl.budget(c.at-lookback, c.at))
}

func (r *rule) reached(bad int64, budget uint128) bool {
	return mul64(uint64(bad), wholeBudget).times(r.den).cmp(budget.times(r.num)) >= 0
}
