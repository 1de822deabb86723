package entity_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/slokeep/slokeep/entity"
)

// A fault is something that goes wrong in one call. It gets a world in which "a" is known and open, or not known yet.
type fault struct {
	name  string
	call  func(w *writeWorld[Order], ctx context.Context) error
	want  error    // what the error matches
	texts []string // what it says
}

func mutate(id string, write func(context.Context) error) func(*writeWorld[Order], context.Context) error {
	return func(w *writeWorld[Order], ctx context.Context) error {
		_, err := w.h.Mutate(ctx, id, write, nil)
		return err
	}
}

func nothing(context.Context) error { return nil }

var errPanic = errors.New("thrown")

// ill is a Mutate during which read does something else.
func ill(read func(ctx context.Context, ids []string, found func(string, Order)) error) func(*writeWorld[Order], context.Context) error {
	return func(w *writeWorld[Order], ctx context.Context) error {
		w.sick = read
		defer func() { w.sick = nil }()
		return mutate("a", nothing)(w, ctx)
	}
}

func faults() []fault {
	long := strings.Repeat("x", 257)
	list := []fault{
		{"a nil write", mutate("a", nil), entity.ErrInvalid, []string{`write "nil"`, "want a function"}},
		{"a write that returns an error", mutate("a", func(context.Context) error { return errHost }), errHost, nil},
		{"a write that panics", mutate("a", func(context.Context) error { panic("oh") }), nil, []string{"write of thing", "panic: oh"}},
		{"a write that panics with an error", mutate("a", func(context.Context) error { panic(errPanic) }), errPanic, []string{"write of thing"}},
		{"a context that has ended", func(w *writeWorld[Order], ctx context.Context) error {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			return mutate("a", func(context.Context) error { panic("the write ran") })(w, ctx)
		}, context.Canceled, nil},
		{"a context that ends during the write", func(w *writeWorld[Order], ctx context.Context) error {
			ctx, cancel := context.WithCancel(ctx)
			return mutate("a", func(context.Context) error {
				cancel()
				return w.set("a", order("late"))(ctx)
			})(w, ctx)
		}, context.Canceled, nil},
		{"a read that returns an error", ill(func(context.Context, []string, func(string, Order)) error { return errHost }),
			errHost, []string{"read of thing"}},
		{"a read that finds and returns an error", ill(func(_ context.Context, _ []string, found func(string, Order)) error {
			found("a", order("torn"))
			return errHost
		}), errHost, []string{"read of thing"}},
		{"a read that panics", ill(func(context.Context, []string, func(string, Order)) error { panic(errPanic) }),
			entity.ErrRead, []string{"thing", "panic: thrown"}},
		{"a read that finds what nobody asked for", ill(func(_ context.Context, _ []string, found func(string, Order)) error {
			found("b", order("whose"))
			return nil
		}), entity.ErrRead, []string{`"thing"`, `"b"`, "nobody asked for"}},
		{"a read that finds one twice", ill(func(_ context.Context, _ []string, found func(string, Order)) error {
			found("a", order("one"))
			found("a", order("two"))
			return nil
		}), entity.ErrRead, []string{`"thing"`, `"a" twice`}},
		{"a removal after which it is still found", func(w *writeWorld[Order], ctx context.Context) error {
			w.put("a", order("open"))
			_, err := w.h.Remove(ctx, "a", nothing, nil)
			return err
		}, entity.ErrRead, []string{`"thing"`, `"a"`, "after its removal"}},
		{"a nil write of a removal", func(w *writeWorld[Order], ctx context.Context) error {
			_, err := w.h.Remove(ctx, "a", nil, nil)
			return err
		}, entity.ErrInvalid, []string{`write "nil"`}},
		{"a nil write of several", func(w *writeWorld[Order], ctx context.Context) error {
			_, err := w.h.MutateMany(ctx, []string{"a", "b"}, nil, nil)
			return err
		}, entity.ErrInvalid, []string{`write "nil"`}},
		{"a text that is not UTF-8", func(w *writeWorld[Order], ctx context.Context) error {
			err := mutate("a", w.set("a", order("\xff")))(w, ctx)
			w.put("a", order("open"))
			return err
		}, entity.ErrInvalid, []string{"state of thing", "field status", `"\xff"`}},
	}
	for name, actor := range map[string]entity.Actor{
		"Type": {Type: long}, "ID": {ID: "\xff"}, "Name": {Name: "a\x00b"},
	} {
		list = append(list, fault{"an actor with a bad " + name, func(w *writeWorld[Order], ctx context.Context) error {
			_, err := w.h.Mutate(ctx, "a", nothing, &entity.MutateOptions{Actor: actor})
			return err
		}, entity.ErrInvalid, []string{"Actor." + name}})
	}
	for id, want := range map[string]string{
		"": "1 to 256 bytes", long: "(257 bytes): want 1 to 256", "\xff": "valid UTF-8", "a\x00b": "no NUL",
	} {
		for name, call := range map[string]func(w *writeWorld[Order], ctx context.Context) error{
			"Mutate": mutate(id, nothing),
			"Remove": func(w *writeWorld[Order], ctx context.Context) error {
				_, err := w.h.Remove(ctx, id, nothing, nil)
				return err
			},
			"MutateMany": func(w *writeWorld[Order], ctx context.Context) error {
				_, err := w.h.MutateMany(ctx, []string{"a", id}, nothing, nil)
				return err
			},
			"Refresh": func(w *writeWorld[Order], ctx context.Context) error { return w.h.Refresh(ctx, "a", id) },
			"Get": func(w *writeWorld[Order], ctx context.Context) error {
				_, err := w.h.Get(ctx, id)
				return err
			},
			"GetMany": func(w *writeWorld[Order], ctx context.Context) error {
				_, err := w.h.GetMany(ctx, []string{"a", id})
				return err
			},
			"Version": func(w *writeWorld[Order], ctx context.Context) error {
				_, err := w.h.Version(ctx, id)
				return err
			},
			"InStateSince": func(w *writeWorld[Order], ctx context.Context) error {
				_, _, err := w.h.InStateSince(ctx, id, "status")
				return err
			},
			"TransitionCount": func(w *writeWorld[Order], ctx context.Context) error {
				_, err := w.h.TransitionCount(ctx, id, "status", time.Hour)
				return err
			},
		} {
			list = append(list, fault{name + " of an id that wants " + want, call, entity.ErrInvalid, []string{"id ", want}})
		}
	}
	return list
}

