package numbering

import (
	"fmt"
	"strings"
	"testing"
)

// TestReadAgain: what was read before is read the same again, and memory is bounded.
func TestReadAgain(t *testing.T) {
	p := plan(t, china())
	first, err := p.Parse("0532-8888 7777")
	if err != nil || first.E164 == "" {
		t.Fatal(first, err)
	}
	for range 2 {
		if again, err := p.Parse("0532-8888 7777"); err != nil || again != first {
			t.Fatalf("%+v %v, was %+v", again, err, first)
		}
	}
	if _, err := p.Parse("nobody"); err == nil {
		t.Fatal("read")
	}
	if _, err := p.Parse("nobody"); err == nil {
		t.Fatal("read the second time")
	}
	for i := range 3 * mostRecent {
		if _, err := p.Parse(fmt.Sprint(20000000 + i)); err != nil {
			t.Fatal(err)
		}
		if len(p.read.by) > mostRecent {
			t.Fatalf("%d are kept", len(p.read.by))
		}
	}
	long := "2" + strings.Repeat("-", longestRecent) + "001"
	if _, err := p.Parse(long); err != nil {
		t.Fatal(err)
	}
	if _, kept := p.read.by[long]; kept {
		t.Error("a long text is kept")
	}
}

func BenchmarkParse(b *testing.B) {
	p, err := New(china())
	if err != nil {
		b.Fatal(err)
	}
	for name, parse := range map[string]func(string) error{
		"first": func(s string) error { _, err := p.parse(s); return err },
		"again": func(s string) error { _, err := p.Parse(s); return err },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := parse("+8653288887777"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
