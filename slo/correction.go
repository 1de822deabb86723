package slo

import "time"

// Correction replaces the feed's word in [From, Until), where people know better. It is no word of the feed: outside
// that interval it changes nothing, and statements count beside it. With a CheckID it replaces that check's feed alone;
// without, the feed of the system as a whole, which an objective on one check does not see.
//
// Of two corrections that cover an instant the one with the greater (Rev, ID) holds; of two with one ID the one with the
// greater Rev alone exists.
type Correction struct {
	ID       string // 1 to 256 bytes of UTF-8 without NUL
	Rev      int64  // two corrections of one ID and Rev must be the same, else ErrConflict
	SystemID string // 1 to 256 bytes of UTF-8 without NUL
	CheckID  string // empty: the system as a whole

	From, Until time.Time // truncated to microseconds, from 1970 to 2200; Until after From, it may lie ahead

	Health Health  // what was so instead
	Impact float64 // as in [Observation]; must be 0 when Health is Healthy
	Reason string  // at most 16 KB; for people
}

// Validate reports the first field outside its bounds as an ErrInvalid that names it.
func (c Correction) Validate() error {
	if err := checkID("correction", "id", c.ID); err != nil {
		return err
	}
	return about(c.validate(), "correction", c.ID)
}

func (c *Correction) validate() error {
	if err := checkID("", "system", c.SystemID); err != nil {
		return err
	}
	if err := checkOptionalID("", "check", c.CheckID); err != nil {
		return err
	}
	if err := checkSpan("", "from", "until", c.From, c.Until); err != nil {
		return err
	}
	if err := healths.check("", uint8(c.Health)); err != nil {
		return err
	}
	if _, err := impact("", c.Health, c.Impact); err != nil {
		return err
	}
	return checkText("", "reason", c.Reason)
}

func (c Correction) canonical() Correction {
	c.From, c.Until = instant(micros(c.From)), instant(micros(c.Until))
	if c.Impact == 0 && c.Health != Healthy {
		c.Impact = 1
	}
	return c
}
