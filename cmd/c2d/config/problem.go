package config

import (
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with a file.
type Problem struct {
	Line int    // 0 when it is about something that the file does not say
	Path string // "sip.listen[0]"; empty for the file as a whole
	Text string
}

// Problems is everything that is wrong with a file, by line. It holds no value of the file that could be a secret.
type Problems struct {
	File string
	All  []Problem
}

func (p *Problems) Error() string {
	var b strings.Builder
	for i, one := range p.All {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(p.File)
		if one.Line > 0 {
			fmt.Fprintf(&b, ":%d", one.Line)
		}
		if one.Path != "" {
			b.WriteString(": " + one.Path)
		}
		b.WriteString(": " + one.Text)
	}
	return b.String()
}

// err returns p in order, nil when nothing is wrong.
func (p *Problems) err() error {
	if len(p.All) == 0 {
		return nil
	}
	slices.SortStableFunc(p.All, func(a, b Problem) int { return a.Line - b.Line })
	return p
}
