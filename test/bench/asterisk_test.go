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
	h := atAsterisk(pbx.StartAsterisk(t, pbx.Switch{Files: desks(p, answers, goes)}), nil, p)
	clicksByItself(t, h)
}

// clicksByItself makes three calls by the phone system's own click.
func clicksByItself(t *testing.T, h *hospital) {
	t.Helper()
	if _, err := h.own(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	if n := h.phones.released(); n != 3 || h.phones.rungAt(user(goes, 2)).IsZero() {
		t.Errorf("%d callers of 3 were let go, callee rung at %v", n, h.phones.rungAt(user(goes, 2)))
	}
}
