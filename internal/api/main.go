// Command api compares the public face of every package with the file that describes it: api/slo.txt for package slo,
// api/entity/entitytest.txt for entity/entitytest. What differs is printed, and the command exits with 1. A change that
// is meant is written down with -w, from the repository's root, and reviewed with the code that made it:
//
//	go run ./internal/api -w
//
// The examples, internal packages and packages that export nothing have no file.
package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

const (
	root = "github.com/slokeep/slokeep"
	dir  = "api" // where the files are, below the root
)

func main() {
	write := flag.Bool("w", false, "write the files instead of comparing them")
	flag.Parse()
	differ, err := run(*write)
	if err != nil {
		fmt.Fprintln(os.Stderr, "api:", err)
		os.Exit(2)
	}
	if differ {
		fmt.Printf("\nThe public face is not what %s/ says. If that is meant: go run ./internal/api -w\n", dir)
		os.Exit(1)
	}
}

// run compares what is with what is written down, or writes it down, and reports whether they differ.
func run(write bool) (bool, error) {
	now, err := workspace()
	if err != nil {
		return false, err
	}
	then, err := written(os.DirFS("."))
	if err != nil {
		return false, err
	}
	if write {
		return false, rewrite(then, now)
	}
	differ := diff(then, now)
	fmt.Print(differ)
	return differ != "", nil
}

// workspace describes all packages of the workspace that others can import, by the name of their file.
func workspace() (map[string]string, error) {
	cmd := exec.Command("go", "list", "-deps", "-export", "-json=ImportPath,Name,Export", "work")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	exports := map[string]string{}
	var ours []string
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct{ ImportPath, Name, Export string }
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		exports[p.ImportPath] = p.Export
		if public(p.ImportPath) && p.Name != "main" {
			ours = append(ours, p.ImportPath)
		}
	}
	// The compiler has written down each package's exported declarations; no source is parsed twice.
	imp := importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
		return os.Open(exports[path])
	})
	files := map[string]string{}
	for _, path := range ours {
		p, err := imp.Import(path)
		if err != nil {
			return nil, err
		}
		if text := describe(p); text != "" {
			files[fileOf(path)] = text
		}
	}
	return files, nil
}

// public reports whether a package is ours and can be imported by users.
func public(importPath string) bool {
	rel, ours := strings.CutPrefix(importPath+"/", root+"/")
	return ours && !strings.HasPrefix(rel, "examples/") && !strings.Contains("/"+rel, "/internal/")
}

// fileOf names the file that describes a package. The root has no code, so that it has no file either; if it ever gets
// some, the file is named for its package.
func fileOf(importPath string) string {
	return dir + "/" + cmp.Or(strings.TrimPrefix(strings.TrimPrefix(importPath, root), "/"), "slokeep") + ".txt"
}

// written reads the files of the directory api, if there is one.
func written(fsys fs.FS) (map[string]string, error) {
	files := map[string]string{}
	err := fs.WalkDir(fsys, dir, func(name string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && name == dir {
			return fs.SkipAll
		}
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(fsys, name)
		files[name] = string(text)
		return err
	})
	return files, err
}

// rewrite makes the directory api hold now, and nothing else.
func rewrite(then, now map[string]string) error {
	for name := range then {
		if _, ok := now[name]; !ok {
			if err := os.Remove(filepath.FromSlash(name)); err != nil {
				return err
			}
		}
	}
	for name, text := range now {
		name = filepath.FromSlash(name)
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			return err
		}
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			return err
		}
	}
	return nil
}

// diff lists by file the lines that are only written down (-) and those that only the code has (+). Lines are whole
// declarations in a fixed order, so that where they stand says nothing.
func diff(then, now map[string]string) string {
	var b strings.Builder
	names := slices.AppendSeq(slices.Collect(maps.Keys(then)), maps.Keys(now))
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if then[name] == now[name] {
			continue
		}
		fmt.Fprintln(&b, name)
		for line := range strings.Lines(then[name]) {
			if !strings.Contains("\n"+now[name], "\n"+line) {
				fmt.Fprint(&b, "  - ", line)
			}
		}
		for line := range strings.Lines(now[name]) {
			if !strings.Contains("\n"+then[name], "\n"+line) {
				fmt.Fprint(&b, "  + ", line)
			}
		}
	}
	return b.String()
}

// describe returns all that a user of p can depend on, one declaration a line, sorted; "" if nothing is exported.
func describe(p *types.Package) string {
	d := describer{pkg: p}
	for _, name := range p.Scope().Names() {
		if obj := p.Scope().Lookup(name); obj.Exported() {
			d.object(obj)
		}
	}
	if len(d.lines) == 0 {
		return ""
	}
	slices.Sort(d.lines)
	return strings.Join(d.lines, "\n") + "\n"
}
