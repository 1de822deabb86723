// Command house checks the rules of the house that no compiler knows: which package may import which, what the root may
// require, and that every go.mod says the same version of Go. It prints each rule that is broken and exits with 1.
//
//	go run ./internal/house
//
// It looks at whatever packages the workspace has, so that a new package is under the rules from its first commit.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

func main() {
	broken, err := check()
	if err != nil {
		fmt.Fprintln(os.Stderr, "house:", err)
		os.Exit(2)
	}
	for _, b := range broken {
		fmt.Println(b)
	}
	if len(broken) > 0 {
		os.Exit(1)
	}
}

// check asks the go command about the workspace around the current directory and returns the rules that it breaks.
func check() ([]string, error) {
	pkgs, err := goJSON[pkg]("list", "-json=ImportPath,Imports,TestImports,XTestImports,Deps", "work")
	if err != nil {
		return nil, err
	}
	mods, err := goJSON[struct{ Path, Dir string }]("list", "-m", "-json=Path,Dir")
	if err != nil {
		return nil, err
	}
	broken := checkImports(pkgs)
	broken = append(broken, checkDeps(pkgs)...)
	for _, m := range mods {
		files, err := goJSON[modFile]("mod", "edit", "-json", filepath.Join(m.Dir, "go.mod"))
		if err != nil {
			return nil, err
		}
		broken = append(broken, checkRequires(files[0])...)
	}
	return broken, nil
}

// goJSON runs the go command and decodes all the values that it prints.
func goJSON[T any](args ...string) ([]T, error) {
	cmd := exec.Command("go", args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %v: %w", args, err)
	}
	var vs []T
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var v T
		err := dec.Decode(&v)
		if errors.Is(err, io.EOF) {
			return vs, nil
		}
		if err != nil {
			return nil, fmt.Errorf("go %v: %w", args, err)
		}
		vs = append(vs, v)
	}
}
