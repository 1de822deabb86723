package entity

import (
	"reflect"
	"testing"
)

// BenchmarkCompare compares two equal states of six fields, beside == on the structs.
func BenchmarkCompare(b *testing.B) {
	type order struct {
		Customer string
		Status   string
		Items    int
		Total    float64
		Paid     bool
		Revision int64
	}
	s, err := shapeOf(reflect.TypeFor[order]())
	if err != nil {
		b.Fatal(err)
	}
	prev := &order{"customer-1", "open", 3, 42.5, true, 7}
	next := &order{"customer-1", "open", 3, 42.5, true, 7}
	b.Run("fields", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if s.diff(prev, next) != (fieldSet{}) {
				b.Fatal("they differ")
			}
		}
	})
	b.Run("structs", func(b *testing.B) {
		for b.Loop() {
			if *prev != *next {
				b.Fatal("they differ")
			}
		}
	})
}
