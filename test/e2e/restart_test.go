package e2e

import (
	"testing"
	"time"

	"c2d/cmd/c2d/client"
	"c2d/test/pbx"
)

const relayed = `sip: {domain: hospital.example, listen: ["udp:IP:5060"], relay: true}`

// TestRestart ends the service in the middle of a talk, and begins it again: the two talk on, and whoever hangs up then,
// both are released and the record is right.
func TestRestart(t *testing.T) {
	cases := []struct {
		name  string
		who   string // hangs up
		relay bool
	}{
		{"caller hangs up", "harry", false}, {"callee hangs up", "mary", false}, {"API hangs up", "api", false},
		{"relayed, callee hangs up", "mary", true},
	}
	for _, c := range cases {
		more := []string{}
		if c.relay {
			more = []string{relayed}
		}
		t.Run("stopped, "+c.name, func(t *testing.T) {
			t.Parallel()
			s := talk(open(t, more...))
			s.settle(c.relay)
			s.stop()
			s.start()
			s.afterRestart(c.who)
		})
		t.Run("killed, "+c.name, func(t *testing.T) {
			t.Parallel()
			h := build(t, more...)
			h.serve()
			s := talk(h)
			s.settle(c.relay)
			h.prog.Kill()
			h.serve()
			s.afterRestart(c.who)
		})
	}
}

// settle waits until nothing is on its way: a service that dies before both know of the direct path is another story.
func (s *talking) settle(relay bool) {
	s.t.Helper()
	if s.app != nil && !relay {
		s.wire.direct(s.t, s.harry, s.mary)
	}
	s.goOn()
}

func (s *talking) afterRestart(who string) {
	s.t.Helper()
	if c := s.state(s.call, "connected"); !c.ConnectedAt.Equal(s.call.ConnectedAt) {
		s.t.Errorf("connected at %s, was %s", c.ConnectedAt, s.call.ConnectedAt)
	}
	s.goOn()
	switch who {
	case "harry":
		s.harry.HangUp()
		s.over("completed", "caller", "caller")
	case "mary":
		s.mary.HangUp()
		s.over("completed", "callee", "callee")
	case "api":
		if _, err := s.api.HangUp(s.t.Context(), s.call.ID); err != nil {
			s.t.Fatal(err)
		}
		s.over("completed", "", "api")
	}
}

// TestABYEWhileTheServiceIsDown: the phone's BYE is repeated for 32 s (RFC 3261 timer F), so the service that is back
// within that time hears of it.
func TestABYEWhileTheServiceIsDown(t *testing.T) {
	s := talk(open(t))
	s.settle(false)
	s.stop()
	s.mary.HangUp()
	s.start()
	s.over("completed", "callee", "callee")
}

// TestSIGTERM: a ringing call is ended, a talking one goes on, and the program is gone within 10 s.
func TestSIGTERM(t *testing.T) {
	h := build(t)
	h.serve()
	s := talk(h)
	h.add("ida", "Ida", "+16328300102")
	h.add("john", "John", "+16328300103")
	ida := h.sipp("ida", pbx.RingOn, "")
	ringing, err := h.api.Place(t.Context(), "ida", "John")
	if err != nil {
		t.Fatal(err)
	}
	h.until(ringing, "Ida rings", func(c client.Call) bool { return c.Caller.Legs()[0].State == "ringing" })
	h.prog.Ask()
	if err := h.prog.Wait(10 * time.Second); err != nil {
		t.Fatal(err)
	}
	ida.Done(soon)
	s.goOn()
	h.serve()
	h.ended(ringing, "cancelled", "", "system")
	s.afterRestart("mary")
}