func TestWhatGoesWrongIsNamedAndChangesNothing(t *testing.T) {
	for _, f := range faults() {
		for known, name := range map[bool]string{true: "known", false: "never seen"} {
			t.Run(f.name+", of an entity that is "+name, func(t *testing.T) {
				w := newWriteWorld[Order](t, nil, nil)
				if known {
					w.mutate("a", order("open"))
				}
				before, version := len(w.delivered()), w.version("a")
				err := f.call(w, t.Context())
				if err == nil || f.want != nil && !errors.Is(err, f.want) {
					t.Fatalf("got %v, want %v", err, f.want)
				}
				for _, text := range f.texts {
					if !strings.Contains(err.Error(), text) {
						t.Errorf("%q does not say %q", err, text)
					}
				}
				if p, ok := errors.AsType[*entity.PanicError](err); ok && !strings.Contains(string(p.Stack), "goroutine") {
					t.Errorf("a panic without a stack: %+v", p)
				}
				if strings.Contains(f.name, "panics") {
					if _, ok := errors.AsType[*entity.PanicError](err); !ok {
						t.Errorf("%v is no PanicError", err)
					}
				}
				if n, v := len(w.delivered()), w.version("a"); n != before || v != version {
					t.Errorf("%d changes were delivered; the version went from %d to %d", n-before, version, v)
				}
				if _, known, err := w.h.InStateSince(t.Context(), "a", "status"); known != (version > 0) || err != nil {
					t.Errorf("since when it is so is known: %t, %v", known, err)
				}
				// The next one works.
				if c := w.mutate("a", order("paid")); c.Version != version+1 {
					t.Errorf("the next change has version %d", c.Version)
				}
				if n := len(w.delivered()); n != before+1 {
					t.Errorf("the next write delivered %d changes", n-before)
				}
			})
		}
	}
}

