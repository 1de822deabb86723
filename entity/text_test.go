package entity_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/slokeep/slokeep/entity"
)

func TestParseConditionReadsWhatStringWrites(t *testing.T) {
	budget := entity.Path("slo", "checkout", "budgetRemainingPercent")
	x, y, z := entity.Below(pa, 1), entity.Above(pb, 2), entity.Is(pa, nil)
	const day = 24 * time.Hour
	tests := []struct {
		name string
		text string // canonical
		want entity.Condition
		also []string // are read as the same
	}{
		{"the design's example", "state.slo.checkout.budgetRemainingPercent < 20 for 10m rearm 25",
			entity.Below(budget, 20).For(10 * time.Minute).Rearm(25), []string{
				"state.slo.checkout.budgetRemainingPercent<20 for 10m rearm 25",
				"((state.slo.checkout.budgetRemainingPercent < 20) for 10m) rearm 25",
				"(state.slo.checkout.budgetRemainingPercent < 20 rearm 25) for 10m",
				`state["slo"]["checkout"]["budgetRemainingPercent"]` + "\n\t< 2e1\r\n\tfor 600s\n\trearm 25.0",
			}},
		{"the design's path in brackets", `state.slo["a.b"].target == 99.9`,
			entity.Is(entity.Path("slo", "a.b", "target"), 99.9), []string{
				`state.slo["a.b"].target==99.90`, `(state.slo["a.b"].target == 99.9)`,
			}},
		{"below", pa + " < 1", x, []string{pa + "<1", " " + pa + "  <  1.0 ", "((" + pa + "<1))"}},
		{"above", pb + " > 2", y, []string{pb + ">2", pb + " > 0.2e1", pb + " > 20E-1", pb + " > 2e+0"}},
		{"between", "1 < " + pa + " < 2", entity.Between(pa, 1, 2), []string{"1<" + pa + "<2"}},
		{"between negative numbers", "-2 < " + pa + " < -1", entity.Between(pa, -2, -1), []string{"-2<" + pa + "<-1"}},
		{"zero", pa + " < 0", entity.Below(pa, 0), []string{pa + " < -0", pa + " < -0.0e5", pa + " < 1e-999", pa + " < -1e-999"}},
		{"the least number above 0", pa + " > 5e-324", entity.Above(pa, 5e-324), []string{pa + " > 4.9e-324"}},
		{"the greatest number", pa + " > 1.7976931348623157e+308", entity.Above(pa, math.MaxFloat64), nil},
		{"a number of many digits", pa + " > 0.1", entity.Above(pa, 0.1), []string{pa + " > 0.1000000000000000055511151231257827"}},
		{"a million", pa + " > 1000000", entity.Above(pa, 1e6), []string{pa + " > 1e6"}},
		{"a number that is written with an exponent", pa + " > 1e+21", entity.Above(pa, 1e21), []string{pa + " > 1000000000000000000000"}},
		{"a small number", pa + " > 1.5e-7", entity.Above(pa, 1.5e-7), []string{pa + " > 0.00000015"}},

		{"null", pa + " == null", z, []string{pa + "==null"}},
		{"true", pa + " == true", entity.Is(pa, true), nil},
		{"false", pa + " == false", entity.Is(pa, false), nil},
		{"an integer", pa + " == 5", entity.Is(pa, 5), []string{pa + " == 5.0", pa + " == 50e-1"}},
		{"-0", pa + " == 0", entity.Is(pa, 0), []string{pa + " == -0", pa + " == -0.0"}},
		{"the least integer", pa + " == -9223372036854775808", entity.Is(pa, math.MinInt64), nil},
		{"an integer that no float64 is", pa + " == 9007199254740993", entity.Is(pa, 1<<53+1), nil},
		{"the greatest int64", pa + " == 9223372036854775807", entity.Is(pa, math.MaxInt64), nil},
		{"an integer above it", pa + " == 9223372036854775808", entity.Is(pa, uint64(1)<<63), nil},
		{"the greatest uint64", pa + " == 18446744073709551615", entity.Is(pa, uint64(math.MaxUint64)), nil},
		{"an integer above that", pa + " == 18446744073709552000", entity.Is(pa, 0x1p64), []string{pa + " == 18446744073709551616"}},
		{"an integer below the least", pa + " == -9223372036854778000", entity.Is(pa, -0x1p63-2048), nil},
		{"a great float", pa + " == 1e+300", entity.Is(pa, 1e300), nil},
		{"a string", pa + ` == "page"`, entity.Is(pa, "page"), []string{pa + `=="page"`, pa + ` == "p\u0061ge"`}},
		{"an empty string", pa + ` == ""`, entity.Is(pa, ""), nil},
		{"a string with a condition in it", pa + ` == "a and (b or \"c\") < 3"`, entity.Is(pa, `a and (b or "c") < 3`), nil},
		{"a string with a NUL", pa + ` == "\u0000"`, entity.Is(pa, "\x00"), nil},

		{"a path of words", "state.and.or.not == null and not state.for.rearm.state == null",
			entity.All(entity.Is("state.and.or.not", nil), entity.Not(entity.Is("state.for.rearm.state", nil))), nil},
		{"and", pa + " < 1 and " + pb + " > 2 and " + pa + " == null", entity.All(x, y, z), []string{
			"(" + pa + " < 1 and " + pb + " > 2) and " + pa + " == null",
			pa + " < 1 and (" + pb + " > 2 and " + pa + " == null)",
			"((" + pa + "<1)and(" + pb + ">2))and(" + pa + "==null)",
		}},
		{"or", pa + " < 1 or " + pb + " > 2 or " + pa + " == null", entity.Any(x, y, z), []string{
			"(" + pa + " < 1 or " + pb + " > 2) or " + pa + " == null",
		}},
		{"and binds more than or", pa + " < 1 and " + pb + " > 2 or " + pa + " == null", entity.Any(entity.All(x, y), z), []string{
			"(" + pa + " < 1 and " + pb + " > 2) or " + pa + " == null",
		}},
		{"on either side", pa + " < 1 or " + pb + " > 2 and " + pa + " == null", entity.Any(x, entity.All(y, z)), nil},
		{"or in and", "(" + pa + " < 1 or " + pb + " > 2) and " + pa + " == null", entity.All(entity.Any(x, y), z), nil},
		{"not", "not " + pa + " < 1", entity.Not(x), []string{"not(" + pa + "<1)", "(not " + pa + " < 1)"}},
		{"not of not", "not (not " + pa + " < 1)", entity.Not(entity.Not(x)), nil},
		{"not binds more than and", "not " + pa + " < 1 and " + pb + " > 2", entity.All(entity.Not(x), y), nil},
		{"not of and", "not (" + pa + " < 1 and " + pb + " > 2)", entity.Not(entity.All(x, y)), nil},
		{"not of between", "not 1 < " + pa + " < 2", entity.Not(entity.Between(pa, 1, 2)), nil},
		{"for belongs to all of not", "not " + pa + " < 1 for 10m", entity.Not(x).For(10 * time.Minute), []string{
			"(not " + pa + " < 1) for 10m",
		}},
		{"not of for", "not (" + pa + " < 1 for 10m)", entity.Not(x.For(10 * time.Minute)), nil},
		{"not of rearm", "not (" + pa + " < 1 rearm 3)", entity.Not(x.Rearm(3)), nil},
		{"for belongs to the last of and", pa + " < 1 and " + pb + " > 2 for 1h", entity.All(x, y.For(time.Hour)), nil},
		{"for of and", "(" + pa + " < 1 and " + pb + " > 2) for 1h", entity.All(x, y).For(time.Hour), nil},
		{"for of and in and", "(" + pa + " < 1 and " + pb + " > 2) for 1h and " + pa + " == null",
			entity.All(entity.All(x, y).For(time.Hour), z), nil},
		{"for of or in or", "(" + pa + " < 1 or " + pb + " > 2) for 1h or " + pa + " == null",
			entity.Any(entity.Any(x, y).For(time.Hour), z), nil},
		{"for of for", "(" + pa + " < 1 for 1m) for 1h", x.For(time.Minute).For(time.Hour), nil},
		{"for of for of for", "((" + pa + " < 1 for 1s rearm 3) for 1m) for 1h",
			x.Rearm(3).For(time.Second).For(time.Minute).For(time.Hour), nil},
		{"rearm below", pa + " < 1 rearm 1", x.Rearm(1), nil},
		{"rearm above", pb + " > 2 rearm -2.5", y.Rearm(-2.5), nil},
		{"rearm of each", pa + " < 1 rearm 3 and " + pb + " > 2 for 1s rearm 0", entity.All(x.Rearm(3), y.For(time.Second).Rearm(0)), nil},

		{"for the shortest time", pa + " < 1 for 0.000001s", x.For(time.Microsecond), []string{pa + " < 1 for 0d0h0m0.000001s"}},
		{"for the longest time", pa + " < 1 for 3650d", x.For(3650 * day), []string{pa + " < 1 for 87600h", pa + " < 1 for 315360000s"}},
		{"for all units", pa + " < 1 for 1d2h3m4.5s", x.For(day + 2*time.Hour + 3*time.Minute + 4500*time.Millisecond),
			[]string{pa + " < 1 for 1d2h3m4.500000s", pa + " < 1 for 26h184.5s", pa + " < 1 for 001d02h03m04.50s"}},
		{"for some units", pa + " < 1 for 1h30m", x.For(90 * time.Minute), []string{
			pa + " < 1 for 90m", pa + " < 1 for 5400s", pa + " < 1 for 1h1800s",
		}},
		{"for a time that floats do not add up to", pa + " < 1 for 59.999999s", x.For(time.Minute - time.Microsecond), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.want.String(); got != tt.text {
				t.Errorf("String is\n%s, want\n%s", got, tt.text)
			}
			for _, text := range append(tt.also, tt.text) {
				got, err := entity.ParseCondition(text)
				if err != nil || !entity.SameTree(got, tt.want) {
					t.Errorf("%s\nis read as %s, %v", text, got, err)
				}
			}
		})
	}
}

