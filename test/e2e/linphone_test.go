package e2e

import (
	"strings"
	"testing"
	"time"

	"c2d/cmd/c2d/client"
	"c2d/test/pbx"
)

// TestLinphone is the story with a second make of phone on one side, over each transport: both hear each other, it puts
// the other on hold and takes him back, and hangs up.
func TestLinphone(t *testing.T) {
	for _, c := range []struct{ transport, login, other string }{{"udp", "mary", "harry"}, {"tcp", "harry", "mary"}} {
		t.Run(c.transport, func(t *testing.T) {
			t.Parallel()
			h := open(t, onTCP)
			h.addBoth()
			own := h.phone(c.login, harryTone, false)
			own.Transport = c.transport
			s := &odd{house: h, lin: pbx.StartLinphone(t, own), bare: pbx.StartBaresip(t, h.phone(c.other, maryTone, false)), calls: c.login == "harry"}
			s.talk()
			s.hold()
			s.lin.HangUp()
			s.over()
		})
	}
}

// odd is a call of a linphone and a baresip.
type odd struct {
	*house
	lin   *pbx.Linphone
	bare  *pbx.Baresip
	calls bool // linphone clicks
	call  client.Call
}

// talk lets the one click and both answer.
func (s *odd) talk() {
	s.t.Helper()
	s.call = s.click()
	turns := []func(){
		func() { s.lin.Await(pbx.LinphoneRings, soon); s.lin.Accept() },
		func() { s.bare.Await("CALL_INCOMING", soon); s.bare.Accept() },
	}
	if !s.calls {
		turns[0], turns[1] = turns[1], turns[0]
	}
	turns[0]()
	turns[1]()
	s.call = s.state(s.call, "connected")
	s.hear()
}

func (s *odd) hear() {
	s.t.Helper()
	pbx.Eventually(s.t, soon, "linphone hears baresip", func() bool {
		return pbx.Hears(s.lin.Heard(), time.Second, maryTone, harryTone, ringBack)
	})
	pbx.Eventually(s.t, soon, "baresip hears linphone", func() bool {
		return pbx.Hears(s.bare.Heard(), time.Second, harryTone, maryTone, ringBack)
	})
}

// hold is what linphone asks for, passed through to baresip, and taken back.
func (s *odd) hold() {
	s.t.Helper()
	s.lin.Hold()
	pbx.Eventually(s.t, soon, "the hold is passed on", func() bool { return strings.Contains(s.lastOffer(s.bare), "a=sendonly\r\n") })
	s.lin.Await(pbx.LinphonePaused, soon)
	s.lin.Resume()
	pbx.Eventually(s.t, soon, "the resume is passed on", func() bool { return strings.Contains(s.lastOffer(s.bare), "a=sendrecv\r\n") })
	if pbx.CanTap() {
		s.bare.Overhear(s.t, soon, "linphone's tone again", func(pcm []int16) bool { return pbx.Hears(pcm, time.Second, harryTone, maryTone) })
	}
	past := len(s.lin.Heard())
	pbx.Eventually(s.t, soon, "linphone hears baresip again", func() bool {
		return pbx.Hears(s.lin.Heard()[past:], time.Second, maryTone, harryTone)
	})
}

// over checks that both are released, and rang once.
func (s *odd) over() {
	s.t.Helper()
	side := "callee"
	if s.calls {
		side = "caller"
	}
	s.lin.Await(pbx.LinphoneIsFree, soon)
	s.bare.Await("CALL_CLOSED", soon)
	s.released(s.ended(s.call, "completed", side, side))
	if n, m := s.lin.Rang(), s.bare.Rang(); n != 1 || m != 1 {
		s.t.Errorf("they rang %d and %d times", n, m)
	}
}
