package entity

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// path is where a condition looks: at a field of an entity's state, or deeper, at a field of that field.
type path struct {
	kind, id string
	fields   []string // at least one
}

// Path builds the text of a path for [Below], [Above], [Between] and [Is]: of a field of the entity's state, or with
// more names of a field of that field. Path("slo", "checkout", "down") is
//
//	state.slo.checkout.down
//
// A part stands bare if it has only letters and digits of any script, "_" and "-". Any other is a JSON string in
// brackets:
//
//	state.slo["a.b"].target
//
// Nothing is checked here. A path is refused by the condition that is made of it if there is no field, if a part is
// empty, longer than 256 bytes, not UTF-8 or has a NUL, or if the kind is blank.
func Path(kind, id string, field ...string) string {
	return path{kind, id, field}.String()
}

// String is the path's only text: each part is bare where it can be.
func (p path) String() string {
	b := appendPart([]byte("state"), p.kind)
	b = appendPart(b, p.id)
	for _, f := range p.fields {
		b = appendPart(b, f)
	}
	return string(b)
}

func appendPart(b []byte, part string) []byte {
	if isBare(part) {
		return append(append(b, '.'), part...)
	}
	return append(appendQuoted(append(b, '['), part), ']')
}

func isBare(part string) bool {
	return part != "" && strings.IndexFunc(part, func(r rune) bool { return !inWord(r) }) < 0
}

func inWord(r rune) bool {
	return r == '_' || r == '-' || unicode.IsLetter(r) || unicode.IsDigit(r)
}

// appendQuoted writes a JSON string. Bytes that are not UTF-8 stay as they are, so that whoever reads the text refuses
// it.
func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"', c == '\\':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, `\n`...)
		case c == '\r':
			b = append(b, `\r`...)
		case c == '\t':
			b = append(b, `\t`...)
		case c < ' ':
			b = fmt.Appendf(b, `\u%04x`, c)
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

// SyntaxError says where a text stops being a condition or a path. It matches [ErrInvalid].
type SyntaxError struct {
	Text string // all of it

	// Column counts characters from 1: Unicode code points, and each byte that is not UTF-8. At the end of the text it is
	// one more than there are.
	Column int

	Want string // what would have done
}

// Error is one line, however long the text is: it shows a few words before and after the Column.
func (e *SyntaxError) Error() string {
	const show = 32 // characters
	at := byteOf(e.Text, e.Column-1)
	before, rest := e.Text[:at], e.Text[at:]
	found, after := "the end", ""
	if end := byteOf(rest, show); end > 0 {
		found = fmt.Sprintf("%#q", rest[:end]) + dots(end < len(rest))
	}
	if at > 0 {
		start := byteOf(before, utf8.RuneCountInString(before)-show)
		after = " after " + dots(start > 0) + fmt.Sprintf("%#q", before[start:])
	}
	return fmt.Sprintf("%v: column %d: want %s, not %s%s", ErrInvalid, e.Column, e.Want, found, after)
}

// byteOf returns where in s the character n is, counted from 0, or the end.
func byteOf(s string, n int) int {
	for i := range s {
		if n <= 0 {
			return i
		}
		n--
	}
	return len(s)
}

func dots(cut bool) string {
	if cut {
		return "..."
	}
	return ""
}

// Unwrap returns ErrInvalid.
func (e *SyntaxError) Unwrap() error { return ErrInvalid }

// parsePath reads a text that is a path and nothing else. The error is a SyntaxError.
func parsePath(text string) (path, error) {
	s := scanner{text: text}
	p, err := s.path()
	if err == nil && s.pos < len(text) {
		err = s.fail(s.pos, `the end, or another field, as in .name or ["any name"]`)
	}
	if err != nil {
		return path{}, err
	}
	return p, nil
}

// scanner reads the words of paths and conditions. Its errors are SyntaxErrors.
type scanner struct {
	text string
	pos  int // in bytes
}

// fail says what would do at a place of the text, in bytes.
func (s *scanner) fail(at int, want string) error {
	return &SyntaxError{Text: s.text, Column: utf8.RuneCountInString(s.text[:at]) + 1, Want: want}
}

// peek returns the next byte, 0 at the end: a NUL means nothing anywhere.
func (s *scanner) peek() byte {
	if s.pos == len(s.text) {
		return 0
	}
	return s.text[s.pos]
}

