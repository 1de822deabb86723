package main

import (
	"encoding/json"
	"io"
	"time"

	"github.com/slokeep/slokeep/slo"
)

// writeJSON writes an array with a line for each report: the fields of its status, then those below.
func writeJSON(w io.Writer, reports []report) error {
	separator := "[\n"
	for _, r := range reports {
		line, err := r.object()
		if err != nil {
			return err
		}
		if _, err := io.WriteString(w, separator+string(line)); err != nil {
			return err
		}
		separator = ",\n"
	}
	end := "\n]\n"
	if len(reports) == 0 {
		end = "[]\n"
	}
	_, err := io.WriteString(w, end)
	return err
}

type stretchesJSON struct {
	Outages int   `json:"outages"`
	Longest int64 `json:"longestNs"`
}

type backtestJSON struct {
	Intervals []intervalJSON                `json:"intervals"`
	Precision bySeverityJSON[float64]       `json:"precision"`
	Recall    bySeverityJSON[float64]       `json:"recall"`
	Detection bySeverityJSON[time.Duration] `json:"detectionNs"`
	Reset     bySeverityJSON[time.Duration] `json:"resetNs"`
}

type intervalJSON struct {
	Severity slo.Severity `json:"severity"`
	Long     int64        `json:"longNs"`
	Short    int64        `json:"shortNs"`
	Start    time.Time    `json:"start"`
	End      time.Time    `json:"end"`
}

// bySeverityJSON has null where there was nothing to judge.
type bySeverityJSON[T any] struct {
	Page   *T `json:"page"`
	Ticket *T `json:"ticket"`
}

// object returns the report as one JSON object.
func (r report) object() ([]byte, error) {
	parts := []any{r.Status, stretchesJSON{r.outages, int64(r.longest)}}
	if r.backtest != nil {
		parts = append(parts, newBacktestJSON(r.backtest))
	}
	var object []byte
	for _, part := range parts {
		text, err := json.Marshal(part)
		if err != nil {
			return nil, err
		}
		// A Status writes itself, so its fields cannot be embedded in a struct beside others: objects are joined as text.
		if object == nil {
			object = text
		} else {
			object = append(append(object[:len(object)-1], ','), text[1:]...)
		}
	}
	return object, nil
}

func newBacktestJSON(b *slo.Backtest) backtestJSON {
	page, ticket := b.Quality[slo.Page], b.Quality[slo.Ticket]
	out := backtestJSON{
		Intervals: make([]intervalJSON, 0, len(b.Intervals)),
		Precision: bySeverityJSON[float64]{page.Precision, ticket.Precision},
		Recall:    bySeverityJSON[float64]{page.Recall, ticket.Recall},
		Detection: bySeverityJSON[time.Duration]{page.Detection, ticket.Detection},
		Reset:     bySeverityJSON[time.Duration]{page.Reset, ticket.Reset},
	}
	for _, i := range b.Intervals {
		out.Intervals = append(out.Intervals, intervalJSON{i.Severity, int64(i.Long), int64(i.Short), i.Start, i.End})
	}
	return out
}
