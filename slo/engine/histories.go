package engine

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"

	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/storage"
)

// A store that is a [storage.HistoryCache] keeps, beside the facts of systems, what was made of them: a system that is as
// it was at that version is then read from one row. The refresher writes what has changed as long as that is small, since
// the feed of a system may say something every few seconds; what is larger waits for a job that goes over everything, and
// has had to read its facts. Questions write nothing.

// small is up to what size in memory a history is written whenever it has changed. Stored it is about a third, some 10 KB
// of a few hundred outages, which is what a database writes for the few rows of an observation, too.
const small = 32 << 10

// putAtOnce is how much a job that goes over everything writes together, in bytes.
const putAtOnce = 4 << 20

// readHistories makes those of the systems that the store has kept at the very versions that they are to have, and
// returns the others. Bytes that cannot be read are as good as none.
func (e *Engine) readHistories(ctx context.Context, ids []string, found map[string]*system) (others []string, err error) {
	if e.histories == nil || len(ids) == 0 {
		return ids, nil
	}
	var rows []storage.History
	read := func() {
		eachPart(len(rows), func(i int) { found[rows[i].SystemID].remember(rows[i].Data) })
		rows = rows[:0]
	}
	for row, err := range e.histories.Histories(ctx, ids) {
		if err != nil {
			return nil, fmt.Errorf("engine: read histories: %w", err)
		}
		if s := found[row.SystemID]; s != nil && s.version == row.Version {
			rows = append(rows, row)
		}
		if len(rows) == page {
			read()
		}
	}
	read()
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return found[id].stored }), nil
}

// writeHistories has the store keep what was made anew. In the transaction of the refresher that is one batch, which waits
// for no answer.
func (l *load) writeHistories() error {
	e := l.engine
	candidates := l.systems
	switch {
	case e.histories == nil || l.mode == asking || l.mode == exact:
		return nil
	case l.mode == passing:
		if candidates = l.read; e.inTx(l.ctx) { // of the host, which may lock rows in any order
			return nil
		}
	}
	var rows []storage.History
	size := 0
	for _, id := range slices.Sorted(maps.Keys(candidates)) {
		s := candidates[id]
		if s.stored || s.version == 0 || l.mode == growing && s.history.Size() > small {
			continue
		}
		data, err := s.data()
		if err != nil {
			return err
		}
		if size += len(data); size > putAtOnce && len(rows) > 0 {
			if err := l.putHistories(rows); err != nil {
				return err
			}
			rows, size = nil, len(data)
		}
		rows = append(rows, storage.History{SystemID: id, Version: s.version, Data: data})
		stored := *s
		stored.stored = true
		l.systems[id] = &stored
	}
	return l.putHistories(rows)
}

// putHistories writes rows. A job goes on without them, for they are a cache; a transaction in which something has failed
// does not.
func (l *load) putHistories(rows []storage.History) error {
	if len(rows) == 0 {
		return nil
	}
	err := l.engine.histories.PutHistories(l.ctx, rows)
	switch {
	case err == nil:
		return nil
	case l.mode == passing && l.ctx.Err() == nil:
		l.engine.failed("write histories", err)
		return nil
	}
	return fmt.Errorf("engine: write histories: %w", err)
}

// historyVersion is the first byte of what is kept of a system. Another one is not read, so the form may change at will.
const historyVersion = 1

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// data is the system as it is kept, but for its name, which has a record, with a checksum at the end.
func (s *system) data() ([]byte, error) {
	history, err := s.history.MarshalBinary()
	if err != nil {
		return nil, fmt.Errorf("engine: system %s: %w", quote(s.id), err)
	}
	w := writer{append(make([]byte, 0, len(history)+64), historyVersion)}
	w.bytes(history)
	w.bool(s.open)
	w.instant(s.deleted)
	w.number(uint64(len(s.snapshots)))
	for i := range s.snapshots {
		w.bytes(upstreamsFact(&s.snapshots[i]).Data)
	}
	w.number(uint64(len(s.maintenance)))
	for i := range s.maintenance {
		w.bytes(maintenanceFact(&s.maintenance[i]).Data)
	}
	return binary.BigEndian.AppendUint32(w.data, crc32.Checksum(w.data, castagnoli)), nil
}

// remember makes the system of what data gave. Where that cannot be, it stays as it is.
func (s *system) remember(data []byte) {
	end := len(data) - crc32.Size
	if end < 1 || data[0] != historyVersion || crc32.Checksum(data[:end], castagnoli) != binary.BigEndian.Uint32(data[end:]) {
		return
	}
	r := reader{data: data[1:end]}
	next := *s
	next.history, next.stored = new(slo.SystemHistory), true
	ok := next.history.UnmarshalBinary(r.bytes()) == nil && next.history.SystemID() == s.id
	next.open = r.byte() != 0
	next.deleted = r.instant()
	for range r.count() {
		snapshot, err := readUpstreams(r.bytes())
		next.snapshots, ok = append(next.snapshots, snapshot), ok && err == nil
	}
	for range r.count() {
		window, err := readMaintenance(r.bytes())
		next.maintenance, ok = append(next.maintenance, window), ok && err == nil
	}
	if ok && !r.failed && len(r.data) == 0 {
		*s = next
	}
}
