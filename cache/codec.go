package cache

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// Codec turns values into bytes and back, for a [Provider] that keeps bytes. [JSON] and [Bytes] make two; a host has its own
// for its own format. It must be safe for concurrent use. An error says that it cannot do it.
//
// What is kept outlives the program that has stored it. Who changes the format, or the meaning, of what is kept changes the
// name of the scope, too, unless Decode fails for what is of the other format.
type Codec[V any] interface {
	// Encode returns v as bytes, which are the caller's.
	Encode(v V) ([]byte, error)

	// Decode makes a value of what Encode has returned, equal to what that was given; see [Encode]. It neither changes data
	// nor keeps any of it.
	Decode(data []byte) (V, error)
}

// JSON returns the [Codec] of package encoding/json. It does not know fields that are not exported, so that a type which has
// such fields needs a MarshalJSON, or another Codec, to be stored; nor does it know the types of what is in an interface: an
// int in an any comes back as a float64, and is refused.
func JSON[V any]() Codec[V] { return jsonCodec[V]{} }

type jsonCodec[V any] struct{}

func (jsonCodec[V]) Encode(v V) ([]byte, error) { return json.Marshal(v) }

func (jsonCodec[V]) Decode(data []byte) (v V, err error) {
	err = json.Unmarshal(data, &v)
	return v, err
}

// Bytes returns the [Codec] of what is bytes already. It copies them.
func Bytes() Codec[[]byte] { return bytesCodec{} }

type bytesCodec struct{}

func (bytesCodec) Encode(v []byte) ([]byte, error)    { return bytes.Clone(v), nil }
func (bytesCodec) Decode(data []byte) ([]byte, error) { return bytes.Clone(data), nil }

// errUnequal is what Encode finds wrong with a codec that does not fail.
var errUnequal = errors.New("a value does not come back as it was")

// Encode encodes v for a [Provider] that keeps bytes, and decodes it again to see that it comes back equal: what is not
// stored cannot be wrong. It returns ErrCodec where it does not, and where the codec fails or panics.
//
// Two values are equal when all of their parts are, also in fields that are not exported: what a pointer points to, not the
// pointer; NaN is equal to itself; a slice or map that is nil is equal to one that is empty; the keys of maps are compared
// as maps do; functions and channels are equal only where both are nil. A type that has a method Equal which takes another
// value of the type, and returns a bool, decides itself, so that a [time.Time] may lose its monotonic reading and the name
// of its location. In a field that is not exported no method can be called, so that its parts must be equal; where that is
// too much to ask, the type around it has an Equal. Circles are no trap; a list of more than 10,000 links is equal to
// nothing.
func Encode[V any](codec Codec[V], v V) ([]byte, error) {
	var data []byte
	err := guard(func() (err error) {
		if data, err = codec.Encode(v); err != nil {
			return err
		}
		back, err := codec.Decode(data)
		if err == nil && !equal(&v, &back) {
			err = errUnequal
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %T: %w", ErrCodec, v, err)
	}
	return data, nil
}

// Decode decodes what [Encode] returned. It returns ErrUnreadable where the codec fails or panics.
func Decode[V any](codec Codec[V], data []byte) (v V, err error) {
	err = guard(func() (err error) {
		v, err = codec.Decode(data)
		return err
	})
	if err != nil {
		var zero V
		return zero, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	return v, nil
}
