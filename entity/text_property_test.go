package entity_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/slokeep/slokeep/entity"
)

// writer makes random conditions, and of each a text of its own: one with every parenthesis and some space, that knows
// nothing of how String decides.
type writer struct{ rng *rand.Rand }

func (w *writer) oneOf(texts ...string) string { return texts[w.rng.IntN(len(texts))] }

func (w *writer) space() string { return w.oneOf("", "", " ", "  ", "\n", "\t\r\n") }

func (w *writer) path() string {
	part := func() string {
		return w.oneOf("slo", "obj-1", "42", "and", "京", "a.b", `"`, `\`, " ", "\n", "\u2028", "]", "<", "😀")
	}
	kind := part()
	for strings.TrimSpace(kind) == "" {
		kind = part()
	}
	fields := make([]string, 1+w.rng.IntN(3))
	for i := range fields {
		fields[i] = part()
	}
	return entity.Path(kind, part(), fields...)
}

func (w *writer) number() (float64, string) {
	f := float64(w.rng.IntN(200)-100) / 4
	switch w.rng.IntN(4) {
	case 0:
		for f = math.NaN(); math.IsNaN(f) || math.IsInf(f, 0); {
			f = math.Float64frombits(w.rng.Uint64())
		}
	case 1:
		f *= math.Pow10(w.rng.IntN(50) - 25)
	}
	return f, strconv.FormatFloat(f, w.oneOf("e", "E", "f")[0], -1, 64)
}

func (w *writer) scalar() (any, string) {
	switch w.rng.IntN(7) {
	case 0:
		return nil, "null"
	case 1:
		b := w.rng.IntN(2) == 0
		return b, strconv.FormatBool(b)
	case 2:
		i := int64(w.rng.Uint64()) >> w.rng.IntN(64)
		return i, strconv.FormatInt(i, 10)
	case 3:
		u := w.rng.Uint64()
		return u, strconv.FormatUint(u, 10)
	case 4:
		s := w.oneOf("", "page", "a b", `"`, `\`, "\x00", "é", "null", "😀")
		var b strings.Builder
		for _, r := range s {
			if r < utf8.RuneSelf {
				fmt.Fprintf(&b, `\u%04x`, r)
			} else {
				b.WriteRune(r)
			}
		}
		return s, `"` + b.String() + `"`
	}
	f, _ := w.number()
	return f, strconv.FormatFloat(f, 'e', -1, 64) // with an exponent: what is written as an integer is read as one
}

func (w *writer) length() (time.Duration, string) {
	micros := 1 + w.rng.Int64N(3650*24*3600*1e6)>>w.rng.IntN(50)
	d := time.Duration(micros) * time.Microsecond
	if w.rng.IntN(2) == 0 {
		return d, fmt.Sprintf("%d.%06ds", micros/1e6, micros%1e6)
	}
	hours := micros / 3600e6
	return d, fmt.Sprintf("%dh%d.%06ds", hours, micros/1e6%3600, micros%1e6)
}

func (w *writer) comparison() (entity.Condition, string) {
	path := w.path()
	f, text := w.number()
	switch w.rng.IntN(4) {
	case 0:
		return w.rearm(entity.Below(path, f), path+w.space()+"<"+w.space()+text, f, 1)
	case 1:
		return w.rearm(entity.Above(path, f), path+w.space()+">"+w.space()+text, f, -1)
	case 2:
		if g, more := w.number(); f < g {
			return entity.Between(path, f, g), text + w.space() + "<" + w.space() + path + w.space() + "<" + w.space() + more
		}
	}
	value, text := w.scalar()
	return entity.Is(path, value), path + w.space() + "==" + w.space() + text
}

// rearm gives a comparison sometimes a second threshold, and a For before or after it.
func (w *writer) rearm(c entity.Condition, text string, f, side float64) (entity.Condition, string) {
	if w.rng.IntN(2) == 0 {
		return c, text
	}
	v := f + side*math.Abs(f)*w.rng.Float64()/2
	if math.IsInf(v, 0) {
		v = f
	}
	number := strconv.FormatFloat(v, 'e', -1, 64)
	d, length := w.length()
	switch w.rng.IntN(3) {
	case 0:
		return c.Rearm(v), "(" + text + ") rearm " + number
	case 1:
		return c.Rearm(v).For(d), "(" + text + " rearm " + number + ") for " + length
	}
	return c.For(d).Rearm(v), text + " for " + length + " rearm " + number
}

func (w *writer) condition(deep int) (entity.Condition, string) {
	if deep == 0 {
		return w.comparison()
	}
	switch w.rng.IntN(5) {
	case 0:
		c, text := w.condition(deep - 1)
		return entity.Not(c), "not" + w.space() + "(" + text + ")"
	case 1:
		c, text := w.condition(deep - 1)
		d, length := w.length()
		return c.For(d), "(" + text + ")" + w.space() + "for " + length
	case 2:
		return w.group(deep, "and", entity.All)
	case 3:
		return w.group(deep, "or", entity.Any)
	}
	return w.comparison()
}

func (w *writer) group(deep int, word string, join func(...entity.Condition) entity.Condition) (entity.Condition, string) {
	kids := make([]entity.Condition, 1+w.rng.IntN(4))
	texts := make([]string, len(kids))
	for i := range kids {
		kids[i], texts[i] = w.condition(deep - 1)
		texts[i] = "(" + w.space() + texts[i] + w.space() + ")"
	}
	return join(kids...), strings.Join(texts, w.space()+word+w.space())
}

func TestRandomConditionsComeBackFromTheirTexts(t *testing.T) {
	for seed := range uint64(3000) {
		w := writer{rand.New(rand.NewPCG(seed, 1))}
		c, verbose := w.condition(w.rng.IntN(6))
		if err := c.Validate(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for _, text := range []string{c.String(), verbose} {
			back, err := entity.ParseCondition(text)
			if err != nil || !entity.SameTree(back, c) || back.String() != c.String() {
				t.Fatalf("seed %d:\n%s\nis read as\n%s, %v; want\n%s", seed, text, back, err, c)
			}
			checkMeasure(t, back)
		}
	}
}

func checkMeasure(t *testing.T, c entity.Condition) {
	t.Helper()
	size, depth := entity.Measure(c)
	if s, d := entity.Claims(c); s != size || d != depth {
		t.Errorf("%s says %d parts, %d deep; it has %d, %d deep", c, s, d, size, depth)
	}
}

// Without any one pair of its parentheses a canonical text means something else, or nothing.
func TestStringHasNoParenthesesToSpare(t *testing.T) {
	for seed := range uint64(2000) {
		w := writer{rand.New(rand.NewPCG(seed, 2))}
		c, _ := w.condition(1 + w.rng.IntN(4))
		text := c.String()
		for _, pair := range pairs(text) {
			without := text[:pair[0]] + text[pair[0]+1:pair[1]] + text[pair[1]+1:]
			if other, err := entity.ParseCondition(without); err == nil && entity.SameTree(other, c) {
				t.Fatalf("seed %d: %s\nis as well %s", seed, text, without)
			}
		}
	}
}

// pairs finds the parentheses of a text that belong together, outside of strings.
func pairs(text string) (found [][2]int) {
	var open []int
	quoted := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '(':
			open = append(open, i)
		case c == ')':
			found = append(found, [2]int{open[len(open)-1], i})
			open = open[:len(open)-1]
		}
	}
	return found
}

