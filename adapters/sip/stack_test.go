package sip

import (
	"testing"

	"c2d/core/call"
)

func TestTwoPhonesTalk(t *testing.T) {
	h := newHouse(t).start()
	a, b := h.phone("harry"), h.phone("mary")
	h.direct(a, b)
	b.within("BYE", nil)
	b.gets("200")
	h.ended("leg-b", call.Completed)
	h.do(h.stack.HangUp(t.Context(), "leg-a", call.Completed))
	a.reply(a.request("BYE"), 200, nil)
	h.ended("leg-a", call.Completed)
	if infos, _ := h.stack.Snapshot(t.Context()); len(infos) != 0 {
		t.Fatalf("legs are left: %+v", infos)
	}
}
