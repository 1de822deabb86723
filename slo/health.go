package slo

// Health is how a system, or one check of it, is doing.
//
// Objectives decide what counts as down: Unhealthy always does, Degraded unless [Objective.DegradedIsUp], Unknown only
// with [Objective.UnknownIsDown]. The zero value is Unknown.
type Health uint8

const (
	Unknown   Health = iota // nobody can say; the time is not covered
	Healthy                 // up
	Degraded                // impaired
	Unhealthy               // down
)

var healths = enum{"health", []string{Unknown: "unknown", Healthy: "healthy", Degraded: "degraded", Unhealthy: "unhealthy"}}

// ParseHealth reads the text that [Health.String] prints: "unknown", "healthy", "degraded" or "unhealthy". Any other
// text is ErrInvalid.
func ParseHealth(s string) (Health, error) {
	h, err := healths.parse(s)
	return Health(h), err
}

// String returns the lower-case name, and "invalid" for a value that is none of the constants.
func (h Health) String() string { return healths.name(uint8(h)) }

// MarshalText implements [encoding.TextMarshaler] with the text of String; a value that is none of the constants is
// ErrInvalid.
func (h Health) MarshalText() ([]byte, error) { return healths.marshal(uint8(h)) }

// UnmarshalText implements [encoding.TextUnmarshaler] as ParseHealth does; an error leaves h as it was.
func (h *Health) UnmarshalText(text []byte) error { return unmarshalEnum(healths, h, text) }

// severity orders words of the feed that share a key: Healthy < Unknown < Degraded < Unhealthy.
func (h Health) severity() int {
	switch h {
	case Healthy:
		return 0
	case Unknown:
		return 1
	default:
		return int(h)
	}
}
