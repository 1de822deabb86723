package main

import (
	"fmt"
	"io"
	"os"
	"time"
)

// progress is a line on a terminal that says what the program is at, when that takes longer than a second. It is
// rewritten in place, and erased at the end. Where there is no terminal, it is never seen.
type progress struct {
	w     io.Writer // nil: nowhere to show it
	next  time.Time // show no earlier
	shown bool
	now   func() time.Time
}

const (
	progressAfter = time.Second
	progressEvery = 100 * time.Millisecond
	progressWidth = 78
)

func newProgress(w io.Writer) *progress {
	f, ok := w.(*os.File)
	if !ok {
		return &progress{}
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return &progress{}
	}
	return startProgress(f, time.Now)
}

func startProgress(w io.Writer, now func() time.Time) *progress {
	return &progress{w: w, now: now, next: now().Add(progressAfter)}
}

// show shows what the program is at. It may be called often: most calls do nothing.
func (p *progress) show(format string, args ...any) {
	if p.w == nil || p.now().Before(p.next) {
		return
	}
	p.next = p.now().Add(progressEvery)
	p.shown = true
	fmt.Fprintf(p.w, "\r\x1b[K%s", fit(fmt.Sprintf(format, args...), progressWidth))
}

// erase leaves the terminal as it was.
func (p *progress) erase() {
	if p.shown {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.shown = false
	}
}