func TestParseConditionRefusesSlipsAtTheirColumn(t *testing.T) {
	// The slip is where the mark stands.
	tests := []struct{ name, text, want string }{
		{"an empty text", `▸`, "a condition"},
		{"a text of space", "  \n▸", "a condition"},
		{"a word", `▸true`, "a condition"},
		{"capitals", `▸State.a.b.c < 1`, "a condition"},
		{"a string", `▸"x" == state.a.b.c`, "a condition"},
		{"a path that lacks a field", `state.a.b▸ < 1`, "a field"},
		{"a path with an empty part", `state.a.▸.c < 1`, "an id"},
		{"a path with space in it", `state.a.b▸ c < 1`, "a field"},
		{"a path that is not quoted", `state.a.b▸/x.c < 1`, "a field"},
		{"a path alone", `state.a.b.c▸`, `"<", ">" or "=="`},
		{"a path alone in a list", `state.a.b.c ▸and state.a.b.c < 1`, `"<", ">" or "=="`},
		{"an operator of other languages: =", `state.a.b.c ▸= 1`, `"<", ">" or "=="`},
		{"an operator of other languages: !=", `state.a.b.c ▸!= 1`, `"<", ">" or "=="`},
		{"an operator of other languages: <=", `state.a.b.c ▸<= 1`, `"<", ">" or "=="`},
		{"an operator of other languages: >=", `state.a.b.c ▸>= 1`, `"<", ">" or "=="`},
		{"an operator of other languages: ===", `state.a.b.c ▸=== 1`, `"<", ">" or "=="`},
		{"an operator of other languages: is", `state.a.b.c ▸is 1`, `"<", ">" or "=="`},
		{"an operator of other languages: &&", `state.a.b.c < 1 ▸&& state.a.b.c > 1`, `"and", "or" or the end`},
		{"and in capitals", `state.a.b.c < 1 ▸AND state.a.b.c > 1`, `"and", "or" or the end`},
		{"nothing to compare with", `state.a.b.c <▸`, "a number"},
		{"space to compare with", `state.a.b.c < ▸`, "a number"},
		{"a word to compare with", `state.a.b.c < ▸twenty`, "a number"},
		{"a string to compare with", `state.a.b.c < ▸"20"`, "a number"},
		{"a path to compare with", `state.a.b.c < ▸state.a.b.d`, "a number"},
		{"null to compare with", `state.a.b.c > ▸null`, "a number"},
		{"a number with a plus", `state.a.b.c < ▸+1`, "a number"},
		{"a number without a whole part", `state.a.b.c < ▸.5`, "a number"},
		{"a number without decimals", `state.a.b.c < ▸5.`, "a number"},
		{"a number with a zero before it", `state.a.b.c < ▸020`, "a number"},
		{"a number in hexadecimal", `state.a.b.c < ▸0x20`, "a number"},
		{"a number with underscores", `state.a.b.c < ▸1_000`, "a number"},
		{"a number in other digits", `state.a.b.c < ▸٣`, "a number"},
		{"a number with a unit", `state.a.b.c < ▸20ms`, "a number"},
		{"a number with space in it", `state.a.b.c < ▸- 1`, "a number"},
		{"a percentage", `state.a.b.c < 20▸%`, `"and", "or" or the end`},
		{"a number with a comma", `state.a.b.c < 1▸,5`, `"and", "or" or the end`},
		{"NaN", `state.a.b.c < ▸NaN`, "a number"},
		{"infinity", `state.a.b.c < ▸-Infinity`, "a number"},
		{"a number that is too great", `state.a.b.c < ▸1e309`, "finite"},
		{"a number to be that is too great", `state.a.b.c == ▸-1e309`, "finite"},
		{"nothing to be", `state.a.b.c ==▸`, "a string in double quotes, a number"},
		{"a word to be", `state.a.b.c == ▸page`, "a string in double quotes, a number"},
		{"True", `state.a.b.c == ▸True`, "a string in double quotes, a number"},
		{"a list to be", `state.a.b.c == ▸[1]`, "a string in double quotes, a number"},
		{"single quotes", `state.a.b.c == ▸'page'`, "a string in double quotes, a number"},
		{"a string that stays open", `state.a.b.c == "page▸`, "ends the string"},
		{"a string with half a pair", `state.a.b.c == "▸\ud800"`, "escape"},
		{"a string with a line break", "state.a.b.c == \"é▸\n\"", `\u000a`},
		{"a string with a byte that is not UTF-8", "state.a.b.c == \"é▸\xff\"", "UTF-8"},
		{"a byte that is not UTF-8", "state.a.b.c < 1 ▸\xff", `"and"`},
		{"a NUL", "state.a.b.c < 1▸\x00", `"and"`},
		{"between from above", `5 ▸> state.a.b.c > 1`, `"<" and a path`},
		{"between with <=", `1 ▸<= state.a.b.c < 5`, `"<" and a path`},
		{"between without a path", `1 < ▸2`, `"state."`},
		{"between without an end", `1 < state.a.b.c▸`, `"<" and a number`},
		{"between to both sides", `1 < state.a.b.c ▸> 5`, `"<" and a number`},
		{"between with words", `1 < state.a.b.c < ▸five`, "a number"},
		{"between from the greater to the lesser", `5 < state.a.b.c < ▸1`, "more than 5"},
		{"between equal numbers", `5 < state.a.b.c < ▸5.0`, "more than 5"},
		{"between what is no number", `▸5x < state.a.b.c < 6`, "a number"},
		{"a number alone", `1▸`, `"<" and a path`},
		{"and at the end", `state.a.b.c < 1 and▸`, "a condition"},
		{"and at the beginning", `▸and state.a.b.c < 1`, "a condition"},
		{"and twice", `state.a.b.c < 1 and ▸and state.a.b.c < 1`, "a condition"},
		{"nothing between two", `state.a.b.c < 1 ▸state.a.b.c < 1`, `"and", "or" or the end`},
		{"or at the end", `state.a.b.c < 1 or ▸`, "a condition"},
		{"not alone", `not▸`, "a condition"},
		{"not twice", `not ▸not state.a.b.c < 1`, "a condition"},
		{"not without space", `▸notstate.a.b.c < 1`, "a condition"},
		{"not after", `state.a.b.c ▸not < 1`, `"<", ">" or "=="`},
		{"parentheses around nothing", `(▸)`, "a condition"},
		{"a parenthesis that stays open", `(state.a.b.c < 1▸`, `"and", "or" or ")"`},
		{"a parenthesis too many", `(state.a.b.c < 1)▸)`, `"and", "or" or the end`},
		{"a bracket for a parenthesis", `(state.a.b.c < 1▸]`, `"and", "or" or ")"`},
		{"a parenthesis around a path", `(state.a.b.c▸) < 1`, `"<", ">" or "=="`},
		{"for without a length", `state.a.b.c < 1 for▸`, "a length"},
		{"for a word", `state.a.b.c < 1 for ▸ever`, "a length"},
		{"for a number", `state.a.b.c < 1 for 10▸`, `"d" or "h" or "m" or "s"`},
		{"for a length that ends in a number", `state.a.b.c < 1 for 1h30▸`, `"m" or "s"`},
		{"for a unit that there is not", `state.a.b.c < 1 for 10▸w`, `"d" or "h" or "m" or "s"`},
		{"for milliseconds", `state.a.b.c < 1 for 10m▸s`, "a length"},
		{"for a word as a unit", `state.a.b.c < 1 for 10m▸in`, "a length"},
		{"for a unit in capitals", `state.a.b.c < 1 for 10▸M`, "the unit"},
		{"for units that rise", `state.a.b.c < 1 for 10m1▸h`, `"s"`},
		{"for one unit twice", `state.a.b.c < 1 for 10m10▸m`, `"s"`},
		{"for something after seconds", `state.a.b.c < 1 for 10s▸1s`, "the end of the length"},
		{"for space in a length", `state.a.b.c < 1 for 1h ▸30m`, `"and", "or" or the end`},
		{"for space before the unit", `state.a.b.c < 1 for 10▸ m`, "the unit"},
		{"for a fraction of an hour", `state.a.b.c < 1 for 1.5▸h`, `"s"`},
		{"for seven decimals", `state.a.b.c < 1 for 1.▸0000001s`, "one to six decimals"},
		{"for a point without decimals", `state.a.b.c < 1 for 1.▸s`, "one to six decimals"},
		{"for a point without a whole part", `state.a.b.c < 1 for ▸.5s`, "a length"},
		{"for a negative length", `state.a.b.c < 1 for ▸-5m`, "a length"},
		{"for no time", `state.a.b.c < 1 for ▸0s`, "more than 0"},
		{"for too many days", `state.a.b.c < 1 for ▸3651d`, "at most 3650d"},
		{"for too many seconds", `state.a.b.c < 1 for 1d▸99999999999999999999s`, "at most 3650d"},
		{"for a sum that is too great", `state.a.b.c < 1 for ▸3650d0.000001s`, "at most 3650d"},
		{"for twice", `state.a.b.c < 1 for 10m ▸for 10m`, `"and", "or" or the end`},
		{"for without a space", `state.a.b.c < 1 for 10m▸rearm 5`, "a length"},
		{"for without a condition", `▸for 10m`, "a condition"},
		{"rearm without a number", `state.a.b.c < 1 rearm▸`, "a number"},
		{"rearm before for", `state.a.b.c < 1 rearm 5 ▸for 10m`, `"for" before "rearm"`},
		{"rearm on the true side of <", `state.a.b.c < 20 rearm ▸19`, "20 or more"},
		{"rearm on the true side of >", `state.a.b.c > 20 for 1m rearm ▸21`, "20 or less"},
		{"rearm at what is not finite", `state.a.b.c > 20 rearm ▸-1e999`, "finite"},
		{"rearm after not", `not state.a.b.c < 20 ▸rearm 25`, "rearm only after"},
		{"rearm after between", `1 < state.a.b.c < 20 ▸rearm 25`, "rearm only after"},
		{"rearm after ==", `state.a.b.c == 20 for 1s ▸rearm 25`, "rearm only after"},
		{"rearm after and", `(state.a.b.c < 20 and state.a.b.c < 20) ▸rearm 25`, "rearm only after"},
		{"rearm after a second for", `(state.a.b.c < 20 for 1s) for 1s ▸rearm 25`, "rearm only after"},
		{"rearm twice", `(state.a.b.c < 20 rearm 25) ▸rearm 25`, "one rearm"},
		{"a slip after wide characters", `state.größe["京都 😀"].x < ▸é`, "a number"},
		{"a slip on a later line", "state.a.b.c < 1\nand state.a.b.c < ▸x", "a number"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before, after, marked := strings.Cut(tt.text, "▸")
			if !marked {
				t.Fatal("no mark")
			}
			text := before + after
			c, err := entity.ParseCondition(text)
			checkSyntaxError(t, err, text, utf8.RuneCountInString(before)+1, tt.want)
			if c.Validate() == nil {
				t.Errorf("got %s beside the error", c)
			}
		})
	}
}

