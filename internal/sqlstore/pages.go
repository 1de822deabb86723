package sqlstore

import (
	"iter"
	"slices"
)

// Pages makes a listing of pages, which are read one at a time, so that no connection is held while the consumer works.
// next returns the page after a row, the first one after nil; one of less than size rows is the last.
func Pages[T any](size int, next func(after *T) ([]T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var last *T
		for {
			page, err := next(last)
			if err != nil {
				yield(*new(T), err)
				return
			}
			for i := range page {
				if !yield(page[i], nil) {
					return
				}
			}
			if len(page) < size {
				return
			}
			last = &page[len(page)-1]
		}
	}
}

// Listing yields what read returns, which is called each time that the listing is taken.
func Listing[T any](read func() ([]T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		list, err := read()
		if err != nil {
			yield(*new(T), err)
			return
		}
		for i := range list {
			if !yield(list[i], nil) {
				return
			}
		}
	}
}

// Failing is a listing that only says what went wrong.
func Failing[T any](err error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) { yield(*new(T), err) }
}

// Distinct returns keys in their order, each once, in a slice of their own.
func Distinct(keys []string) []string { return slices.Compact(slices.Sorted(slices.Values(keys))) }
