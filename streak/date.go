package streak

import (
	"encoding/json"
	"iter"
	"time"
)

// Date is a calendar day in UTC, from 1970-01-01 to 2200-12-31, or no day: the zero Date. It is a plain value, compared
// with == and of use as a key of a map. Each instant of those years lies in exactly one Date, whatever the zone it is
// shown in.
//
// Its text is "2026-03-31", and empty for the zero Date; in JSON the zero Date is null.
type Date struct {
	n int32 // days since 1969-12-31, so that the zero value is none of them
}

const (
	secondsDay = 24 * 60 * 60
	lastDate   = 84371 // 2200-12-31

	dateRange = "a day from 1970-01-01 to 2200-12-31"
)

// DateOf returns the day that t lies in, in UTC. An instant before 1970 or after 2200 is ErrInvalid.
func DateOf(t time.Time) (Date, error) {
	seconds := t.Unix()
	if seconds < 0 || seconds >= lastDate*secondsDay {
		return Date{}, invalid("", "instant", t.UTC().Format(time.RFC3339Nano), dateRange)
	}
	return Date{int32(seconds/secondsDay) + 1}, nil
}

// ParseDate reads the text that [Date.String] prints for a day, such as "2026-03-31". Any other text is ErrInvalid, the
// empty one, days that do not exist and years outside of 1970 to 2200 too.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err == nil {
		var d Date
		if d, err = DateOf(t); err == nil {
			return d, nil
		}
	}
	return Date{}, invalid("", "date", s, dateRange+", such as 2026-03-31")
}

// Dates iterates over the days from the first one on and before until, in order: none where from is zero or not before
// until.
func Dates(from, until Date) iter.Seq[Date] {
	return func(yield func(Date) bool) {
		if from.IsZero() {
			return
		}
		for n := from.n; n < until.n; n++ {
			if !yield(Date{n}) {
				return
			}
		}
	}
}

// IsZero reports whether d is no day.
func (d Date) IsZero() bool { return d == Date{} }

// Start returns the first instant of the day, midnight in UTC, and the zero time of the zero Date.
func (d Date) Start() time.Time {
	if d.IsZero() {
		return time.Time{}
	}
	return time.Unix(int64(d.n-1)*secondsDay, 0).UTC()
}

// End returns the first instant after the day, midnight in UTC, and the zero time of the zero Date.
func (d Date) End() time.Time {
	if d.IsZero() {
		return time.Time{}
	}
	return time.Unix(int64(d.n)*secondsDay, 0).UTC()
}

// Add returns the day so many days later, or earlier where days is negative. It is ErrInvalid outside of 1970 to 2200
// and for the zero Date.
func (d Date) Add(days int) (Date, error) {
	if d.IsZero() {
		return Date{}, invalid("", "date", "", dateRange)
	}
	if days < int(1-d.n) || days > int(lastDate-d.n) {
		return Date{}, invalid("date "+d.String(), "days to add", days, dateRange)
	}
	return Date{d.n + int32(days)}, nil
}

// Sub returns how many days d lies after o, negative where it lies before, and 0 where one of them is zero.
func (d Date) Sub(o Date) int {
	if d.IsZero() || o.IsZero() {
		return 0
	}
	return int(d.n - o.n)
}

// Before reports whether d lies before o. The zero Date lies before every day.
func (d Date) Before(o Date) bool { return d.n < o.n }

// After reports whether d lies after o. Every day lies after the zero Date.
func (d Date) After(o Date) bool { return d.n > o.n }

// Compare returns -1 where d lies before o, 1 where it lies after, else 0. The zero Date lies before every day.
func (d Date) Compare(o Date) int {
	switch {
	case d.n < o.n:
		return -1
	case d.n > o.n:
		return 1
	}
	return 0
}

// Equal is ==. It is there for packages that compare values by their methods, as go-cmp does.
func (d Date) Equal(o Date) bool { return d == o }

// String returns the day as in "2026-03-31", and "" for the zero Date.
func (d Date) String() string {
	if d.IsZero() {
		return ""
	}
	return d.Start().Format(time.DateOnly)
}

// MarshalText implements [encoding.TextMarshaler] with the text of String. It never fails.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler] as ParseDate does, and reads the empty text as the zero Date; an
// error leaves d as it was.
func (d *Date) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*d = Date{}
		return nil
	}
	parsed, err := ParseDate(string(text))
	if err == nil {
		*d = parsed
	}
	return err
}

// MarshalJSON implements [json.Marshaler]: a string with the text of String, and null for the zero Date. It never fails.
func (d Date) MarshalJSON() ([]byte, error) {
	if d.IsZero() {
		return []byte("null"), nil
	}
	return []byte(`"` + d.String() + `"`), nil
}

// UnmarshalJSON implements [json.Unmarshaler]: null is the zero Date, and a string is read as by UnmarshalText. An error
// leaves d as it was.
func (d *Date) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil { // null leaves it empty
		return err
	}
	return d.UnmarshalText([]byte(text))
}
