package entity

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// ParseCondition reads a condition from its text:
//
//	cond   = term { "or" term }
//	term   = factor { "and" factor }
//	factor = [ "not" ] atom [ "for" length ] [ "rearm" number ]
//	atom   = "(" cond ")"
//	       | path "<" number | path ">" number | number "<" path "<" number
//	       | path "==" ( string | number | "true" | "false" | "null" )
//
// So "for" and "rearm" belong to all of "not x", and what they are not to belong to goes in parentheses. Paths are as
// [Path] writes them, strings and numbers as in JSON, where a number must be finite as a float64. A length has whole
// numbers of d, h, m and s, in this order: 1h30m; seconds may have up to six decimals: 0.5s. Words are in lower case;
// space is free but inside of paths, numbers and lengths.
//
// What [Condition.For], [Condition.Rearm], [Between] and [Condition] allow is all that a text may say. Every error is a
// [*SyntaxError].
func ParseCondition(text string) (Condition, error) {
	p := parser{scanner: scanner{text: text}}
	c, err := p.cond()
	if err != nil {
		return Condition{}, err
	}
	if p.space(); p.pos < len(text) {
		return Condition{}, p.fail(p.pos, `"and", "or" or the end`)
	}
	return c, nil
}

// parser builds a condition with the functions that users build one with, so that a text means what they do.
type parser struct {
	scanner
	deep int // parentheses that are open
}

func isSpace(r rune) bool { return r == ' ' || r == '\t' || r == '\n' || r == '\r' }

func (p *parser) space() { p.run(isSpace) }

// word passes over space and a word, if it comes next.
func (p *parser) word(word string) bool {
	start := p.pos
	p.space()
	if p.run(inWord) == word {
		return true
	}
	p.pos = start
	return false
}

// checked makes an error of the fault of what was built at a place of the text.
func (p *parser) checked(at int, c Condition) (Condition, error) {
	if f, ok := errors.AsType[*fault](c.err); ok {
		return Condition{}, p.fail(at, f.want)
	}
	return c, nil
}

func (p *parser) cond() (Condition, error) { return p.list("or", opAny, p.term) }
func (p *parser) term() (Condition, error) { return p.list("and", opAll, p.factor) }

func (p *parser) list(word string, o op, next func() (Condition, error)) (Condition, error) {
	var conditions []Condition
	for size := 1; ; {
		p.space()
		start := p.pos
		c, err := next()
		if err != nil {
			return Condition{}, err
		}
		conditions = append(conditions, c)
		if size += c.size; c.joins(o) {
			size--
		}
		// Now, since a text can go on for ever.
		if len(conditions) > 1 && size > maxNodes {
			return Condition{}, p.fail(start, fmt.Sprintf("at most %d parts", maxNodes))
		}
		if !p.word(word) {
			return p.checked(start, joined(o, conditions))
		}
	}
}

func (p *parser) factor() (Condition, error) {
	p.space()
	start := p.pos
	not := p.word("not")
	c, err := p.atom()
	if err != nil {
		return Condition{}, err
	}
	if not {
		if c, err = p.checked(start, Not(c)); err != nil {
			return Condition{}, err
		}
	}
	if p.word("for") {
		if c, err = p.hold(c); err != nil {
			return Condition{}, err
		}
	}
	if p.word("rearm") {
		return p.rearm(c)
	}
	return c, nil
}

func (p *parser) hold(c Condition) (Condition, error) {
	p.space()
	start := p.pos
	d, err := p.length()
	if err != nil {
		return Condition{}, err
	}
	return p.checked(start, c.For(d))
}

func (p *parser) rearm(c Condition) (Condition, error) {
	word := p.pos - len("rearm")
	p.space()
	start := p.pos
	v, err := p.number()
	if err != nil {
		return Condition{}, err
	}
	if !c.root.canRearm() {
		start = word
	}
	if c, err = p.checked(start, c.Rearm(v)); err != nil {
		return Condition{}, err
	}
	if end := p.pos; p.word("for") {
		p.pos = end
		p.space()
		return Condition{}, p.fail(p.pos, `"for" before "rearm"`)
	}
	return c, nil
}

func (p *parser) atom() (Condition, error) {
	p.space()
	switch c := p.peek(); {
	case c == '(':
		return p.group()
	case c == '-' || '0' <= c && c <= '9':
		return p.between()
	}
	start := p.pos
	if p.run(inWord) != "state" {
		return Condition{}, p.fail(start, `a condition, such as "state.slo.checkout.down == true"`)
	}
	p.pos = start
	at, err := p.path()
	if err != nil {
		return Condition{}, err
	}
	return p.compare(at)
}

func (p *parser) group() (Condition, error) {
	if p.deep == maxDepth {
		return Condition{}, p.fail(p.pos, fmt.Sprintf("at most %d open parentheses", maxDepth))
	}
	p.deep++
	p.pos++
	c, err := p.cond()
	if err != nil {
		return Condition{}, err
	}
	if p.space(); !p.take(')') {
		return Condition{}, p.fail(p.pos, `"and", "or" or ")"`)
	}
	p.deep--
	return c, nil
}

// operator returns what comes next and looks like one, and where it is.
func (p *parser) operator() (operator string, start int) {
	p.space()
	start = p.pos
	return p.run(func(r rune) bool { return strings.ContainsRune("<>=!", r) }), start
}

