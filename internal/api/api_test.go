package main

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"testing"
)

const source = `package p

import "time"

type Unit uint8

const (
	Day Unit = iota + 1
	Week
	hidden
)

const Share = 1.0 / 3

var ErrBad error

type Plain struct {
	ID   string
	At   time.Time
	note string
}

type Mixed struct {
	Plain
	Labels map[string]string
}

func (p Plain) String() string         { return p.note }
func (p *Plain) Set(id string)         { p.ID = id }
func (p Plain) hidden()                {}
func (u Unit) Next(n int) (Unit, bool) { return u, true }

type Log interface {
	Close() error
	sealed()
}

type Number interface{ ~int | ~int64 }

type Scope[K comparable, V any] struct{ load func(K) V }

func (s *Scope[K, V]) Get(key K) V { return s.load(key) }

type Func func(at time.Time) error

type Old = Plain

func New(id string, more ...Unit) (*Plain, error) { return nil, nil }
func Max[N Number](a, b N) N                      { return a }
`

const want = `const Day Unit = 1
const Share untyped float = 1/3
const Week Unit = 2
func Max[N Number](a N, b N) N
func New(id string, more ...Unit) (*Plain, error)
method (*Mixed) Set(id string)
method (*Plain) Set(id string)
method (*Scope[K comparable, V any]) Get(key K) V
method (Mixed) String() string
method (Plain) String() string
method (Unit) Next(n int) (Unit, bool)
type Func func(at time.Time) error
type Log interface
type Log, method Close() error
type Log, method sealed unexported: nobody else can implement it
type Mixed (not comparable) struct
type Mixed, embeds Plain
type Mixed, field Labels map[string]string
type Number interface{~int | ~int64}
type Old = Plain
type Plain struct
type Plain, field At time.Time
type Plain, field ID string
type Scope[K comparable, V any] (not comparable) struct
type Unit uint8
var ErrBad error
`

func TestDescribeWritesOneLineForEachDeclaration(t *testing.T) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "p.go", source, 0)
	if err != nil {
		t.Fatal(err)
	}
	conf := types.Config{Importer: importer.Default()}
	p, err := conf.Check("example.org/p", fset, []*ast.File{file}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := describe(p); got != want {
		t.Errorf("got\n%s\nwant\n%s\ndifference\n%s", got, want,
			diff(map[string]string{"p": want}, map[string]string{"p": got}))
	}
}

func TestDescribeIsEmptyWhereNothingIsExported(t *testing.T) {
	if got := describe(types.NewPackage("example.org/p", "p")); got != "" {
		t.Errorf("got %q, want nothing", got)
	}
}

func TestDiffCanFail(t *testing.T) {
	then := map[string]string{"api/same.txt": "func A()\n", "api/gone.txt": "func B()\n", "api/changed.txt": "func C()\nfunc D()\n"}
	now := map[string]string{"api/same.txt": "func A()\n", "api/new.txt": "func E()\n", "api/changed.txt": "func C() error\nfunc D()\n"}
	want := `api/changed.txt
  - func C()
  + func C() error
api/gone.txt
  - func B()
api/new.txt
  + func E()
`
	if got := diff(then, now); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := diff(then, then); got != "" {
		t.Errorf("got %q for what is the same, want nothing", got)
	}
}

func TestRewriteLeavesExactlyTheFilesOfNow(t *testing.T) {
	t.Chdir(t.TempDir())
	if files, err := written(os.DirFS(".")); err != nil || len(files) > 0 {
		t.Fatalf("without a directory: got %v, %v, want no files and no error", files, err)
	}
	then := map[string]string{"api/gone.txt": "func B()\n"}
	now := map[string]string{"api/entity/entitytest.txt": "func E()\n"}
	for _, step := range []struct{ from, to map[string]string }{{nil, then}, {then, now}} {
		if err := rewrite(step.from, step.to); err != nil {
			t.Fatal(err)
		}
		got, err := written(os.DirFS("."))
		if err != nil {
			t.Fatal(err)
		}
		if d := diff(step.to, got); d != "" {
			t.Errorf("after rewrite:\n%s", d)
		}
	}
	if _, err := os.Stat(filepath.Join("api", "gone.txt")); err == nil {
		t.Error("the file of a package that is gone is still there")
	}
}

func TestPublicLeavesOutWhatUsersCannotImport(t *testing.T) {
	for path, want := range map[string]bool{
		root:                                true,
		root + "/slo":                       true,
		root + "/storage/postgres":          true,
		root + "/internal/house":            false,
		root + "/storage/sqlite/internal/x": false,
		root + "/examples/replay":           false,
		"github.com/slokeep/slokeepother":   false,
		"time":                              false,
	} {
		if got := public(path); got != want {
			t.Errorf("public(%q) = %t, want %t", path, got, want)
		}
	}
}
