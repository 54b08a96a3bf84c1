package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// table is what is printed: what is wanted, what was measured, and whether it is met.
type table struct{ rows [][4]string }

// add appends a row; met is nil where nothing is wanted.
func (t *table) add(what, want, is string, met *bool) {
	verdict := ""
	if met != nil {
		verdict = map[bool]string{true: "yes", false: "**no**"}[*met]
	}
	t.rows = append(t.rows, [4]string{what, want, is, verdict})
}

// lost says how many turns are left out.
func (t *table) lost(n, of int) {
	if n > 0 {
		t.add("turns that were lost, since the machine was busy with other things", "", fmt.Sprintf("%d of %d", n, of), nil)
	}
}

func (t *table) print(w io.Writer, took time.Duration) {
	fmt.Fprintf(w, "%s, %s, %d processors, load average %s, %s\n\n", time.Now().Format(time.DateOnly), runtime.Version(), runtime.NumCPU(), load(), took.Round(time.Second))
	fmt.Fprint(w, "| | wanted | measured | met |\n| --- | --- | --- | --- |\n")
	for _, r := range t.rows {
		fmt.Fprintf(w, "| %s |\n", strings.Join(r[:], " | "))
	}
}

// load is how busy the machine was in the last minutes, with our own part in it.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(text))[:2], ", ")
}

func met(is bool) *bool { return &is }

func ms(v float64) string { return fmt.Sprintf("%.2f ms", v) }

func median(all []float64) float64 { return quantile(all, 0.5) }

// quantile returns the value below which that part of all lies.
func quantile(all []float64, part float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[min(int(part*float64(len(sorted))), len(sorted)-1)]
}
