package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestOutputFileIsWrittenInItsPlace(t *testing.T) {
	dir := t.TempDir()
	want := replayed(t, small)
	path := filepath.Join(dir, "report.txt")
	for range 2 { // a new file, then an old one
		if got := replayed(t, "-o", path, small); got != "" {
			t.Errorf("standard output has %q, want nothing", got)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("the file has %q, %v, want %q", got, err, want)
		}
		if err := os.WriteFile(path, []byte("old"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if left, _ := filepath.Glob(dir + "/*"); len(left) != 1 {
		t.Errorf("the directory has %q, want the file alone", left)
	}
}

func TestOutputFileStaysWhatItWasAfterAnError(t *testing.T) {
	path := file(t, "old")
	var stdout, stderr bytes.Buffer
	missing := filepath.Join(t.TempDir(), "missing.csv")
	for _, args := range [][]string{{"-system", "nobody", small}, {small, missing}, {file(t, header+"x\n")}} {
		if run(append([]string{"-o", path}, args...), &stdout, &stderr) == 0 {
			t.Errorf("%q: want an error", args)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != "old" || stdout.Len() > 0 {
			t.Errorf("%q: the file has %q, %v, want what it had", args, got, err)
		}
	}
}

func TestOutputFileThatCannotBeWrittenEndsWithOne(t *testing.T) {
	plain := file(t, "")
	missing := filepath.Join(t.TempDir(), "missing", "report.txt")
	for _, path := range []string{t.TempDir(), missing, filepath.Join(plain, "report.txt")} {
		var stdout, stderr bytes.Buffer
		if status := run([]string{"-o", path, small}, &stdout, &stderr); status != 1 || stdout.Len() > 0 {
			t.Errorf("%s: exit status %d, standard output %q, standard error %q", path, status, &stdout, &stderr)
		}
		if got := stderr.String(); !strings.HasPrefix(got, "replay: -o "+path+": ") || strings.Contains(got, ".tmp") {
			t.Errorf("got %q, want it to name the path that was given", got)
		}
	}
}

func TestOutputThroughASymbolicLinkLeavesTheLink(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	if err := os.WriteFile(target, []byte("old"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("target", link); err != nil {
		t.Fatal(err)
	}
	want := replayed(t, small)
	replayed(t, "-o", link, small)
	if got, err := os.ReadFile(target); err != nil || string(got) != want {
		t.Errorf("the target has %q, %v, want the output", got, err)
	}
	if _, err := os.Readlink(link); err != nil {
		t.Error(err)
	}
}

func TestOutputToADeviceLeavesTheDevice(t *testing.T) {
	if _, err := os.Stat(os.DevNull); err != nil {
		t.Fatal(err)
	}
	replayed(t, "-o", os.DevNull, small)
	if info, err := os.Stat(os.DevNull); err != nil || info.Mode().IsRegular() {
		t.Fatalf("%s is now %v, %v", os.DevNull, info.Mode(), err)
	}
}

// full is an output without space.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestOutputWithoutSpaceEndsWithOne(t *testing.T) {
	for _, format := range []string{formatTable, formatJSON} {
		var stderr bytes.Buffer
		status := run([]string{"-format", format, small}, full{}, &stderr)
		if status != 1 || !strings.Contains(stderr.String(), "no space left") {
			t.Errorf("exit status %d: %s", status, &stderr)
		}
	}
}

func TestProgressIsSeenOnlyInLongWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var terminal bytes.Buffer
		p := startProgress(&terminal, time.Now)
		shown := func() string {
			defer terminal.Reset()
			return terminal.String()
		}
		p.show("at %d", 1)
		time.Sleep(999 * time.Millisecond)
		p.show("at %d", 2)
		p.erase()
		if got := shown(); got != "" {
			t.Errorf("within a second: got %q, want nothing", got)
		}
		time.Sleep(time.Millisecond)
		p.show("at %d of %s", 3, strings.Repeat("x", 200))
		if got := shown(); !strings.HasPrefix(got, "\r\x1b[Kat 3 of xxx") || columnsOf(got) > 80+len("\r\x1b[K") {
			t.Errorf("after a second: got %q, want one line of a terminal", got)
		}
		p.show("at %d", 4)
		if got := shown(); got != "" {
			t.Errorf("at once again: got %q, want nothing yet", got)
		}
		time.Sleep(progressEvery)
		p.show("at %d", 5)
		if got := shown(); got != "\r\x1b[Kat 5" {
			t.Errorf("a little later: got %q", got)
		}
		p.erase()
		p.erase()
		if got := shown(); got != "\r\x1b[K" {
			t.Errorf("at the end: got %q, want the line erased once", got)
		}
	})
}

func TestProgressIsForTerminalsOnly(t *testing.T) {
	plain, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	if newProgress(plain).w != nil || newProgress(&bytes.Buffer{}).w != nil {
		t.Error("progress is shown where no terminal is")
	}
}
