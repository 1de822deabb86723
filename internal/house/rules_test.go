package main

import (
	"slices"
	"strings"
	"testing"
)

// tree makes the packages of a house from lines "path: import import ...", where ~ stands for the root module. Imports
// of paths that are no line are taken as they are. Deps are worked out as the go command does.
func tree(lines ...string) []pkg {
	direct := map[string][]string{}
	var order []string
	for _, line := range lines {
		path, imports, _ := strings.Cut(strings.ReplaceAll(line, "~", root), ":")
		direct[path] = strings.Fields(imports)
		order = append(order, path)
	}
	var reach func(path string, seen []string) []string
	reach = func(path string, seen []string) []string {
		for _, imp := range direct[path] {
			if !slices.Contains(seen, imp) {
				seen = reach(imp, append(seen, imp))
			}
		}
		return seen
	}
	var pkgs []pkg
	for _, path := range order {
		pkgs = append(pkgs, pkg{ImportPath: path, Imports: direct[path], Deps: reach(path, nil)})
	}
	return pkgs
}

// wholeHouse is every package that is planned, with all the imports that the rules allow.
var wholeHouse = tree(
	"~:",
	"~/slo: time math/bits iter ~/internal/pure",
	"~/streak: time slices",
	"~/entity: context sync log/slog",
	"~/entity/entitytest: ~/entity testing github.com/stretchr/testify/require",
	"~/entity/simclock: sync time",
	"~/entity/natsbus: ~/entity github.com/nats-io/nats.go",
	"~/cache: context sync",
	"~/cache/cachetest: ~/cache testing/synctest",
	"~/cache/redis: ~/cache net",
	"~/storage: ~/slo ~/streak ~/entity ~/cache context",
	"~/storage/storagetest: ~/storage testing",
	"~/storage/memory: ~/storage sync",
	"~/storage/postgres: ~/storage ~/storage/postgres/internal/rows net",
	"~/storage/postgres/internal/rows: ~/slo",
	"~/slo/engine: ~/slo ~/streak ~/entity ~/cache ~/storage golang.org/x/sync/errgroup log/slog",
	"~/internal/pure: math",
	"~/examples/cluster: ~/slo/engine ~/storage/postgres os testing ~/examples/internal/flags",
	"~/examples/internal/flags: flag",
)

func TestWholeHouseIsAllowed(t *testing.T) {
	if got := append(checkImports(wholeHouse), checkDeps(wholeHouse)...); len(got) > 0 {
		t.Errorf("broken rules in a house that keeps them all:\n%s", strings.Join(got, "\n"))
	}
}

func TestImportDirectionCanFail(t *testing.T) {
	for _, c := range []struct {
		name, want string
		pkgs       []pkg
	}{
		{"a package of floor 1 imports another", "~/slo reaches ~/streak", tree("~/slo: ~/streak", "~/streak:")},
		{"a package below one of floor 1 imports another", "~/entity/simclock reaches ~/cache",
			tree("~/entity/simclock: ~/cache")},
		{"a package of floor 1 reaches another by a detour", "~/cache reaches ~/entity",
			tree("~/cache: ~/internal/x", "~/internal/x: ~/entity")},
		{"slo imports its engine", "~/slo reaches ~/slo/engine", tree("~/slo: ~/slo/engine")},
		{"entity imports storage", "~/entity reaches ~/storage", tree("~/entity: ~/storage")},
		{"storage imports the engine", "~/storage reaches ~/slo/engine", tree("~/storage: ~/slo/engine")},
		{"storage imports an adapter", "~/storage reaches ~/storage/memory", tree("~/storage: ~/storage/memory")},
		{"the suite imports an adapter", "~/storage/storagetest reaches ~/storage/memory",
			tree("~/storage/storagetest: ~/storage/memory")},
		{"the engine imports an adapter", "~/slo/engine reaches ~/storage/sqlite",
			tree("~/slo/engine: ~/storage/sqlite")},
		{"the engine imports an adapter that is new", "~/slo/engine reaches ~/storage/mysql",
			tree("~/slo/engine: ~/storage/mysql")},
		{"an adapter imports the engine", "~/storage/postgres reaches ~/slo/engine",
			tree("~/storage/postgres: ~/slo/engine")},
		{"something imports an example", "~/internal/x imports ~/examples/quickstart",
			tree("~/internal/x: ~/examples/quickstart")},
		{"a test imports an example", "~/slo imports ~/examples/quickstart",
			[]pkg{{ImportPath: root + "/slo", XTestImports: []string{root + "/examples/quickstart"}}}},
		{"slo imports context", "~/slo imports context", tree("~/slo: context")},
		{"slo imports something below net", "~/slo imports net/http", tree("~/slo: net/http")},
		{"streak imports something below sync", "~/streak imports sync/atomic", tree("~/streak: sync/atomic")},
		{"a package below slo imports os", "~/slo/x imports os", tree("~/slo/x: os")},
		{"a helper of slo imports log", "~/internal/x imports log", tree("~/slo: ~/internal/x", "~/internal/x: log")},
	} {
		t.Run(c.name, func(t *testing.T) { wantBroken(t, checkImports(c.pkgs), c.want) })
	}
}

func TestDependencyRulesCanFail(t *testing.T) {
	for _, c := range []struct {
		name, want string
		pkgs       []pkg
	}{
		{"code imports testing", "~/entity reaches testing", tree("~/entity: testing")},
		{"code imports something below testing", "~/cache reaches testing/fstest", tree("~/cache: testing/fstest")},
		{"code reaches testify by a detour", "~/storage reaches github.com/stretchr/testify/assert",
			tree("~/storage: example.org/x", "example.org/x: github.com/stretchr/testify/assert")},
		{"code imports a test package", "~/storage/memory reaches testing",
			tree("~/storage/memory: ~/storage/storagetest", "~/storage/storagetest: testing")},
	} {
		t.Run(c.name, func(t *testing.T) { wantBroken(t, checkDeps(c.pkgs), c.want) })
	}
}

func TestRequirementsCanFail(t *testing.T) {
	mod := func(path string, edit func(*modFile)) modFile {
		m := modFile{Go: goVersion}
		m.Module.Path = path
		m.Require = []requirement{{Path: mayRequire[0]}, {Path: "gopkg.in/yaml.v3", Indirect: true}}
		edit(&m)
		return m
	}
	require := func(m *modFile) { m.Require = append(m.Require, requirement{Path: "example.org/x"}) }
	for _, m := range []modFile{mod(root, func(*modFile) {}), mod(root+"/storage/postgres", require)} {
		if got := checkRequires(m); len(got) > 0 {
			t.Errorf("%s: broken rules in a good go.mod: %q", m.Module.Path, got)
		}
	}
	wantBroken(t, checkRequires(mod(root, require)), "~ requires example.org/x")
	wantBroken(t, checkRequires(mod(root, func(m *modFile) { m.Go = "1.27.0" })), "~: go 1.27.0")
	wantBroken(t, checkRequires(mod(root, func(m *modFile) { m.Toolchain = "go1.26.8" })), "~: toolchain go1.26.8")
}

// wantBroken wants one broken rule among got that begins with want.
func wantBroken(t *testing.T, got []string, want string) {
	t.Helper()
	want = strings.ReplaceAll(want, "~", root)
	if !slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, want) }) {
		t.Errorf("got %q, want one that begins with %q", got, want)
	}
}
