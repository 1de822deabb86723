package main

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// root is the module at the top of the repository; the nested ones lie below it.
const root = "github.com/slokeep/slokeep"

// goVersion is what every go.mod says: users get the oldest Go that we test with, not the newest we happen to run.
const goVersion = "1.26.0"

// A pkg is what `go list -json` says of one package. Deps are all that its non-test files reach.
type pkg struct {
	ImportPath   string
	Imports      []string
	TestImports  []string
	XTestImports []string
	Deps         []string
}

// A modFile is what `go mod edit -json` says of one go.mod.
type modFile struct {
	Module    struct{ Path string }
	Go        string
	Toolchain string
	Require   []requirement
}

type requirement struct {
	Path     string
	Indirect bool
}

// The parts of the house. A package belongs to the part that its path falls in, however deep it lies.
const (
	slo, streak, entity, cache = "slo", "streak", "entity", "cache"
	storage                    = "storage"
	engine                     = "slo/engine"
	adapter                    = "a storage adapter"
	examples                   = "examples"
	other                      = "other" // the page at the root, internal
)

// mayReach says which parts a part may reach in non-test code, through any number of steps. A part that is no key of it
// may reach all but the examples.
var mayReach = map[string][]string{
	slo:     {slo, other},
	streak:  {streak, other},
	entity:  {entity, other},
	cache:   {cache, other},
	storage: {slo, streak, entity, cache, storage, other},
	engine:  {slo, streak, entity, cache, storage, engine, other},
	adapter: {slo, streak, entity, cache, storage, adapter, other},
}

// impure are the packages of the standard library that slo and streak, and what they import of ours, keep away from,
// with all that lies below them.
var impure = []string{"context", "net", "os", "log", "sync"}

// mayRequire are the modules that the root go.mod may name. What they need themselves is marked indirect there.
var mayRequire = []string{"golang.org/x/sync", "github.com/google/go-cmp", "github.com/stretchr/testify"}

// part returns the part of the house that a package of ours belongs to, and false for anybody else's.
func part(importPath string) (string, bool) {
	if !within(importPath, root) {
		return "", false
	}
	rel := strings.TrimPrefix(strings.TrimPrefix(importPath, root), "/")
	switch {
	case within(rel, engine):
		return engine, true
	case within(rel, storage+"/storagetest"):
		return storage, true
	case strings.HasPrefix(rel, storage+"/"):
		return adapter, true
	}
	top, _, _ := strings.Cut(rel, "/")
	if slices.Contains([]string{slo, streak, entity, cache, storage, examples}, top) {
		return top, true
	}
	return other, true
}

// within reports whether path is dir or lies below it.
func within(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, dir+"/")
}

// checkImports checks that imports point one way only and that the pure packages stay pure.
func checkImports(pkgs []pkg) []string {
	var broken []string
	byPath := make(map[string]pkg, len(pkgs))
	for _, p := range pkgs {
		byPath[p.ImportPath] = p
	}
	for _, p := range pkgs {
		from, ours := part(p.ImportPath)
		if !ours {
			continue
		}
		for _, dep := range p.Deps {
			to, ours := part(dep)
			if allowed, ok := mayReach[from]; ours && ok && !slices.Contains(allowed, to) {
				broken = append(broken, fmt.Sprintf("%s reaches %s: %s may not reach %s", p.ImportPath, dep, from, to))
			}
		}
		for _, imp := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			if to, _ := part(imp); to == examples && from != examples {
				broken = append(broken, fmt.Sprintf("%s imports %s: nothing imports the examples", p.ImportPath, imp))
			}
		}
		if from == slo || from == streak {
			broken = append(broken, impurities(p, byPath)...)
		}
	}
	return broken
}

// impurities looks at p and at all of ours that it reaches: an impure helper would make p impure too. It looks at
// direct imports only, since package time itself needs sync.
func impurities(p pkg, byPath map[string]pkg) []string {
	var broken []string
	for _, by := range append([]string{p.ImportPath}, p.Deps...) {
		for _, imp := range byPath[by].Imports {
			if slices.ContainsFunc(impure, func(dir string) bool { return within(imp, dir) }) {
				broken = append(broken, fmt.Sprintf("%s imports %s, and %s is pure", by, imp, p.ImportPath))
			}
		}
	}
	return broken
}

// checkDeps checks that no program which uses slokeep has package testing or testify linked into it. Packages whose
// name ends in test are for users' tests; the examples are programs of their own.
func checkDeps(pkgs []pkg) []string {
	var broken []string
	for _, p := range pkgs {
		from, ours := part(p.ImportPath)
		if !ours || from == examples || strings.HasSuffix(path.Base(p.ImportPath), "test") {
			continue
		}
		for _, dep := range p.Deps {
			if within(dep, "testing") || within(dep, "github.com/stretchr/testify") {
				broken = append(broken, fmt.Sprintf("%s reaches %s outside its tests", p.ImportPath, dep))
			}
		}
	}
	return broken
}

// checkRequires checks one go.mod: the version of Go, no toolchain, and in the root's what it may require.
func checkRequires(m modFile) []string {
	var broken []string
	if m.Go != goVersion {
		broken = append(broken, fmt.Sprintf("%s: go %s: want go %s", m.Module.Path, m.Go, goVersion))
	}
	if m.Toolchain != "" {
		broken = append(broken, fmt.Sprintf("%s: toolchain %s: want no toolchain line", m.Module.Path, m.Toolchain))
	}
	for _, r := range m.Require {
		if m.Module.Path == root && !r.Indirect && !slices.Contains(mayRequire, r.Path) {
			broken = append(broken, fmt.Sprintf("%s requires %s: want only %s", root, r.Path, strings.Join(mayRequire, ", ")))
		}
	}
	return broken
}
