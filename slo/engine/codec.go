package engine

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/storage"
)

// Kinds of facts.
const (
	factObservation = "observation"
	factStatement   = "statement"
	factCorrection  = "correction"
	factUpstreams   = "upstreams"
	factMaintenance = "maintenance"
	factDeletion    = "deletion"
)

// factVersion is the first byte of a fact's data. Facts do not change, so what was once written must stay readable.
const factVersion = 1

var errFact = errors.New("engine: a stored fact cannot be read")

// snapshot is all that a system depends on from an instant on.
type snapshot struct {
	system string
	at     time.Time
	on     []string // sorted and distinct
}

// deletion ends what was known of a system, and the edges to it that were stated for instants up to at.
type deletion struct {
	system string
	at     time.Time
}

func observationFact(o *slo.Observation) storage.Fact {
	w := newWriter()
	w.instant(o.At)
	w.signed(o.Seq)
	w.byte(byte(o.Health))
	w.impact(o.Health, o.Impact)
	w.text(o.SystemID)
	w.text(o.CheckID)
	w.text(o.UpstreamID)
	w.text(o.Note)
	return storage.Fact{Kind: factObservation, Systems: []string{o.SystemID}, Data: w.data}
}

func statementFact(s *slo.Statement) storage.Fact {
	w := newWriter()
	w.text(s.Source)
	w.signed(s.Rev)
	outages := canonicalOutages(s.Outages)
	w.number(uint64(len(outages)))
	var systems []string
	for i := range outages {
		o := &outages[i]
		w.instant(o.Start)
		w.instant(o.End)
		w.byte(byte(o.Health))
		w.impact(o.Health, o.Impact)
		w.text(o.SystemID)
		w.text(o.CheckID)
		w.text(o.UpstreamID)
		w.text(o.Note)
		systems = append(systems, o.SystemID)
	}
	slices.Sort(systems)
	return storage.Fact{Kind: factStatement, Source: s.Source, Systems: slices.Compact(systems), Data: w.data}
}

// canonicalOutages are the same for two statements that mean the same.
func canonicalOutages(list []slo.Outage) []slo.Outage {
	out := slices.Clone(list)
	for i := range out {
		o := &out[i]
		o.Start, o.End = instant(o.Start), instant(o.End)
		if o.Health == slo.Unknown {
			o.Health = slo.Unhealthy
		}
		if o.Impact == 0 {
			o.Impact = 1
		}
	}
	slices.SortFunc(out, func(a, b slo.Outage) int {
		return cmp.Or(a.Start.Compare(b.Start), a.End.Compare(b.End), cmp.Compare(a.SystemID, b.SystemID),
			cmp.Compare(a.CheckID, b.CheckID), cmp.Compare(a.Health, b.Health), cmp.Compare(a.Impact, b.Impact),
			cmp.Compare(a.UpstreamID, b.UpstreamID), cmp.Compare(a.Note, b.Note))
	})
	return slices.Compact(out)
}

func correctionFact(c *slo.Correction) storage.Fact {
	w := newWriter()
	w.text(c.ID)
	w.signed(c.Rev)
	w.instant(c.From)
	w.instant(c.Until)
	w.byte(byte(c.Health))
	w.impact(c.Health, c.Impact)
	w.text(c.SystemID)
	w.text(c.CheckID)
	w.text(c.Reason)
	return storage.Fact{Kind: factCorrection, Source: c.ID, Systems: []string{c.SystemID}, Data: w.data}
}

func maintenanceFact(m *slo.Maintenance) storage.Fact {
	w := newWriter()
	w.text(m.ID)
	w.signed(m.Rev)
	w.instant(m.Start)
	w.instant(m.End)
	w.bool(m.Cancelled)
	w.text(m.SystemID)
	w.text(m.Note)
	return storage.Fact{Kind: factMaintenance, Source: m.ID, Systems: []string{m.SystemID}, Data: w.data}
}

func upstreamsFact(s *snapshot) storage.Fact {
	w := newWriter()
	w.text(s.system)
	w.instant(s.at)
	w.number(uint64(len(s.on)))
	for _, id := range s.on {
		w.text(id)
	}
	return storage.Fact{Kind: factUpstreams, Systems: []string{s.system}, Data: w.data}
}

func deletionFact(d *deletion) storage.Fact {
	w := newWriter()
	w.text(d.system)
	w.instant(d.at)
	return storage.Fact{Kind: factDeletion, Systems: []string{d.system}, Data: w.data}
}

func readStatement(data []byte) (s slo.Statement, err error) {
	r := newReader(data)
	s.Source = r.text()
	s.Rev = r.signed()
	n := r.number()
	for range n {
		if r.failed {
			break
		}
		var o slo.Outage
		o.Start, o.End = r.instant(), r.instant()
		o.Health = slo.Health(r.byte())
		o.Impact = r.impact()
		o.SystemID, o.CheckID, o.UpstreamID, o.Note = r.text(), r.text(), r.text(), r.text()
		s.Outages = append(s.Outages, o)
	}
	return s, r.end(factStatement)
}

