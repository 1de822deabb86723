package entity_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/slokeep/slokeep/entity"
)

func TestPathHasOneTextAndIsReadBack(t *testing.T) {
	tests := []struct {
		name   string
		parts  []string
		text   string
		others []string // that are read as the same
	}{
		{"of bare parts", []string{"slo", "checkout", "down"}, `state.slo.checkout.down`,
			[]string{`state["slo"]["checkout"]["down"]`, `state.slo["checkout"].down`}},
		{"of a field in a field", []string{"order", "42", "customer", "address", "city"}, `state.order.42.customer.address.city`, nil},
		{"with ids as people give them", []string{"slo", "obj-1", "ent_99"}, `state.slo.obj-1.ent_99`, nil},
		{"with words of conditions", []string{"state", "and", "for", "not", "null"}, `state.state.and.for.not.null`, nil},
		{"with an id that is a number", []string{"slo", "-5", "1e3"}, `state.slo.-5.1e3`, nil},
		{"with letters and digits of other scripts", []string{"größe", "京都", "٣"}, `state.größe.京都.٣`, nil},
		{"with a dot", []string{"slo", "a.b", "target"}, `state.slo["a.b"].target`, []string{`state.slo["a\u002eb"].target`}},
		{"with space", []string{"slo", " a b ", "x"}, `state.slo[" a b "].x`, nil},
		{"with an ARN", []string{"slo", "arn:aws:sns:eu:1:x/y", "x"}, `state.slo["arn:aws:sns:eu:1:x/y"].x`, nil},
		{"with brackets and quotes", []string{"slo", `a["b"]`, "x"}, `state.slo["a[\"b\"]"].x`, nil},
		{"with a backslash", []string{"slo", `a\b`, "x"}, `state.slo["a\\b"].x`, nil},
		{"with control characters", []string{"slo", "\n\r\t\b\f\x1f", "x"}, `state.slo["\n\r\t\u0008\u000c\u001f"].x`,
			[]string{`state.slo["\u000a\u000D\t\b\f\u001F"].x`}},
		{"with a slash", []string{"slo", "/", "x"}, `state.slo["/"].x`, []string{`state.slo["\/"].x`}},
		{"with an emoji", []string{"slo", "😀", "x"}, `state.slo["😀"].x`, []string{`state.slo["\ud83d\uDE00"].x`}},
		{"with the replacement character", []string{"slo", "\ufffd", "x"}, "state.slo[\"\ufffd\"].x", []string{`state.slo["\ufffd"].x`}},
		{"with a mark that stands alone", []string{"slo", "e\u0301", "x"}, "state.slo[\"e\u0301\"].x", nil},
		{"of the longest parts", []string{strings.Repeat("k", 256), strings.Repeat("i", 256), strings.Repeat("f", 256)},
			"state." + strings.Repeat("k", 256) + "." + strings.Repeat("i", 256) + "." + strings.Repeat("f", 256), nil},
		{"with an id and a field that are blank", []string{"slo", " ", "\t"}, `state.slo[" "]["\t"]`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := entity.Path(tt.parts[0], tt.parts[1], tt.parts[2:]...); got != tt.text {
				t.Errorf("got %s, want %s", got, tt.text)
			}
			for _, text := range append(tt.others, tt.text) {
				kind, id, fields, err := entity.ParsePath(text)
				if got := append([]string{kind, id}, fields...); err != nil || !slices.Equal(got, tt.parts) {
					t.Errorf("%s is read as %q, %v; want %q", text, got, err, tt.parts)
				}
			}
		})
	}
}

