package sqlstore

import (
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"github.com/slokeep/slokeep/entity"
)

// Encoder turns states into JSON, each once: the same pointer is a head's state, what was published, and a change's Next.
// The zero Encoder is ready to use.
type Encoder struct {
	last any // a pointer
	text *string
}

const absent = "null" // in JSON

// Encode returns the JSON of a state, nil for one that does not exist.
func (e *Encoder) Encode(state any) (*string, error) {
	if state == nil {
		return nil, nil
	}
	pointer := reflect.TypeOf(state).Kind() == reflect.Pointer // others may not be comparable
	if pointer && e.last == state {
		return e.text, nil
	}
	b, err := json.Marshal(state)
	if err != nil {
		return nil, fmt.Errorf("encode a state: %w", err)
	}
	var text *string
	if s := string(b); s != absent {
		text = &s
	}
	if pointer {
		e.last, e.text = state, text
	}
	return text, nil
}

// EncodeHead returns the JSON of a head's state and of what was published of it: nil where that is the same.
func (e *Encoder) EncodeHead(h *entity.Head) (state, published *string, err error) {
	if state, err = e.Encode(h.State); err != nil {
		return nil, nil, err
	}
	if published, err = e.Encode(h.Published); err != nil {
		return nil, nil, err
	}
	switch {
	case published == nil && state == nil:
		return nil, nil, nil
	case published == nil:
		none := absent
		return state, &none, nil
	case state != nil && *published == *state:
		return state, nil, nil
	}
	return state, published, nil
}

// Decode returns what was encoded, which it keeps.
func Decode(text []byte) any {
	if text == nil || string(text) == absent {
		return nil
	}
	return json.RawMessage(text)
}

// DecodeHead sets a head's State and Published from what EncodeHead made of them, which it keeps.
func DecodeHead(h *entity.Head, state, published []byte) {
	h.State = Decode(state)
	h.Published = h.State
	if published != nil {
		h.Published = Decode(published)
	}
}

// EncodeNames returns a list of names as JSON, nil for nil.
func EncodeNames(names []string) (*string, error) {
	if names == nil {
		return nil, nil
	}
	b, err := json.Marshal(names)
	text := string(b)
	return &text, err
}

// DecodeNames returns what EncodeNames made of a list.
func DecodeNames(text []byte) (names []string, err error) {
	if text == nil {
		return nil, nil
	}
	err = json.Unmarshal(text, &names)
	return names, err
}

// Instant gives back a time that was kept as microseconds since 1970.
func Instant(micros int64) time.Time { return time.UnixMicro(micros).UTC() }
