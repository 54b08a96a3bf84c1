package call

import "testing"

// TestWhoIsShownToWhom: the caller's phone shows whom he calls, as the book has it; the callee's phone shows the caller, or the
// number that the request asks for in place of his. No phone is shown its own number, and none gets both.
func TestWhoIsShownToWhom(t *testing.T) {
	leg := func(id string) Attempt {
		return Attempt{Targets: []Target{{Ways: []Way{{}}}}, Legs: []Leg{{ID: id}}}
	}
	c := Call{
		Caller: Party{Name: "Harry", Number: "+8613900139000", Attempts: []Attempt{leg("a")}},
		Callee: Party{Name: "Mary", Number: "+8653283001101", Attempts: []Attempt{leg("b")}},
	}
	for _, w := range []struct {
		leg, present string
		want         Shown
	}{
		{"a", "", Shown{Name: "Mary", Number: "+8653283001101"}},
		{"b", "", Shown{Name: "Harry", Number: "+8613900139000"}},
		{"a", "+8653283001999", Shown{Name: "Mary", Number: "+8653283001101"}},
		{"b", "+8653283001999", Shown{Name: "Harry", Number: "+8653283001999"}},
	} {
		c.Present = w.present
		if got := originate(&c, Action{Leg: w.leg}).Show; got != w.want {
			t.Errorf("leg %s, present %q: %+v, want %+v", w.leg, w.present, got, w.want)
		}
	}
}