func TestWhatBecomesOfATextThatIsEdited(t *testing.T) {
	const letters = "()<>=. \"\\-+e019dhms_[]née\x00\xff\n"
	parsed := 0
	for seed := range uint64(4000) {
		w := writer{rand.New(rand.NewPCG(seed, 3))}
		c, _ := w.condition(w.rng.IntN(4))
		text := []byte(c.String())
		for range 1 + w.rng.IntN(3) {
			i := w.rng.IntN(len(text))
			switch w.rng.IntN(4) {
			case 0:
				text = append(text[:i:i], text[i+1:]...)
			case 1:
				text[i] = letters[w.rng.IntN(len(letters))]
			case 2:
				text = append(text[:i:i], append([]byte{letters[w.rng.IntN(len(letters))]}, text[i:]...)...)
			case 3:
				text = text[:i]
			}
			if len(text) == 0 {
				break
			}
		}
		if checkParse(t, string(text)) {
			parsed++
		}
	}
	if parsed < 100 || parsed > 3900 {
		t.Errorf("%d of 4000 parse: the edits try one side only", parsed)
	}
}

// checkParse expects of any text that it parses and its condition comes back, or that the error is in the text.
func checkParse(t *testing.T, text string) (parsed bool) {
	t.Helper()
	c, err := entity.ParseCondition(text)
	if err != nil {
		at, ok := errors.AsType[*entity.SyntaxError](err)
		if !ok || !errors.Is(err, entity.ErrInvalid) {
			t.Fatalf("%q: got %#v, want a SyntaxError that is ErrInvalid", text, err)
		}
		if at.Column < 1 || at.Column > utf8.RuneCountInString(text)+1 || at.Want == "" || at.Text != text {
			t.Errorf("%q: column %d, want %q", text, at.Column, at.Want)
		}
		if message := err.Error(); len(message) > 1000 || !utf8.ValidString(message) || strings.Contains(message, "\n") {
			t.Errorf("%q: %d bytes of message: %q", text, len(message), message)
		}
		return false
	}
	if err := c.Validate(); err != nil {
		t.Fatalf("%q: parsed, but %v", text, err)
	}
	checkMeasure(t, c)
	canonical := c.String()
	back, err := entity.ParseCondition(canonical)
	if err != nil || !entity.SameTree(back, c) || back.String() != canonical {
		t.Errorf("%q: prints as\n%s, which is read as\n%s, %v", text, canonical, back, err)
	}
	return true
}

func FuzzParseCondition(f *testing.F) {
	for _, text := range []string{
		"", "state.slo.checkout.budgetRemainingPercent < 20 for 10m rearm 25", `state.slo["a.b"].target == 99.9`,
		"not (state.a.b.c == null or 1 < state.a.b.c < 2e3) for 1d2h3m4.5s and state.a.b.c > -1 rearm -5",
		`state.a["\ud83d\ude00\n"].c == "\u0000"`, "((state.a.b.c < 1 for 1s) for 1m) for 1h", "state.a.b.c == 18446744073709551615",
	} {
		f.Add(text)
	}
	for seed := range uint64(30) {
		w := writer{rand.New(rand.NewPCG(seed, 4))}
		c, verbose := w.condition(3)
		f.Add(c.String())
		f.Add(verbose)
	}
	f.Fuzz(func(t *testing.T, text string) { checkParse(t, text) })
}