func TestPathIsRefusedAtTheColumn(t *testing.T) {
	tests := []struct {
		name, text string
		column     int
		want       string // in the message
	}{
		{"that is empty", ``, 1, `"state."`},
		{"that begins with another word", `slo.checkout.down`, 1, `"state."`},
		{"that begins with a longer word", `states.slo.checkout.down`, 1, `"state."`},
		{"that begins with capitals", `State.slo.checkout.down`, 1, `"state."`},
		{"that begins with space", ` state.slo.checkout.down`, 1, `"state."`},
		{"without a kind", `state`, 6, "a kind"},
		{"without an id", `state.slo`, 10, "an id"},
		{"without a field", `state.slo.checkout`, 19, "a field"},
		{"with an empty kind", `state..checkout.down`, 7, "a kind"},
		{"with an empty id", `state.slo..down`, 11, "an id"},
		{"with an empty field", `state.slo.checkout.`, 20, "a field"},
		{"with an empty field in a field", `state.slo.checkout.down.`, 25, "a field"},
		{"with an empty kind in brackets", `state[""].checkout.down`, 7, "a kind"},
		{"with an empty id in brackets", `state.slo[""].down`, 11, "an id"},
		{"with an empty field in brackets", `state.slo.checkout[""]`, 20, "a field"},
		{"with a blank kind", `state[" "].checkout.down`, 7, "blank"},
		{"with a NUL in the kind", `state["a\u0000"].checkout.down`, 7, "NUL"},
		{"with a NUL in the id", `state.slo["a\u0000"].down`, 11, "NUL"},
		{"with a NUL in a field", `state.slo.a["\u0000"]`, 13, "NUL"},
		{"with a bare id that is too long", "state.slo." + strings.Repeat("x", 257) + ".down", 11, "256 bytes"},
		{"with a quoted id that is too long", `state.slo["` + strings.Repeat("é", 129) + `"].down`, 11, "256 bytes"},
		{"with an id that needs brackets", `state.slo.a/b.down`, 12, `a field, as in .name or ["any name"]`},
		{"with a field that needs brackets", `state.slo.a.a/b`, 14, "the end"},
		{"with space at the end", `state.slo.a.b `, 14, "the end"},
		{"with space before a dot", `state.slo .a.b`, 10, "an id"},
		{"with space after a dot", `state. slo.a.b`, 7, "a kind"},
		{"with a bare part in brackets", `state.slo[a].b`, 11, "double quotes"},
		{"with a part in single quotes", `state.slo['a'].b`, 11, "double quotes"},
		{"with a part in double quotes alone", `state.slo."a".b`, 11, "an id"},
		{"with a bracket that stays open", `state.slo["a".b`, 14, `"]"`},
		{"with a bracket that stays open at the end", `state.slo.a["b"`, 16, `"]"`},
		{"with space in brackets", `state.slo[ "a" ].b`, 11, "double quotes"},
		{"with a string that stays open", `state.slo["a`, 13, "double quote that ends"},
		{"with a string that ends in a backslash", `state.slo["a\`, 13, "escape"},
		{"with an escape that JSON does not have", `state.slo["a\x41"].b`, 13, "escape"},
		{"with an escape that is too short", `state.slo["a\u41"].b`, 13, "escape"},
		{"with an escape that is not hexadecimal", `state.slo["a\u00g0"].b`, 13, "escape"},
		{"with the first half of a pair", `state.slo["\ud83d"].b`, 12, "escape"},
		{"with the second half of a pair", `state.slo["\ude00"].b`, 12, "escape"},
		{"with two first halves of a pair", `state.slo["\ud83d\ud83d"].b`, 12, "escape"},
		{"with a line break in a string", "state.slo[\"a\nb\"].c", 13, `\u000a`},
		{"with a byte that is not UTF-8", "state.slo.a\xff.b", 12, "a field"},
		{"with a byte in a string that is not UTF-8", "state.slo[\"é\xff\"].b", 13, "UTF-8"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, _, _, err := entity.ParsePath(tt.text)
			checkSyntaxError(t, err, tt.text, tt.column, tt.want)
			if err := entity.Below(tt.text, 5).Validate(); !errors.Is(err, entity.ErrInvalid) {
				t.Errorf("a condition of it: got %v, want ErrInvalid", err)
			}
		})
	}
}

// checkSyntaxError expects an error at a column that says what would do.
func checkSyntaxError(t *testing.T, err error, text string, column int, want string) {
	t.Helper()
	if !errors.Is(err, entity.ErrInvalid) {
		t.Fatalf("got %v, want ErrInvalid", err)
	}
	at, ok := errors.AsType[*entity.SyntaxError](err)
	if !ok {
		t.Fatalf("got %#v, want a SyntaxError", err)
	}
	if at.Text != text || at.Column != column {
		t.Errorf("got column %d of %q, want %d of %q", at.Column, at.Text, column, text)
	}
	if !strings.Contains(at.Want, want) || !strings.Contains(err.Error(), at.Want) {
		t.Errorf("got %q, which wants %q; it is to say %q", err, at.Want, want)
	}
	if n := utf8.RuneCountInString(text); at.Column < 1 || at.Column > n+1 {
		t.Errorf("got column %d of %d characters", at.Column, n)
	}
}

func TestPathKeepsWhatItIsGivenOrIsRefused(t *testing.T) {
	tests := []struct {
		name  string
		parts []string
	}{
		{"where there is no field", []string{"slo", "checkout"}},
		{"where the kind is empty", []string{"", "checkout", "down"}},
		{"where the kind is blank", []string{" \t", "checkout", "down"}},
		{"where the id is empty", []string{"slo", "", "down"}},
		{"where a field is empty", []string{"slo", "checkout", "down", ""}},
		{"where the id has a NUL", []string{"slo", "a\x00", "down"}},
		{"where the id is not UTF-8", []string{"slo", "a\xff", "down"}},
		{"where a field ends in half a character", []string{"slo", "a", "é"[:1]}},
		{"where the id is too long", []string{"slo", strings.Repeat("x", 257), "down"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := entity.Path(tt.parts[0], tt.parts[1], tt.parts[2:]...)
			if err := entity.Above(text, 1).Validate(); !errors.Is(err, entity.ErrInvalid) {
				t.Errorf("%s: got %v, want ErrInvalid", text, err)
			}
		})
	}
}

func FuzzPath(f *testing.F) {
	for _, s := range []string{"", " ", "a", "obj-1", "a.b", `"`, `\`, "\x00", "\xff", "é", "e\u0301", "\u2028", "😀", "]", "\n"} {
		f.Add("slo", s, "x")
		f.Add(s, "id", s)
	}
	f.Fuzz(func(t *testing.T, kind, id, field string) {
		text := entity.Path(kind, id, field, id)
		gotKind, gotID, gotFields, err := entity.ParsePath(text)
		if err != nil {
			if fine(kind) && strings.TrimSpace(kind) != "" && fine(id) && fine(field) {
				t.Errorf("%q is refused: %v", text, err)
			}
			return
		}
		if gotKind != kind || gotID != id || !slices.Equal(gotFields, []string{field, id}) {
			t.Errorf("%q is read as %q %q %q", text, gotKind, gotID, gotFields)
		}
	})
}

func fine(part string) bool {
	return part != "" && len(part) <= 256 && utf8.ValidString(part) && !strings.Contains(part, "\x00")
}
