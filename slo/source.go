package slo

// SourceKind says what kind of source a [Source] is.
type SourceKind uint8

const (
	SourceFeed       SourceKind = iota // the stream of observations
	SourceStatement                    // a [Statement]
	SourceCorrection                   // a [Correction]
)

var sourceKinds = enum{"source kind", []string{SourceFeed: "feed", SourceStatement: "statement", SourceCorrection: "correction"}}

// String returns "feed", "statement" or "correction", and "invalid" for any other value.
func (k SourceKind) String() string { return sourceKinds.name(uint8(k)) }

// MarshalText implements [encoding.TextMarshaler] with the text of String; a value that is none of the constants is
// ErrInvalid.
func (k SourceKind) MarshalText() ([]byte, error) { return sourceKinds.marshal(uint8(k)) }

// UnmarshalText implements [encoding.TextUnmarshaler] for the texts of String; any other is ErrInvalid and leaves k as it
// was.
func (k *SourceKind) UnmarshalText(text []byte) error { return unmarshalEnum(sourceKinds, k, text) }

// Source is who said that a system was down.
type Source struct {
	Kind SourceKind
	ID   string // of the feed: the check, empty for the system's own word; else the Statement's Source or Correction's ID
}

// sourceRef is a Source as a number; zero is none.
type sourceRef uint32

const (
	statedBit  sourceRef = 1 << 31 // the rest is a place among the history's sources, else a check
	severalBit sourceRef = 1 << 30 // in a piece: the rest is a place among the timeline's lists of sources
	refMask              = severalBit - 1
)

func feedSource(check uint32) sourceRef   { return sourceRef(check) + 1 }
func statedSource(index uint32) sourceRef { return statedBit | sourceRef(index) + 1 }

// sourceNames is what references refer to.
type sourceNames struct {
	checks  []string
	sources []Source
}

func (h *SystemHistory) sourceNames() sourceNames { return sourceNames{h.checks, h.sources} }

func (n sourceNames) source(ref sourceRef) Source {
	number := ref&refMask - 1
	if ref&statedBit != 0 {
		return n.sources[number]
	}
	return Source{SourceFeed, n.checks[number]}
}
