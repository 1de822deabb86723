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

var healthNames = [...]string{Unknown: "unknown", Healthy: "healthy", Degraded: "degraded", Unhealthy: "unhealthy"}

// ParseHealth reads the text that [Health.String] prints: "unknown", "healthy", "degraded" or "unhealthy". Any other
// text is ErrInvalid.
func ParseHealth(s string) (Health, error) {
	for h, name := range healthNames {
		if s == name {
			return Health(h), nil
		}
	}
	return Unknown, invalid("", "health", s, "unknown, healthy, degraded or unhealthy")
}

// String returns the lower-case name, and "invalid" for a value that is none of the constants.
func (h Health) String() string {
	if int(h) < len(healthNames) {
		return healthNames[h]
	}
	return "invalid"
}

// MarshalText implements [encoding.TextMarshaler] with the text of String; a value that is none of the constants is
// ErrInvalid.
func (h Health) MarshalText() ([]byte, error) {
	if err := h.check(""); err != nil {
		return nil, err
	}
	return []byte(h.String()), nil
}

// UnmarshalText implements [encoding.TextUnmarshaler] as ParseHealth does; an error leaves h as it was.
func (h *Health) UnmarshalText(text []byte) error {
	parsed, err := ParseHealth(string(text))
	if err != nil {
		return err
	}
	*h = parsed
	return nil
}

func (h Health) check(what string) error {
	if int(h) >= len(healthNames) {
		return invalid(what, "health", uint8(h), "Unknown, Healthy, Degraded or Unhealthy")
	}
	return nil
}

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
