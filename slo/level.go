package slo

// Level sums a status up in one word, by the objective's [Thresholds]. The zero value is LevelOK.
type Level uint8

const (
	LevelOK       Level = iota // below both thresholds
	LevelWarning               // consumed at least Thresholds.Warning percent of the budget
	LevelCritical              // consumed at least Thresholds.Critical percent, or the last hour burnt at FastBurn or faster
)

var levelNames = enum{"level", []string{LevelOK: "ok", LevelWarning: "warning", LevelCritical: "critical"}}

// String returns "ok", "warning" or "critical", and "invalid" for any other value.
func (l Level) String() string { return levelNames.name(uint8(l)) }

// MarshalText implements [encoding.TextMarshaler] with the text of String; a value that is none of the constants is
// ErrInvalid.
func (l Level) MarshalText() ([]byte, error) { return levelNames.marshal(uint8(l)) }

// UnmarshalText implements [encoding.TextUnmarshaler] for the texts of String; any other is ErrInvalid and leaves l as it
// was.
func (l *Level) UnmarshalText(text []byte) error { return unmarshalEnum(levelNames, l, text) }

// level compares what is spent, in 1e-8 ns, and what the last hour spent with the thresholds.
func (t *terms) level(spent, total uint128, lastHour int64, hourly uint128) Level {
	consumed := func(threshold uint64) bool {
		return !spent.isZero() && spent.times(u128(100*perUnit)).cmp(total.times(u128(threshold))) >= 0
	}
	fast := !hourly.isZero() && mul64(uint64(lastHour), wholeBudget).times(u128(perUnit)).cmp(hourly.times(u128(t.fastBurn))) >= 0
	switch {
	case fast || consumed(t.critical):
		return LevelCritical
	case consumed(t.warning):
		return LevelWarning
	}
	return LevelOK
}
