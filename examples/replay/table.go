package main

import (
	"bytes"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/slokeep/slokeep/slo"
)

// tableWidth is how many columns of a terminal a table takes at most, whatever the systems are called.
const tableWidth = 100

// writeTable writes a heading and a line for each report.
func writeTable(w *bytes.Buffer, o options, in *input, reports []report) {
	writeHead(w, o, in, reports)
	if len(reports) == 0 {
		return
	}
	rows := [][]string{{"SYSTEM", "STATUS", "AVAIL %", "BUDGET", "CONSUMED", "REMAINING", "LEFT %", "OUTAGES", "LONGEST"}}
	for _, r := range reports {
		rows = append(rows, []string{
			r.SystemID, r.verdict(), floorText(r.Availability, 4), lengthText(r.Budget.Total), lengthText(r.Budget.Consumed),
			lengthText(r.Budget.Remaining), leftText(r.Budget.RemainingPercent), strconv.Itoa(r.outages), lengthText(r.longest),
		})
	}
	fmt.Fprintln(w)
	writeRows(w, rows, 2)
	if o.backtest {
		writeBacktests(w, o, in, reports)
	}
}

// writeBacktests writes a line for each system and severity with something to judge.
func writeBacktests(w *bytes.Buffer, o options, in *input, reports []report) {
	from, to := in.first, o.at
	if !from.Before(to) {
		fmt.Fprintf(w, "\nNothing to backtest: the files begin at %s, not before -at.\n", instantText(from))
		return
	}
	if slo.DefaultAlertPolicy(o.objective.Window, o.objective.Target).Off {
		fmt.Fprintf(w, "\nNothing to backtest: no rule of the default alert policy fits %s %% of %v.\n",
			decimalText(o.objective.Target), o.objective.Window)
		return
	}
	fmt.Fprintf(w, "\nThe default alert policy from %s to %s\n\n", instantText(from), instantText(to))
	rows := [][]string{{"SYSTEM", "SEVERITY", "FIRINGS", "PRECISION %", "RECALL %", "DETECTION", "RESET"}}
	for _, r := range reports {
		for _, severity := range []slo.Severity{slo.Page, slo.Ticket} {
			firings := 0
			for _, i := range r.backtest.Intervals {
				if i.Severity == severity {
					firings++
				}
			}
			q := r.backtest.Quality[severity]
			if firings == 0 && q.Recall == nil {
				continue
			}
			share := func(x float64) string { return floorText(100*x, 1) }
			rows = append(rows, []string{
				r.SystemID, string(severity), strconv.Itoa(firings), orDash(q.Precision, share), orDash(q.Recall, share),
				orDash(q.Detection, lengthText), orDash(q.Reset, lengthText),
			})
		}
	}
	if len(rows) == 1 {
		fmt.Fprintln(w, "It never fires, and never should have.")
		return
	}
	writeRows(w, rows, 2)
}

func orDash[T any](value *T, text func(T) string) string {
	if value == nil {
		return "-"
	}
	return text(*value)
}

// writeRows aligns rows of equally many cells, the first ones to the left, the others to the right. Each column is as
// wide as its widest cell; the first has what the others leave.
func writeRows(w *bytes.Buffer, rows [][]string, left int) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		row[0] = fit(row[0], tableWidth)
		for i, cell := range row {
			widths[i] = max(widths[i], columnsOf(cell))
		}
	}
	others := 0
	for _, width := range widths[1:] {
		others += 2 + width
	}
	widths[0] = min(widths[0], tableWidth-others)
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			if i == 0 {
				cell = fit(cell, widths[0])
			} else {
				line.WriteString("  ")
			}
			padding := strings.Repeat(" ", widths[i]-columnsOf(cell))
			if i < left {
				line.WriteString(cell + padding)
			} else {
				line.WriteString(padding + cell)
			}
		}
		fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
	}
}

// lengthText shows a length in its two greatest units, cut off: 1d4h, 43m12s, 51.84s. It shows zero only for zero.
func lengthText(d time.Duration) string {
	if d < 0 {
		return "-" + lengthText(-d)
	}
	const day = 24 * time.Hour
	switch {
	case d >= day:
		return twoUnits(d, day, "d", time.Hour, "h")
	case d >= time.Hour:
		return twoUnits(d, time.Hour, "h", time.Minute, "m")
	case d >= time.Minute:
		return twoUnits(d, time.Minute, "m", time.Second, "s")
	case d >= time.Second:
		return d.Truncate(10 * time.Millisecond).String()
	case d >= time.Millisecond:
		return d.Truncate(10 * time.Microsecond).String()
	}
	return d.String()
}

func twoUnits(d, big time.Duration, bigName string, small time.Duration, smallName string) string {
	text := strconv.FormatInt(int64(d/big), 10) + bigName
	if rest := d % big / small; rest > 0 {
		text += strconv.FormatInt(int64(rest), 10) + smallName
	}
	return text
}

// leftText shows what remains of a budget, in percent. In a great overdraft the decimals tell nobody anything.
func leftText(percent float64) string {
	if percent < -100_000 {
		return floorText(percent, 0)
	}
	return floorText(percent, 2)
}

// floorText shows a number rounded down, so that nothing short of 100 % is shown as 100, and no overdraft as 0.
func floorText(x float64, decimals int) string {
	number, ok := new(big.Rat).SetString(decimalText(x))
	if !ok {
		return decimalText(x)
	}
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(decimals)), nil)
	number.Mul(number, new(big.Rat).SetInt(scale))
	down := new(big.Int).Div(number.Num(), number.Denom())
	return new(big.Rat).SetFrac(down, scale).FloatString(decimals)
}

func decimalText(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

func instantText(t time.Time) string { return t.Format(time.RFC3339Nano) }
