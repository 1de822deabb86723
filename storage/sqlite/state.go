package sqlite

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"github.com/slokeep/slokeep/entity"
)

// encoder turns states into JSON, each once: the same pointer is a head's state, what was published, and a change's Next.
type encoder struct {
	last any // a pointer
	text any
}

// encode returns the JSON of a state, as an argument of a statement: nil for a state that does not exist.
func (e *encoder) encode(state any) (any, error) {
	if state == nil {
		return nil, nil
	}
	pointer := reflect.TypeOf(state).Kind() == reflect.Pointer // others may not be comparable
	if pointer && e.last == state {
		return e.text, nil
	}
	b, err := json.Marshal(state)
	if err != nil {
		return nil, fmt.Errorf("sqlite: encode a state: %w", err)
	}
	var text any
	if s := string(b); s != absent {
		text = s
	}
	if pointer {
		e.last, e.text = state, text
	}
	return text, nil
}

const absent = "null" // in JSON

// encodeHead returns the JSON of a head's state and of what was published of it: nil where that is the same.
func (e *encoder) encodeHead(h *entity.Head) (state, published any, err error) {
	if state, err = e.encode(h.State); err != nil {
		return nil, nil, err
	}
	if published, err = e.encode(h.Published); err != nil {
		return nil, nil, err
	}
	switch published {
	case state:
		published = nil
	case nil:
		published = absent
	}
	return state, published, nil
}

// decode returns what was encoded.
func decode(text []byte) any {
	if text == nil || string(text) == absent {
		return nil
	}
	return json.RawMessage(text)
}

// encodeNames returns a list of names as JSON, nil for nil.
func encodeNames(names []string) (any, error) {
	if names == nil {
		return nil, nil
	}
	if err := checkKeys("field", names...); err != nil {
		return nil, err
	}
	b, err := json.Marshal(names)
	return string(b), err
}

// instant gives back a time that was kept as microseconds.
func instant(micros int64) time.Time { return time.UnixMicro(micros).UTC() }

// changeArgs are the values of a change in the order of changeColumns, but for its Position.
func (e *encoder) changeArgs(c *entity.Change) ([]any, error) {
	fields, err := encodeNames(c.Fields)
	if err != nil {
		return nil, err
	}
	next, err := e.encode(c.Next) // first: it is what was published
	if err != nil {
		return nil, err
	}
	prev, err := e.encode(c.Prev)
	if err != nil {
		return nil, err
	}
	return []any{c.At.UnixMicro(), c.Kind, c.ID, c.Version, fields, c.Actor.Type, c.Actor.ID, c.Actor.Name, prev, next}, nil
}

// scanChange reads changeColumns into c, and what follows into more.
func scanChange(rows *sql.Rows, c *entity.Change, more ...any) error {
	var at int64
	var fields, prev, next []byte
	into := [17]any{&c.Position, &at, &c.Kind, &c.ID, &c.Version, &fields, &c.Actor.Type, &c.Actor.ID, &c.Actor.Name, &prev, &next}
	const own = 11
	if err := rows.Scan(append(into[:own], more...)...); err != nil {
		return err
	}
	c.At, c.Prev, c.Next = instant(at), decode(prev), decode(next)
	if fields == nil {
		return nil
	}
	return json.Unmarshal(fields, &c.Fields)
}