func (p *parser) compare(at path) (Condition, error) {
	operator, start := p.operator()
	n := node{op: opIs, path: at}
	var err error
	switch operator {
	case "<":
		n.op = opBelow
		n.high, err = p.number()
	case ">":
		n.op = opAbove
		n.low, err = p.number()
	case "==":
		n.value, err = p.scalar()
	default:
		err = p.fail(start, `"<", ">" or "=="`)
	}
	if err != nil {
		return Condition{}, err
	}
	return comparison(n), nil
}

func (p *parser) between() (Condition, error) {
	n := node{op: opBetween}
	var err error
	if n.low, err = p.number(); err != nil {
		return Condition{}, err
	}
	if operator, start := p.operator(); operator != "<" {
		return Condition{}, p.fail(start, `"<" and a path`)
	}
	p.space()
	if n.path, err = p.path(); err != nil {
		return Condition{}, err
	}
	if operator, start := p.operator(); operator != "<" {
		return Condition{}, p.fail(start, `"<" and a number`)
	}
	p.space()
	start := p.pos
	if n.high, err = p.number(); err != nil {
		return Condition{}, err
	}
	if n.low >= n.high {
		return Condition{}, p.fail(start, "more than "+formatFloat(n.low))
	}
	return comparison(n), nil
}

// token returns what comes next and could be meant as a number or a word, and where it is.
func (p *parser) token() (token string, start int) {
	p.space()
	start = p.pos
	return p.run(inToken), start
}

func inToken(r rune) bool { return inWord(r) || r == '.' || r == '+' }

func (p *parser) number() (float64, error) {
	token, start := p.token()
	if !isNumber(token) {
		return 0, p.fail(start, "a number")
	}
	f, err := strconv.ParseFloat(token, 64)
	if err != nil {
		return 0, p.fail(start, "a number that is finite as a float64")
	}
	return f, nil
}

func isNumber(token string) bool {
	return token != "" && (token[0] == '-' || '0' <= token[0] && token[0] <= '9') && json.Valid([]byte(token))
}

func (p *parser) scalar() (any, error) {
	if p.space(); p.peek() == '"' {
		return p.quoted()
	}
	token, start := p.token()
	switch token {
	case "null":
		return nil, nil
	case "true", "false":
		return token == "true", nil
	}
	if !isNumber(token) {
		return nil, p.fail(start, "a string in double quotes, a number, true, false or null")
	}
	if i, err := strconv.ParseInt(token, 10, 64); err == nil {
		return i, nil
	}
	if u, err := strconv.ParseUint(token, 10, 64); err == nil {
		return uintScalar(u), nil
	}
	p.pos = start
	f, err := p.number()
	return floatScalar(f), err
}

type lengthUnit struct {
	name   byte
	length time.Duration
}

var lengthUnits = [...]lengthUnit{{'d', 24 * time.Hour}, {'h', time.Hour}, {'m', time.Minute}, {'s', time.Second}}

// length reads a duration. No unit comes twice, and none is over maxHold, so that the sum cannot overflow.
func (p *parser) length() (time.Duration, error) {
	var sum time.Duration
	left := lengthUnits[:]
	for {
		start := p.pos
		n, decimals, err := p.amount()
		if err != nil {
			return 0, err
		}
		may := left
		if decimals != "" {
			may = left[len(left)-1:] // seconds
		}
		i := slices.IndexFunc(may, func(u lengthUnit) bool { return u.name == p.peek() })
		if i < 0 {
			return 0, p.fail(p.pos, wantUnit(may))
		}
		u := may[i]
		if n > int64(maxHold/u.length) {
			return 0, p.fail(start, "at most "+formatHold(maxHold))
		}
		p.pos++
		sum += time.Duration(n)*u.length + fraction(decimals)
		if !p.inToken() {
			return sum, nil
		}
		if left = may[i+1:]; len(left) == 0 {
			return 0, p.fail(p.pos, "the end of the length")
		}
	}
}

// amount reads a number and, with at most six digits, its decimals.
func (p *parser) amount() (n int64, decimals string, err error) {
	digits := p.run(isDigit)
	if digits == "" {
		return 0, "", p.fail(p.pos, "a length, such as 1h30m")
	}
	n, _ = strconv.ParseInt(digits, 10, 64) // what is out of range becomes the greatest there is
	if !p.take('.') {
		return n, "", nil
	}
	start := p.pos
	if decimals = p.run(isDigit); decimals == "" || len(decimals) > 6 {
		return 0, "", p.fail(start, "one to six decimals")
	}
	return n, decimals, nil
}

func isDigit(r rune) bool { return '0' <= r && r <= '9' }

// inToken reports whether what was read goes on without a space.
func (p *parser) inToken() bool {
	r, _ := utf8.DecodeRuneInString(p.text[p.pos:])
	return inToken(r)
}

func wantUnit(may []lengthUnit) string {
	names := make([]string, len(may))
	for i, u := range may {
		names[i] = strconv.Quote(string(u.name))
	}
	return "the unit " + strings.Join(names, " or ")
}

func fraction(decimals string) time.Duration {
	n, _ := strconv.Atoi((decimals + "000000")[:6])
	return time.Duration(n) * time.Microsecond
}
