package streak

// Outcome is what a day does to a streak. The zero Outcome is not valid, so that a day that nobody judged counts for
// nothing.
type Outcome uint8

const (
	Met    Outcome = iota + 1 // one day more
	Held                      // the streak stays as it is
	Missed                    // the streak ends
)

const wantOutcome = "met, held or missed"

var outcomes = [...]string{Met: "met", Held: "held", Missed: "missed"}

// ParseOutcome reads the text that [Outcome.String] prints: "met", "held" or "missed". Any other text is ErrInvalid.
func ParseOutcome(s string) (Outcome, error) {
	for o := Met; o.valid(); o++ {
		if s == outcomes[o] {
			return o, nil
		}
	}
	return 0, invalid("", "outcome", s, wantOutcome)
}

func (o Outcome) valid() bool { return Met <= o && o <= Missed }

// String returns the lower-case name, and "invalid" for a value that is none of the constants.
func (o Outcome) String() string {
	if !o.valid() {
		return "invalid"
	}
	return outcomes[o]
}

// MarshalText implements [encoding.TextMarshaler] with the text of String; a value that is none of the constants is
// ErrInvalid.
func (o Outcome) MarshalText() ([]byte, error) {
	if !o.valid() {
		return nil, invalid("", "outcome", uint8(o), wantOutcome)
	}
	return []byte(outcomes[o]), nil
}

// UnmarshalText implements [encoding.TextUnmarshaler] as ParseOutcome does; an error leaves o as it was.
func (o *Outcome) UnmarshalText(text []byte) error {
	parsed, err := ParseOutcome(string(text))
	if err == nil {
		*o = parsed
	}
	return err
}

// OutcomeRule says what a day does to a streak, from how the objective stood when the day ended; [DefaultOutcome] is the
// one to use unless the host has another. It must be pure: days are judged again when facts change, in any order and by
// any process, and one Standing must have one Outcome.
type OutcomeRule func(Standing) Outcome

// DefaultOutcome is Missed where the budget is overspent, else Held where the objective is down, else Met.
func DefaultOutcome(s Standing) Outcome {
	switch {
	case s.Breaching:
		return Missed
	case s.Down:
		return Held
	}
	return Met
}
