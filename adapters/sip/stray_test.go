package sip

import (
	"strings"
	"testing"
	"time"

	"c2d/core/call"
)

// guessed gives a request the tag of a dialog that there is not.
func guessed(text string) string {
	return strings.Replace(text, "@hospital.example>\nCall-ID", "@hospital.example>;tag=guessed\nCall-ID", 1)
}

// talksAlone is a phone that has answered us.
func (h *house) talksAlone() *phone {
	h.t.Helper()
	p := h.phone("mary")
	h.ring(p, "leg", "")
	p.picksUp()
	h.expect("leg", call.EvAnswered)
	return p
}

// An ACK is never answered, and those that belong to nothing cost their sender nothing: they follow each refusal of ours.
func TestStrayAcks(t *testing.T) {
	h := newHouse(t, func(c *Config) { c.Limits = Limits{Rate: 0.001, Burst: 1} }).start()
	p := h.talksAlone()
	p.callID = newTag()
	for range 5 {
		p.send(p.calling("ACK", "c2d", newBranch(), nil))
		p.send(guessed(p.calling("ACK", "c2d", newBranch(), nil)))
		p.send(p.inside("ACK", 7000, nil))
	}
	p.within("OPTIONS", nil)
	p.gets("200")
	p.send(p.calling("OPTIONS", "c2d", newBranch(), nil))
	p.gets("200")
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, m := range h.ladder {
		if m.Sent && strings.HasPrefix(m.StartLine, "SIP/2.0") && strings.HasSuffix(m.CSeq, "ACK") {
			t.Errorf("an ACK was answered: %s", m.StartLine)
		}
	}
}

func TestStrayPracks(t *testing.T) {
	h := newHouse(t).start()
	p := h.talksAlone()
	p.callID = newTag()
	p.send(p.calling("PRACK", "c2d", newBranch(), nil, "RAck: 1 1 INVITE"))
	p.gets("481")
	p.send(guessed(p.calling("PRACK", "c2d", newBranch(), nil, "RAck: 1 1 INVITE")))
	p.gets("481")
	for _, rack := range []string{"RAck: 1 1 INVITE", "RAck: x", "RAck: 4294967296 1 INVITE", "X: none"} {
		p.within("PRACK", nil, rack)
		p.gets("481")
	}
	p.within("OPTIONS", nil)
	p.gets("200") // the call is still there
}

// Responses that belong to nothing of ours make us send nothing, wherever their Contact points.
func TestUnsolicitedResponses(t *testing.T) {
	h := newHouse(t).start()
	p, victim := h.talksAlone(), h.phone("victim")
	contact := "Contact: <sip:victim@" + victim.conn.LocalAddr().String() + ">"
	ours := p.response(p.inv, 200, p.tag, nil, contact)
	for _, status := range []string{"100", "180", "200", "302", "487"} {
		text := strings.Replace(ours, "SIP/2.0 200", "SIP/2.0 "+status, 1)
		p.send(strings.Replace(text, "Call-ID: leg", "Call-ID: nobody", 1))
		p.send(strings.Replace(text, "INVITE\n", "OPTIONS\n", 1))
		p.send(strings.Replace(text, "INVITE\n", "BYE\n", 1))
		p.send(strings.Replace(text, "\nFrom: ", "\nFrom: <sip:x@y>;tag=x\nX: ", 1))
	}
	p.within("OPTIONS", nil)
	p.gets("200")
	select {
	case m := <-victim.in:
		t.Errorf("the victim got %s", what(m))
	case <-time.After(100 * time.Millisecond): // nothing must come, so there is nothing else to wait for
	}
}
