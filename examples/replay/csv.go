package main

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/slokeep/slokeep/slo"
)

// columns are the first line of every file.
var columns = []string{"system", "start", "end", "upstream", "note"}

// openRows calls each with every row of a CSV file, or of standard input, in order, and the line on which it begins. A
// row that is no outage, and an error of each that matches slo.ErrInvalid, come back with the file and the line in front.
func openRows(path string, each func(line int, o slo.Outage) error) error {
	if path == stdin {
		return readRows("standard input", os.Stdin, each)
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return readRows(path, f, each)
}

func readRows(path string, f io.Reader, each func(line int, o slo.Outage) error) error {
	buffered := bufio.NewReader(f)
	if mark, _ := buffered.Peek(3); string(mark) == "\ufeff" {
		buffered.Discard(len(mark)) // the byte order mark that spreadsheets write
	}
	in := &rowReader{in: buffered, line: 1}
	in.csv = csv.NewReader(in)
	in.csv.FieldsPerRecord = -1 // counted here, where the error can name the row

	header, err := in.next()
	switch {
	case err == nil && !slices.Equal(header, columns), errors.Is(err, io.EOF):
		err = invalidf("header %s: want %s", show(strings.Join(header, ",")), strings.Join(columns, ","))
	case err == nil:
		err = in.rows(each)
	}
	if errors.Is(err, slo.ErrInvalid) {
		return fmt.Errorf("%s:%d: %w", path, in.line, err)
	}
	return err // of the file system, which names the path
}

// rowReader reads the rows of a CSV file. It also stands between the file and the CSV reader, to keep the bytes of the
// row at hand for errors, and to stop where a row gets longer than any good one: a field of gigabytes costs no memory.
type rowReader struct {
	in   io.Reader
	csv  *csv.Reader
	line int    // on which the row begins
	row  []byte // the row, and what the CSV reader has read ahead
	from int64  // the offset of row[0]
}

// maxRow is more than a row can have whose fields are within the bounds that slo sets: some 17 KB, twice that with every
// character a quote.
const maxRow = 64 << 10

var errLongRow = errors.New("row too long")

func (r *rowReader) Read(p []byte) (int, error) {
	if len(r.row) > maxRow {
		return 0, errLongRow
	}
	n, err := r.in.Read(p)
	r.row = append(r.row, p[:n]...)
	return n, err
}

// next returns the fields of the next row, or io.EOF. Every other error that is the row's own fault matches
// slo.ErrInvalid.
func (r *rowReader) next() ([]string, error) {
	past := r.csv.InputOffset() - r.from
	r.line += bytes.Count(r.row[:past], []byte("\n"))
	r.row, r.from = r.row[past:], r.from+past
	fields, err := r.csv.Read()
	if syntax, ok := errors.AsType[*csv.ParseError](err); ok {
		r.line = syntax.StartLine
		text, _, _ := bytes.Cut(r.row, []byte("\n"))
		return nil, invalidf("row %s: want CSV: %v", show(string(text)), syntax.Err)
	}
	if errors.Is(err, errLongRow) {
		return nil, r.tooLong()
	}
	if err != nil {
		return nil, err
	}
	r.line, _ = r.csv.FieldPos(0) // empty lines before it are passed over
	return fields, nil
}

// tooLong looks for the field that makes the row too long.
func (r *rowReader) tooLong() error {
	partial := csv.NewReader(bytes.NewReader(r.row))
	partial.LazyQuotes = true // the row is cut off, perhaps within quotes
	fields, _ := partial.Read()
	field, value := "row", string(r.row)
	for i, f := range fields {
		if len(f) > maxRow/2 && i < len(columns) {
			field, value = columns[i], f
		}
	}
	return invalidf("%s %q... (more than %d bytes): want at most 256 in system and upstream, 16384 in note",
		field, value[:min(len(value), maxShow)], len(value))
}

func (r *rowReader) rows(each func(line int, o slo.Outage) error) error {
	for {
		fields, err := r.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		outage, err := parseRow(fields)
		if err != nil {
			return err
		}
		if err := each(r.line, outage); err != nil {
			return err
		}
	}
}

func parseRow(fields []string) (o slo.Outage, err error) {
	if len(fields) != len(columns) {
		row := show(strings.Join(fields, ","))
		return o, invalidf("row %s: %d columns: want %s", row, len(fields), strings.Join(columns, ","))
	}
	o = slo.Outage{SystemID: fields[0], UpstreamID: fields[3], Note: fields[4]}
	if o.Start, err = parseInstant("start", fields[1]); err != nil {
		return o, err
	}
	if fields[2] != "" {
		if o.End, err = parseInstant("end", fields[2]); err != nil {
			return o, err
		}
	}
	if err := (slo.Statement{Source: "row", Outages: []slo.Outage{o}}).Validate(); err != nil {
		// The file and the line are named in front of it instead.
		return o, invalidf("%s", strings.TrimPrefix(err.Error(), `slo: statement "row": `))
	}
	return o, nil
}
