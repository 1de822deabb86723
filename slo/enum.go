package slo

import "strings"

// enum names the values of a type that counts from zero.
type enum struct {
	field string
	names []string
}

func (e enum) name(value uint8) string {
	if int(value) < len(e.names) {
		return e.names[value]
	}
	return "invalid"
}

func (e enum) check(what string, value uint8) error {
	if int(value) >= len(e.names) {
		return invalid(what, e.field, value, e.want())
	}
	return nil
}

func (e enum) marshal(value uint8) ([]byte, error) {
	if err := e.check("", value); err != nil {
		return nil, err
	}
	return []byte(e.names[value]), nil
}

func (e enum) parse(text string) (uint8, error) {
	for value, name := range e.names {
		if text == name {
			return uint8(value), nil
		}
	}
	return 0, invalid("", e.field, text, e.want())
}

// want says what would do.
func (e enum) want() string {
	last := len(e.names) - 1
	return strings.Join(e.names[:last], ", ") + " or " + e.names[last]
}

// unmarshalEnum sets a value to what the text names, or leaves it as it was.
func unmarshalEnum[T ~uint8](e enum, into *T, text []byte) error {
	value, err := e.parse(string(text))
	if err == nil {
		*into = T(value)
	}
	return err
}
