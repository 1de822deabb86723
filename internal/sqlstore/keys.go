package sqlstore

import (
	"cmp"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/storage"
)

// How long keys may be, in bytes; see package storage.
const (
	maxKind = 32
	maxID   = 256
	maxSub  = 1024
)

// Check refuses keys that a database would not give back as they were. It is the name of the adapter, with which its errors
// begin; they match entity.ErrInvalid, and name what it is and its value.
type Check string

// Keys refuses what is no valid UTF-8 or has a NUL.
func (c Check) Keys(what string, keys ...string) error {
	for _, key := range keys {
		if strings.IndexByte(key, 0) >= 0 || !utf8.ValidString(key) {
			return c.invalid(what, key, "valid UTF-8 without NUL")
		}
	}
	return nil
}

// text is Keys for one that has bounds, in bytes.
func (c Check) text(what, text string, least, most int) error {
	switch {
	case len(text) > most:
		return c.invalid(what, text, fmt.Sprintf("at most %d bytes, not %d", most, len(text)))
	case len(text) < least:
		return c.invalid(what, text, "one that is not empty")
	}
	return c.Keys(what, text)
}

// IDs is Keys for those of 1 to 256 bytes.
func (c Check) IDs(what string, ids ...string) error {
	for _, id := range ids {
		if err := c.text(what, id, 1, maxID); err != nil {
			return err
		}
	}
	return nil
}

// Names is Keys for leases and their holders, which must not be blank.
func (c Check) Names(what string, names ...string) error {
	for _, name := range names {
		if strings.TrimSpace(name) == "" {
			return c.invalid(what, name, "a name that is not blank")
		}
	}
	return c.Keys(what, names...)
}

// Change is Keys for all strings of a change but its states.
func (c Check) Change(change *entity.Change) error {
	return cmp.Or(
		c.IDs("kind", change.Kind),
		c.IDs("ID", change.ID),
		c.Keys("field", change.Fields...),
		c.Keys("actor", change.Actor.Type, change.Actor.ID, change.Actor.Name),
	)
}

// Entries is Change for those of entries, and the same for what else is in them.
func (c Check) Entries(entries []entity.Entry) error {
	for i := range entries {
		e := &entries[i]
		if err := cmp.Or(c.Change(&e.Change), c.IDs("ID", e.Head.ID), c.Keys("field", e.Transitions...)); err != nil {
			return err
		}
	}
	return nil
}

// Progress refuses a shard that there is not, and is Change for what is pending.
func (c Check) Progress(p *entity.Progress) error {
	if p.Shard < 0 || p.Shard >= entity.Shards {
		return fmt.Errorf("%s: %w: shard %d: want 0 to %d", string(c), entity.ErrInvalid, p.Shard, entity.Shards-1)
	}
	for i := range p.Put {
		if err := cmp.Or(c.Change(&p.Put[i].Change), c.Keys("error", p.Put[i].Error)); err != nil {
			return err
		}
	}
	return nil
}

// Facts refuses facts against what package storage says of them.
func (c Check) Facts(facts []storage.Fact) error {
	for i := range facts {
		f := &facts[i]
		if f.Source == "" && len(f.Systems) == 0 {
			return fmt.Errorf("%s: %w: a fact without a source and without systems: want at least one system", string(c), storage.ErrInvalid)
		}
		err := cmp.Or(
			c.text("kind of a fact", f.Kind, 1, maxKind),
			c.text("source of a fact", f.Source, 0, maxID),
			c.IDs("system of a fact", f.Systems...),
		)
		if err != nil {
			return err
		}
	}
	return nil
}

// VersionKeys refuses keys against what package storage says of them.
func (c Check) VersionKeys(keys []storage.VersionKey) error {
	for i := range keys {
		err := cmp.Or(c.text("kind of a version", keys[i].Kind, 1, maxKind), c.text("ID of a version", keys[i].ID, 1, maxID))
		if err != nil {
			return err
		}
	}
	return nil
}

// Key refuses a record's key against what package storage says of it.
func (c Check) Key(key *storage.Key) error {
	return cmp.Or(
		c.text("kind of a record", key.Kind, 1, maxKind),
		c.text("ID of a record", key.ID, 0, maxID),
		c.text("Sub of a record", key.Sub, 0, maxSub),
	)
}

// RecordKeys is Key for all of some keys.
func (c Check) RecordKeys(keys []storage.Key) error {
	for i := range keys {
		if err := c.Key(&keys[i]); err != nil {
			return err
		}
	}
	return nil
}

// CompareKeys orders records as listings do.
func CompareKeys(a, b storage.Key) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Sub, b.Sub))
}

// Records is Key for all of some records.
func (c Check) Records(records []storage.Record) error {
	for i := range records {
		if err := c.Key(&records[i].Key); err != nil {
			return err
		}
	}
	return nil
}

// invalid says of what it has shown to be wrong what it should be.
func (c Check) invalid(what, value, want string) error {
	return fmt.Errorf("%s: %w: %s %.64q: want %s", string(c), entity.ErrInvalid, what, value, want)
}
