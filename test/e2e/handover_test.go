package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	"c2d/adapters/sip/phone"
	"c2d/cmd/c2d/client"
	"c2d/test/pbx"
)

// TestKilledDuringATransfer ends the program as kill -9 does at some moment of an attended transfer, and begins it again:
// either nothing has happened and the two calls go on, or both have ended and who stays talks in a third. Each call has one
// end, and each phone one call.
func TestKilledDuringATransfer(t *testing.T) {
	inEachStore(t, func(h *house) {
		h.serve()
		var all []client.Call
		for i, after := range []time.Duration{0, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, time.Minute} {
			m := h.meeting(i)
			m.transferAndKill(after)
			h.serve()
			all = append(all, m.settled()...)
		}
		h.finished(all...)
	})
}

// meeting are two calls of one user: with x, who was set aside, and with y.
type meeting struct {
	*house
	nurse, x, y   *soft
	first, second client.Call
}

func (h *house) meeting(i int) *meeting {
	h.t.Helper()
	p := h.talk(fmt.Sprintf("nurse%d", i))
	m := &meeting{house: h, nurse: p.caller, x: p.callee, first: p.call, y: h.soft(fmt.Sprintf("y%d", i), 1300, phone.Auto(0))}
	if err := m.nurse.SetAside(); err != nil {
		h.t.Fatal(err)
	}
	m.second = h.state(h.place(order{Key: m.y.login, Caller: m.nurse.login, Callee: m.y.login, Confirm: "never"}), "connected")
	return m
}

// transferAndKill asks for the transfer, and kills the program a while after that or once it is answered.
func (m *meeting) transferAndKill(after time.Duration) {
	m.t.Helper()
	ctx, cancel := context.WithCancel(m.t.Context())
	defer cancel()
	answered := make(chan error, 1)
	go func() {
		answered <- m.api.Post(ctx, "/v1/calls/"+m.first.ID+"/transfer", map[string]string{"call": m.second.ID}, nil)
	}()
	select {
	case err := <-answered:
		if err != nil {
			m.t.Fatal(err)
		}
		m.prog.Kill()
	case <-time.After(after):
		m.prog.Kill()
		cancel()
		<-answered
	}
}

// settled waits until all is as it was, or as it was to be, lets all hang up, and returns the calls.
func (m *meeting) settled() []client.Call {
	m.t.Helper()
	third, done := m.third()
	if !done {
		m.t.Log("killed before")
		for _, c := range []client.Call{m.first, m.second} {
			m.state(c, "connected")
			if _, err := m.api.HangUp(m.t.Context(), c.ID); err != nil {
				m.t.Fatal(err)
			}
			m.released(m.ended(c, "completed", "", "api"))
		}
		m.rest()
		return []client.Call{m.first, m.second}
	}
	m.t.Log("killed after")
	for _, c := range []client.Call{m.first, m.second} {
		m.released(m.ended(c, "transferred", "caller", "caller"))
	}
	m.state(third, "connected")
	now := time.Now()
	for who, other := range map[*soft]*soft{m.x: m.y, m.y: m.x} {
		who.does("hears the other", func(ctx context.Context) error {
			_, err := who.WaitHeard(ctx, phone.Expect{Hz: other.hz, After: now})
			return err
		})
	}
	m.y.does("hang up", m.y.HangUp)
	m.released(m.ended(third, "completed", "callee", "callee"))
	m.rest()
	return []client.Call{m.first, m.second, third}
}

// third returns the call that joins x and y, if there is one.
func (m *meeting) third() (client.Call, bool) {
	m.t.Helper()
	all, err := client.All[client.Call](m.t.Context(), m.api, "/v1/calls", nil)
	if err != nil {
		m.t.Fatal(err)
	}
	for _, c := range all {
		if c.ID != m.first.ID && c.Caller.Legs()[0].ID == m.first.Callee.Legs()[0].ID {
			return c, true
		}
	}
	return client.Call{}, false
}

func (m *meeting) rest() {
	m.t.Helper()
	m.nurse.Swap()
	for _, s := range []*soft{m.nurse, m.x, m.y} {
		pbx.Eventually(m.t, soon, s.login+" is at rest", s.idle)
	}
	m.nurse.Swap()
	pbx.Eventually(m.t, soon, "the nurse's other line is at rest", m.nurse.idle)
}