// A function of the host's that ends its goroutine takes the caller with it, and leaves no lock and no trace behind.
func TestGoexitOfTheHostsFunctions(t *testing.T) {
	for name, call := range map[string]func(w *writeWorld[Order], ctx context.Context) error{
		"write": mutate("a", func(context.Context) error { runtime.Goexit(); return nil }),
		"an inner write": func(w *writeWorld[Order], ctx context.Context) error {
			return mutate("b", func(ctx context.Context) error {
				return mutate("a", func(context.Context) error { runtime.Goexit(); return nil })(w, ctx)
			})(w, ctx)
		},
		"read":   ill(func(context.Context, []string, func(string, Order)) error { runtime.Goexit(); return nil }),
		"redact": mutate("a", func(context.Context) error { return nil }),
	} {
		t.Run(name, func(t *testing.T) {
			exit := name == "redact"
			w := newWriteWorld(t, nil, &entity.KindOptions[Order]{Redact: func(context.Context, *Order) error {
				if exit {
					runtime.Goexit()
				}
				return nil
			}})
			w.put("a", order("open"))
			done := make(chan struct{})
			go func() {
				defer close(done)
				err := call(w, t.Context())
				t.Errorf("the call returned: %v", err)
			}()
			<-done
			w.sick, exit = nil, false
			if n := len(w.delivered()); n != 0 {
				t.Errorf("%d changes were delivered", n)
			}
			if c := w.mutate("a", order("paid")); c.Version != 1 {
				t.Errorf("the next change is %s", inLine(c))
			}
		})
	}
}

func TestCallsAfterCloseAreRefused(t *testing.T) {
	w := newWriteWorld[Order](t, nil, nil)
	w.mutate("a", order("open"))
	if err := w.reg.Close(); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	for name, call := range map[string]func() error{
		"Mutate":             func() error { return mutate("a", func(context.Context) error { panic("the write ran") })(w, ctx) },
		"Remove":             func() error { _, err := w.h.Remove(ctx, "a", nothing, nil); return err },
		"MutateMany":         func() error { _, err := w.h.MutateMany(ctx, []string{"a"}, nothing, nil); return err },
		"MutateMany of none": func() error { _, err := w.h.MutateMany(ctx, nil, nothing, nil); return err },
		"Refresh":            func() error { return w.h.Refresh(ctx, "a") },
		"Refresh of none":    func() error { return w.h.Refresh(ctx) },
		"WithWrite":          func() error { return entity.WithWrite(ctx, w.h, "a", nothing) },
		"Get":                func() error { _, err := w.h.Get(ctx, "a"); return err },
		"GetMany":            func() error { _, err := w.h.GetMany(ctx, []string{"a"}); return err },
		"GetMany of none":    func() error { _, err := w.h.GetMany(ctx, nil); return err },
		"Version":            func() error { _, err := w.h.Version(ctx, "a"); return err },
		"InStateSince":       func() error { _, _, err := w.h.InStateSince(ctx, "a", "status"); return err },
		"InStateFor":         func() error { _, _, err := w.h.InStateFor(ctx, "a", "status"); return err },
		"TransitionCount":    func() error { _, err := w.h.TransitionCount(ctx, "a", "status", 0); return err },
		"Define":             func() error { _, err := entity.Define(w.reg, "other", w.read, nil); return err },
		"Derive":             func() error { return w.h.Derive(func(_, _ *Order) []string { return nil }) },
		"DeclareNonReactive": func() error { return w.reg.DeclareNonReactive("t", entity.Bookkeeping, "") },
		"OnEvent": func() error {
			_, err := w.reg.OnEvent("e", func(context.Context, entity.Event) error { return nil }, nil)
			return err
		},
		"OnChange": func() error {
			_, err := w.h.OnChange(func(context.Context, entity.Typed[Order]) error { return nil }, nil)
			return err
		},
	} {
		if err := call(); !errors.Is(err, entity.ErrClosed) {
			t.Errorf("%s: got %v, want ErrClosed", name, err)
		}
	}
}
