package slo

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Cause says whose downtime it is. The zero value is CauseSelf.
type Cause uint8

const (
	CauseSelf     Cause = iota // the system's own
	CauseUpstream              // an upstream's: one that it depends on, or one that a source named
)

var causeNames = enum{"cause", []string{CauseSelf: "self", CauseUpstream: "upstream"}}

// String returns "self" or "upstream", and "invalid" for a value that is neither.
func (c Cause) String() string { return causeNames.name(uint8(c)) }

// MarshalText implements [encoding.TextMarshaler] with the text of String; a value that is neither is ErrInvalid.
func (c Cause) MarshalText() ([]byte, error) { return causeNames.marshal(uint8(c)) }

// UnmarshalText implements [encoding.TextUnmarshaler] for the texts of String; any other is ErrInvalid and leaves c as it
// was.
func (c *Cause) UnmarshalText(text []byte) error { return unmarshalEnum(causeNames, c, text) }

// Share is the part of the downtime that has one cause. The shares of a status add up to Budget.ConsumedStrict.
type Share struct {
	Cause        Cause
	UpstreamID   string // empty for CauseSelf
	UpstreamName string // as the [Upstream] gave it; empty where none did
	Duration     time.Duration
}

// attribution returns the downtime from an instant to the cursor's by cause, with what counts and all of it.
func (tl *Timeline) attribution(from int64, to *cursor) (shares []Share, counted, total int64) {
	if to.at <= from {
		return nil, 0, 0
	}
	var space [128]int64
	sum := space[:]
	if width := tl.sealed.width; width <= len(space) {
		sum = sum[:width]
	} else {
		sum = make([]int64, width)
	}
	start, first := to.before(from)
	to.track.sums(to.piece, to.at, 1, sum)
	start.sums(first, from, -1, sum)
	if sum[sumTotal] == 0 {
		return nil, 0, 0
	}
	return tl.shares(sum), sum[sumCounted], sum[sumTotal]
}

func (tl *Timeline) shares(sum []int64) []Share {
	n := 0
	for _, v := range sum[sumCauses:] {
		if v != 0 {
			n++
		}
	}
	shares := make([]Share, 0, n+1)
	if own := sum[sumSelf]; own != 0 {
		shares = append(shares, Share{Cause: CauseSelf, Duration: time.Duration(own)})
	}
	first := len(shares)
	for i, v := range sum[sumCauses:] {
		if v != 0 {
			c := &tl.causes[i+1]
			shares = append(shares, Share{CauseUpstream, c.id, c.name, time.Duration(v)})
		}
	}
	if len(shares)-first > 1 {
		slices.SortFunc(shares[first:], func(a, b Share) int {
			return cmp.Or(cmp.Compare(b.Duration, a.Duration), strings.Compare(a.UpstreamID, b.UpstreamID))
		})
	}
	return shares
}
