package slo_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/slokeep/slokeep/slo"
)

// bytesSource is a source of random numbers that reads them from bytes, and after the last goes on at random: so that
// a fuzzer's input decodes into a world, and most changes of it into a similar one.
type bytesSource struct {
	data []byte
	rest *rand.PCG
}

func newBytesSource(data []byte) *bytesSource {
	return &bytesSource{data: data, rest: rand.NewPCG(uint64(len(data)), 3)}
}

// Uint64 returns the next two bytes, spread over all bits.
func (s *bytesSource) Uint64() uint64 {
	if len(s.data) < 2 {
		return s.rest.Uint64()
	}
	n := binary.LittleEndian.Uint16(s.data)
	s.data = s.data[2:]
	return rand.NewPCG(uint64(n), 4).Uint64()
}

func FuzzStatusAgainstOracle(f *testing.F) {
	f.Add([]byte(nil))
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 5))
		data := make([]byte, 20+rng.IntN(600))
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		rng := rand.New(newBytesSource(data))
		w := randomWorld(rng, worldOptions{})
		tl := w.timeline(t)
		o := newOracle(w)
		for _, at := range moments(rng, w, 20) {
			if err := compareStatus(tl.Status(at), o.status(at)); err != nil {
				t.Fatalf("status at %s: %v\n%v", show(at), err, w)
			}
		}
	})
}

func FuzzHistoryBinary(f *testing.F) {
	for seed := range uint64(20) {
		w := randomWorld(rand.New(rand.NewPCG(seed, 1)), worldOptions{})
		data, err := bytesOf(w.history())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(data[:len(data)/2])
	}
	f.Add([]byte(nil))
	f.Add([]byte("\x01\x020")) // a name that is longer than what is left
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bytes.Clone(data)
		h, err := slo.NewSystemHistory(ownSystem, []slo.Observation{slo.Down(ownSystem, start)}, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		was, err := h.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		if err := h.UnmarshalBinary(data); err != nil {
			if !errors.Is(err, slo.ErrInvalid) {
				t.Fatalf("error %v, want ErrInvalid", err)
			}
			if is, err := h.MarshalBinary(); err != nil || !bytes.Equal(is, was) {
				t.Fatal("what could not be read has changed the history")
			}
			return
		}
		if !bytes.Equal(data, before) {
			t.Fatal("reading has changed what was read")
		}
		again, err := h.MarshalBinary()
		if err != nil {
			t.Fatalf("a history that was read cannot be written: %v", err)
		}
		twice := new(slo.SystemHistory)
		if err := twice.UnmarshalBinary(again); err != nil {
			t.Fatalf("%x was written, and cannot be read: %v", again, err)
		}
		if third, err := twice.MarshalBinary(); err != nil || !bytes.Equal(third, again) {
			t.Fatalf("%x was read, and written as %x, %v: two forms of one history", again, third, err)
		}
		o := slo.Objective{ID: "o", SystemID: h.SystemID(), Target: 99.9, Window: slo.Days(30), UnknownIsDown: true}
		tl, err := o.Timeline(h, nil, nil)
		if err != nil {
			t.Fatalf("a history that was read has no timeline: %v", err)
		}
		other, err := o.Timeline(twice, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := sameAnswers(other, tl, []time.Time{start, start.Add(9 * day), start.Add(2000 * day)}); err != nil {
			t.Fatal(err)
		}
		for _, at := range []time.Time{{}, start, start.Add(9 * day), lastInstant} {
			if err := sane(tl.Status(at)); err != nil {
				t.Fatal(err)
			}
			for d := range tl.Downtimes(at) {
				if !d.End.IsZero() && !d.Start.Before(d.End) || d.Impact <= 0 || d.Impact > 1 {
					t.Fatalf("downtime %+v", d)
				}
			}
		}
		grown, err := h.Add(slo.Down(h.SystemID(), start.Add(1000*time.Hour)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tl.Extend(grown, nil, nil); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzParseHealth(f *testing.F) {
	for _, s := range []string{"", "unknown", "healthy", "degraded", "unhealthy", "Healthy", "healthy ", "invalid"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		h, err := slo.ParseHealth(s)
		if err != nil {
			if !errors.Is(err, slo.ErrInvalid) || h != slo.Unknown {
				t.Fatalf("%q is %v, %v", s, h, err)
			}
			return
		}
		if h.String() != s {
			t.Fatalf("%q is read as %v", s, h)
		}
		var again slo.Health
		if text, err := h.MarshalText(); err != nil || again.UnmarshalText(text) != nil || again != h {
			t.Fatalf("%v is written as %q (%v) and read as %v", h, text, err, again)
		}
	})
}
