package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// errNoStep says that a line is no step at all.
var errNoStep = errors.New("no step")

func noStep(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{errNoStep}, args...)...)
}

// step is one line of a script.
type step struct {
	line int // from 1
	at   time.Time
	op   string
	do   func(p *player) (result any, err error) // a nil result: nothing is printed
}

// steps reads a script. After an error there is no more.
func steps(r io.Reader) iter.Seq2[step, error] {
	return func(yield func(step, error) bool) {
		in := bufio.NewReader(r)
		for line := 1; ; line++ {
			text, err := in.ReadBytes('\n')
			if err != nil && err != io.EOF {
				yield(step{line: line}, err)
				return
			}
			last := err != nil
			if text = bytes.TrimSpace(text); len(text) > 0 && text[0] != '#' {
				s, err := parse(text)
				s.line = line
				if !yield(s, err) || err != nil {
					return
				}
			}
			if last {
				return
			}
		}
	}
}

// parse reads one line. What is wrong with the value of a key other than op and at is what its step fails with.
func parse(text []byte) (step, error) {
	object, err := parseObject(text)
	if err != nil {
		return step{}, err
	}
	var head headKeys
	if err := takeKeys(object, keysOfHead, &head); err != nil {
		return step{}, noStep("%w", err)
	}
	op, known := operations[head.Op]
	if !known {
		return step{}, noStep("op %q: want one of %s", head.Op, strings.Join(slices.Sorted(maps.Keys(operations)), ", "))
	}
	do, err := op(object)
	if errors.Is(err, errNoStep) {
		return step{}, err
	}
	if err != nil {
		do = func(*player) (any, error) { return nil, err }
	}
	return step{at: time.Time(head.At), op: head.Op, do: do}, nil
}

type headKeys struct {
	At instant `key:"at,required"`
	Op string  `key:"op,required"`
}

var keysOfHead = keysOf[headKeys]()

// operation reads the keys of a step, and returns what it does.
type operation func(object map[string]json.RawMessage) (do func(p *player) (any, error), err error)

// operationOf makes an operation of a method that is given the keys: a struct as readKeys wants it.
func operationOf[K any](do func(p *player, keys *K) (any, error)) operation {
	known := keysOf[K]()
	return func(object map[string]json.RawMessage) (func(p *player) (any, error), error) {
		keys := new(K)
		err := readKeys(object, known, keys)
		return func(p *player) (any, error) { return do(p, keys) }, err
	}
}

// parseObject reads a JSON object: all of the text, and no key twice.
func parseObject(text []byte) (map[string]json.RawMessage, error) {
	if !utf8.Valid(text) {
		return nil, noStep("text that is not valid UTF-8")
	}
	if !json.Valid(text) {
		return nil, noStep("bad JSON: %w", json.Unmarshal(text, new(any)))
	}
	in := json.NewDecoder(bytes.NewReader(text))
	if start, _ := in.Token(); start != json.Delim('{') {
		return nil, noStep("%s: want an object", text)
	}
	object := map[string]json.RawMessage{}
	for in.More() {
		key, err := in.Token()
		if err != nil {
			return nil, noStep("bad JSON: %w", err)
		}
		var value json.RawMessage
		if err := in.Decode(&value); err != nil {
			return nil, noStep("bad JSON: %w", err)
		}
		name := key.(string)
		if _, twice := object[name]; twice {
			return nil, noStep("key %q: it is there twice", name)
		}
		object[name] = value
	}
	return object, nil
}

// key is a field of a struct that is tagged with its key: `key:"start"`, with ",required" or ",null" where it must be given
// or null may be, which is as if it were not given.
type key struct {
	name, option string
	field        []int
}

func keysOf[K any]() []key {
	var keys []key
	for _, field := range reflect.VisibleFields(reflect.TypeFor[K]()) {
		if name, option, _ := strings.Cut(field.Tag.Get("key"), ","); name != "" {
			keys = append(keys, key{name, option, field.Index})
		}
	}
	return keys
}

// readKeys fills a struct. It is no step that has another key.
func readKeys(object map[string]json.RawMessage, keys []key, into any) error {
	err := takeKeys(object, keys, into)
	if len(object) > 0 {
		return noStep("key %q: there is no such key here", slices.Min(slices.Collect(maps.Keys(object))))
	}
	return err
}

// takeKeys takes what a struct is filled with out of an object.
func takeKeys(object map[string]json.RawMessage, keys []key, into any) error {
	v := reflect.ValueOf(into).Elem()
	var wrong error
	for _, k := range keys {
		value, given := object[k.name]
		delete(object, k.name)
		var err error
		switch {
		case !given && k.option == "required":
			err = fmt.Errorf("%s is missing", k.name)
		case given && (k.option != "null" || string(value) != "null"):
			err = readValue(k.name, value, v.FieldByIndex(k.field).Addr().Interface())
		}
		if wrong == nil || errors.Is(err, errNoStep) {
			wrong = err
		}
	}
	return wrong
}

func readValue(name string, value json.RawMessage, into any) error {
	if string(value) == "null" {
		return fmt.Errorf("%s: null: want a value, or no such key", name)
	}
	err := json.Unmarshal(value, into)
	if t, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("%s: %s: want %s", name, value, wanted(t.Type.Kind()))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func wanted(kind reflect.Kind) string {
	switch kind {
	case reflect.Bool:
		return "true or false"
	case reflect.Int64:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	case reflect.Slice:
		return "a list"
	}
	return "a string"
}

// instant is an RFC 3339 instant, to the microsecond.
type instant time.Time

// strict leaves out what package time reads besides RFC 3339.
var strict = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$`)

func (i *instant) UnmarshalText(text []byte) error {
	t, err := time.Parse(time.RFC3339, string(text))
	if err != nil || !strict.Match(text) {
		return fmt.Errorf("%q: want an instant such as 2026-03-02T12:00:00Z", text)
	}
	*i = instant(t.UTC().Truncate(time.Microsecond))
	return nil
}