func readCorrection(data []byte) (c slo.Correction, err error) {
	r := newReader(data)
	c.ID, c.Rev = r.text(), r.signed()
	c.From, c.Until = r.instant(), r.instant()
	c.Health = slo.Health(r.byte())
	c.Impact = r.impact()
	c.SystemID, c.CheckID, c.Reason = r.text(), r.text(), r.text()
	return c, r.end(factCorrection)
}

func readMaintenance(data []byte) (m slo.Maintenance, err error) {
	r := newReader(data)
	m.ID, m.Rev = r.text(), r.signed()
	m.Start, m.End = r.instant(), r.instant()
	m.Cancelled = r.byte() != 0
	m.SystemID, m.Note = r.text(), r.text()
	return m, r.end(factMaintenance)
}

func readUpstreams(data []byte) (s snapshot, err error) {
	r := newReader(data)
	s.system, s.at = r.text(), r.instant()
	n := r.number()
	for range n {
		if r.failed {
			break
		}
		s.on = append(s.on, r.text())
	}
	return s, r.end(factUpstreams)
}

func readDeletion(data []byte) (d deletion, err error) {
	r := newReader(data)
	d.system, d.at = r.text(), r.instant()
	return d, r.end(factDeletion)
}

// readObservation reads into o, whose strings stay as they are where they are the same already: a system's observations
// have few different ones. The note is passed over, since no history keeps it.
func readObservation(data []byte, o *slo.Observation) error {
	r := newReader(data)
	o.At = r.instant()
	o.Seq = r.signed()
	o.Health = slo.Health(r.byte())
	if o.Impact = r.impact(); o.Impact == 1 {
		o.Impact = 0 // which is the same, and needs no second look
	}
	r.same(&o.SystemID)
	r.same(&o.CheckID)
	r.same(&o.UpstreamID)
	r.skip()
	return r.end(factObservation)
}

// writer puts together the data of a fact.
type writer struct{ data []byte }

func newWriter() writer { return writer{append(make([]byte, 0, 64), factVersion)} }

func (w *writer) byte(b byte)     { w.data = append(w.data, b) }
func (w *writer) number(n uint64) { w.data = binary.AppendUvarint(w.data, n) }
func (w *writer) signed(n int64)  { w.data = binary.AppendVarint(w.data, n) }
func (w *writer) text(s string)   { w.number(uint64(len(s))); w.data = append(w.data, s...) }
func (w *writer) bytes(b []byte)  { w.number(uint64(len(b))); w.data = append(w.data, b...) }

func (w *writer) bool(b bool) {
	if b {
		w.byte(1)
	} else {
		w.byte(0)
	}
}

// instant writes microseconds; zero, an end that is not known, is before all others.
func (w *writer) instant(t time.Time) {
	if t.IsZero() {
		w.signed(-1)
		return
	}
	w.signed(t.UnixMicro())
}

// impact writes thousandths.
func (w *writer) impact(h slo.Health, impact float64) {
	n := uint64(math.Round(impact * 1000))
	if n == 0 && h != slo.Healthy {
		n = 1000
	}
	w.number(n)
}

// reader takes it apart again.
type reader struct {
	data   []byte
	failed bool
}

func newReader(data []byte) reader {
	if len(data) == 0 || data[0] != factVersion {
		return reader{failed: true}
	}
	return reader{data: data[1:]}
}

func (r *reader) end(kind string) error {
	if r.failed || len(r.data) > 0 {
		return fmt.Errorf("%w: %s", errFact, kind)
	}
	return nil
}

func (r *reader) take(n int, ok bool) []byte {
	if !ok || n < 0 || n > len(r.data) {
		r.failed, r.data = true, nil
		return nil
	}
	taken := r.data[:n]
	r.data = r.data[n:]
	return taken
}

func (r *reader) byte() byte {
	if b := r.take(1, true); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) number() uint64 {
	n, size := binary.Uvarint(r.data)
	r.take(size, size > 0)
	return n
}

func (r *reader) signed() int64 {
	n, size := binary.Varint(r.data)
	r.take(size, size > 0)
	return n
}

func (r *reader) bytes() []byte {
	n := r.number()
	return r.take(int(n), n <= math.MaxInt32)
}

// count reads how many there are of what takes a byte at least, so that no more is made than was written.
func (r *reader) count() uint64 {
	n := r.number()
	if n > uint64(len(r.data)) {
		r.failed, r.data = true, nil
		return 0
	}
	return n
}

func (r *reader) text() string { return string(r.bytes()) }
func (r *reader) skip()        { r.bytes() }

func (r *reader) same(s *string) {
	if b := r.bytes(); string(b) != *s {
		*s = string(b)
	}
}

func (r *reader) instant() time.Time {
	if n := r.signed(); n >= 0 {
		return time.UnixMicro(n).UTC()
	}
	return time.Time{}
}

func (r *reader) impact() float64 { return float64(r.number()) / 1000 }