func TestParseConditionHasLimits(t *testing.T) {
	const x = pa + " < 1"
	repeat := func(n int, part, between string) string {
		return strings.TrimSuffix(strings.Repeat(part+between, n), between)
	}
	nest := func(n int, before, inner, behind string) string {
		return strings.Repeat(before, n) + inner + strings.Repeat(behind, n)
	}
	tests := []struct {
		name, text string
		want       string // "": it is valid
	}{
		{"999 comparisons in an or", repeat(999, x, " or "), ""},
		{"1000 comparisons in an or", repeat(1000, x, " or "), "at most 1000 parts"},
		{"a million comparisons in an and", repeat(1_000_000, x, " and "), "at most 1000 parts"},
		{"499 pairs in an or", repeat(333, x+" and "+x, " or "), ""},
		{"334 pairs in an or", repeat(334, x+" and "+x, " or "), "at most 1000 parts"},
		{"pairs that are taken in", repeat(499, "("+x+" or "+x+")", " or ") + " or " + x, ""},
		{"pairs that are taken in, one too many", repeat(500, "("+x+" or "+x+")", " or "), "at most 1000 parts"},
		{"a not too many", "not (" + repeat(999, x, " or ") + ")", "at most 1000"},
		{"100 parentheses", nest(100, "(", x, ")"), ""},
		{"101 parentheses", nest(101, "(", x, ")"), "at most 100 open parentheses"},
		{"a million parentheses", nest(1_000_000, "(", x, ")"), "at most 100 open parentheses"},
		{"100 parentheses, closed and opened again", nest(100, "(", x, ")") + " and " + nest(100, "(", x, ")"), ""},
		{"99 nots", nest(98, "not (", "not "+x, ")"), ""},
		{"100 nots", nest(99, "not (", "not "+x, ")"), "at most 100"},
		{"100 fors", nest(99, "(", x+" for 1s", ") for 1s"), ""},
		{"101 fors", nest(100, "(", x+" for 1s", ") for 1s"), "at most 100 deep"},
		{"three levels for each parenthesis", nest(40, "not ("+x+" and ", x, " or "+x+")"), "at most 100 deep"},
		{"a million nots", strings.Repeat("not ", 1_000_000), "a condition"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := entity.ParseCondition(tt.text)
			if tt.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				if back, err := entity.ParseCondition(c.String()); err != nil || !entity.SameTree(back, c) {
					t.Errorf("its text does not parse back: %v", err)
				}
				return
			}
			if !errors.Is(err, entity.ErrInvalid) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want ErrInvalid that says %q", err, tt.want)
			}
		})
	}
}

