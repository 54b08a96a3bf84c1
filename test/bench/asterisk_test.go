package main

import (
	"testing"

	"c2d/test/pbx"
)

// Asterisk's own click-to-dial, with which we are compared, brings two phones together and lets both go.
func TestAsterisksOwnClick(t *testing.T) {
	p, err := newPhones()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close) // after Asterisk
	h := &hospital{asterisk: pbx.StartAsterisk(t, pbx.Switch{Files: desks(p, answers, goes)}), phones: p}
	if _, err := h.own(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	if n := p.released(); n != 3 || p.rungAt(user(goes, 2)).IsZero() {
		t.Errorf("%d callers of 3 were let go, callee rung at %v", n, p.rungAt(user(goes, 2)))
	}
}
