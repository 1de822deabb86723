package slo

import "time"

// Observation is one word of a system's feed: from At on, the system, or one check of it, is like this, until a later
// word says otherwise. The feed is a stream; sources that know whole intervals make a [Statement].
//
// Of two words at one instant that of the greater Seq holds. Of two with one key (SystemID, CheckID, At, Seq) the worse
// health stands (Healthy, Unknown, Degraded, Unhealthy, from good to bad), then the greater impact, then the greater
// UpstreamID and Note as bytes: repeating an observation, or hearing two in another order, changes nothing.
type Observation struct {
	SystemID string // 1 to 256 bytes of UTF-8 without NUL
	CheckID  string // one check of the system; empty: the system as a whole, which silences its checks from At on

	// At is when it became so, not when it was heard of; truncated to microseconds, from 1970 to 2200.
	At  time.Time
	Seq int64 // the order of words at one instant, where the source has one

	Health Health

	// Impact is the share of the service that is down, above 0 and at most 1, with at most three decimals. 0 means 1. It
	// must be 0 when Health is Healthy.
	Impact float64

	UpstreamID string // the system that the source itself names as the cause; empty: none named
	Note       string // at most 16 KB; for people
}

// Down returns the observation that the system is wholly down from the instant on.
func Down(systemID string, at time.Time) Observation {
	return Observation{SystemID: systemID, At: at, Health: Unhealthy}
}

// Up returns the observation that the system is healthy from the instant on.
func Up(systemID string, at time.Time) Observation {
	return Observation{SystemID: systemID, At: at, Health: Healthy}
}

// Validate reports the first field outside its bounds as an ErrInvalid that names it.
func (o Observation) Validate() error {
	if err := checkID("observation", "system", o.SystemID); err != nil {
		return err
	}
	return about(o.validate(), "observation of", o.SystemID)
}

func (o *Observation) validate() error {
	if err := checkOptionalID("", "check", o.CheckID); err != nil {
		return err
	}
	if err := checkInstant("", "at", o.At); err != nil {
		return err
	}
	if err := healths.check("", uint8(o.Health)); err != nil {
		return err
	}
	if _, err := impact("", o.Health, o.Impact); err != nil {
		return err
	}
	if err := checkUpstream("", o.SystemID, o.UpstreamID); err != nil {
		return err
	}
	return checkText("", "note", o.Note)
}

// impact reads a share of the service as thousandths; 0 means all of it, and none when healthy.
func impact(what string, h Health, share float64) (uint16, error) {
	if h == Healthy {
		if share != 0 {
			return 0, invalid(what, "impact", share, "0, since the health is healthy")
		}
		return 0, nil
	}
	if share == 0 {
		return whole, nil
	}
	n, ok := decimal(share, whole)
	if !ok || n <= 0 || n > whole {
		return 0, invalid(what, "impact", share, "more than 0 and at most 1, with at most three decimals")
	}
	return uint16(n), nil
}

func checkUpstream(what, system, upstream string) error {
	if upstream != "" && upstream == system {
		return invalid(what, "upstream", upstream, "another system than the one that is down")
	}
	return checkOptionalID(what, "upstream", upstream)
}