// take passes over c if it comes next.
func (s *scanner) take(c byte) bool {
	if s.pos == len(s.text) || s.text[s.pos] != c {
		return false
	}
	s.pos++
	return true
}

// run passes over all that comes next and is in a set.
func (s *scanner) run(in func(rune) bool) string {
	rest := s.text[s.pos:]
	n := strings.IndexFunc(rest, func(r rune) bool { return !in(r) })
	if n < 0 {
		n = len(rest)
	}
	s.pos += n
	return rest[:n]
}

func (s *scanner) path() (path, error) {
	start := s.pos
	if s.run(inWord) != "state" {
		return path{}, s.fail(start, `a path, which begins with "state."`)
	}
	var parts []string
	for s.peek() == '.' || s.peek() == '[' {
		part, err := s.part(nounOf(len(parts)))
		if err != nil {
			return path{}, err
		}
		parts = append(parts, part)
	}
	if n := len(parts); n < 3 {
		return path{}, s.fail(s.pos, nounOf(n)+`, as in .name or ["any name"]`)
	}
	return path{parts[0], parts[1], parts[2:]}, nil
}

const kindPart = "a kind"

func nounOf(part int) string {
	switch part {
	case 0:
		return kindPart
	case 1:
		return "an id"
	}
	return "a field"
}

func (s *scanner) part(noun string) (string, error) {
	bracket := s.peek() == '['
	s.pos++
	start := s.pos
	if !bracket {
		part := s.run(inWord)
		return part, s.checkPart(start, noun, part)
	}
	part, err := s.quoted()
	if err != nil {
		return "", err
	}
	if err := s.checkPart(start, noun, part); err != nil {
		return "", err
	}
	if !s.take(']') {
		return "", s.fail(s.pos, `"]"`)
	}
	return part, nil
}

func (s *scanner) checkPart(start int, noun, part string) error {
	if noun == kindPart && checkName(noun, part) != nil {
		return s.fail(start, fmt.Sprintf("a kind of 1 to %d bytes that is not blank and has no NUL", maxID))
	}
	if checkID(noun, part) != nil {
		return s.fail(start, fmt.Sprintf("%s of 1 to %d bytes without NUL", noun, maxID))
	}
	return nil
}

// quoted reads a JSON string. It takes nothing that would have to be replaced: no half of a surrogate pair, and only
// UTF-8.
func (s *scanner) quoted() (string, error) {
	if !s.take('"') {
		return "", s.fail(s.pos, `a string in double quotes`)
	}
	var b []byte
	for s.pos < len(s.text) {
		r, size := utf8.DecodeRuneInString(s.text[s.pos:])
		switch {
		case r == '"':
			s.pos++
			return string(b), nil
		case r == '\\':
			var err error
			if r, err = s.escape(); err != nil {
				return "", err
			}
			size = 0
		case r < ' ':
			return "", s.fail(s.pos, fmt.Sprintf(`\u%04x for this control character`, r))
		case r == utf8.RuneError && size == 1:
			return "", s.fail(s.pos, "valid UTF-8")
		}
		s.pos += size
		b = utf8.AppendRune(b, r)
	}
	return "", s.fail(s.pos, "the double quote that ends the string")
}

// escape reads what a backslash begins.
func (s *scanner) escape() (rune, error) {
	start := s.pos
	s.pos++
	c := s.peek()
	if i := strings.IndexByte(`"\/bfnrt`, c); i >= 0 {
		s.pos++
		return rune("\"\\/\b\f\n\r\t"[i]), nil
	}
	s.pos = start
	r, ok := s.unit()
	if ok && utf16.IsSurrogate(r) {
		var low rune
		low, _ = s.unit()
		r = utf16.DecodeRune(r, low)
		ok = r != utf8.RuneError
	}
	if !ok {
		return 0, s.fail(start, `an escape of JSON, such as \n, \" or \u00e9`)
	}
	return r, nil
}

// unit reads a \u with four hexadecimal digits.
func (s *scanner) unit() (r rune, ok bool) {
	const digits = "0123456789abcdef"
	rest := s.text[s.pos:]
	if len(rest) < 6 || rest[:2] != `\u` {
		return 0, false
	}
	for i := 2; i < 6; i++ {
		d := strings.IndexByte(digits, rest[i]|0x20)
		if d < 0 || rest[i] < '0' {
			return 0, false
		}
		r = r<<4 | rune(d)
	}
	s.pos += 6
	return r, true
}
