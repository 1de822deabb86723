package memory

import (
	"encoding/binary"
	"iter"
)

// packed is the kinds and the data of facts, one after the other.
type packed []byte

// append returns it with one fact more; what was there stays as it is.
func (p packed) append(kind string, data []byte) packed {
	p = binary.AppendUvarint(p, uint64(len(kind)))
	p = append(p, kind...)
	p = binary.AppendUvarint(p, uint64(len(data)))
	return append(p, data...)
}

// all yields the facts. Their data is part of it.
func (p packed) all() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		kind := ""
		for len(p) > 0 {
			name := p.next()
			if string(name) != kind { // which is rare, and so is the copy
				kind = string(name)
			}
			data := p.next()
			if !yield(kind, data) {
				return
			}
		}
	}
}

// next takes off the first part.
func (p *packed) next() []byte {
	length, n := binary.Uvarint(*p)
	end := n + int(length)
	part := (*p)[n:end:end]
	*p = (*p)[end:]
	return part
}