func TestSyntaxErrorShowsThePlace(t *testing.T) {
	long := strings.Repeat("state.a.b.c < 1 and ", 50)
	tests := []struct {
		name string
		err  *entity.SyntaxError
		want string
	}{
		{"in the middle", &entity.SyntaxError{Text: "state.a.b.c < x for 5m", Column: 15, Want: "a number"},
			"entity: invalid: column 15: want a number, not `x for 5m` after `state.a.b.c < `"},
		{"at the end", &entity.SyntaxError{Text: "state.a.b.c <", Column: 14, Want: "a number"},
			"entity: invalid: column 14: want a number, not the end after `state.a.b.c <`"},
		{"at the beginning", &entity.SyntaxError{Text: "x", Column: 1, Want: "a path"}, "entity: invalid: column 1: want a path, not `x`"},
		{"of an empty text", &entity.SyntaxError{Column: 1, Want: "a path"}, "entity: invalid: column 1: want a path, not the end"},
		{"of a long text", &entity.SyntaxError{Text: long + "x " + long, Column: 1001, Want: "a path"},
			"entity: invalid: column 1001: want a path, " +
				"not `x state.a.b.c < 1 and state.a.b.`... after ...`b.c < 1 and state.a.b.c < 1 and `"},
		{"with characters that do not print", &entity.SyntaxError{Text: "a\n\xffé", Column: 3, Want: "a path"},
			"entity: invalid: column 3: want a path, not \"\\xffé\" after \"a\\n\""},
		{"of a column that is none", &entity.SyntaxError{Text: "abc", Column: -7, Want: "a path"},
			"entity: invalid: column -7: want a path, not `abc`"},
		{"of a column that is too great", &entity.SyntaxError{Text: "abc", Column: 99, Want: "a path"},
			"entity: invalid: column 99: want a path, not the end after `abc`"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.err.Error(); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if !errors.Is(tt.err, entity.ErrInvalid) {
				t.Error("it is not ErrInvalid")
			}
		})
	}
}
