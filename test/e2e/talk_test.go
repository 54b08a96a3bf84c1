package e2e

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"c2d/adapters/sip"
	"c2d/cmd/c2d/client"
	"c2d/core/tone"
	"c2d/test/pbx"
)

// talking is a call of Harry and Mary who hear each other.
type talking struct {
	*house
	harry, mary *pbx.Baresip
	call        client.Call
}

// talk lets Harry click and both answer by hand, and checks on the way who rings when and what is heard.
func talk(h *house) *talking {
	h.t.Helper()
	h.addBoth()
	s := &talking{house: h, harry: h.harry(false), mary: h.mary(false)}
	s.call = h.click()
	s.harry.Await("CALL_INCOMING", soon)
	if n := s.mary.Count("CALL_INCOMING"); n != 0 {
		h.t.Fatal("Mary rang before Harry had answered")
	}
	s.harry.Accept()
	s.mary.Await("CALL_INCOMING", soon)
	pbx.Eventually(h.t, soon, "Harry hears ring-back", func() bool {
		return pbx.Windows(s.harry.Heard(), ringBack)[ringBack] >= 3
	})
	s.mary.Accept()
	s.call = h.state(s.call, "connected")
	s.hear()
	return s
}

// hear waits until each hears the other, and nobody else, for a whole second.
func (s *talking) hear() {
	s.t.Helper()
	pbx.Eventually(s.t, soon, "Harry hears Mary", func() bool {
		return pbx.Hears(s.harry.Heard(), time.Second, maryTone, harryTone, ringBack)
	})
	pbx.Eventually(s.t, soon, "Mary hears Harry", func() bool {
		return pbx.Hears(s.mary.Heard(), time.Second, harryTone, maryTone, ringBack)
	})
}

// goOn waits until both have heard a second and a half more than they had, so that they are known to talk now.
func (s *talking) goOn() {
	s.t.Helper()
	harry, mary := len(s.harry.Heard()), len(s.mary.Heard())
	const more = tone.Rate * 3 / 2
	pbx.Eventually(s.t, soon, "Harry goes on hearing", func() bool { return len(s.harry.Heard()) >= harry+more })
	pbx.Eventually(s.t, soon, "Mary goes on hearing", func() bool { return len(s.mary.Heard()) >= mary+more })
	s.hear()
}

// over checks that both phones were released, and the record.
func (s *talking) over(reason, side, by string) {
	s.t.Helper()
	s.harry.Await("CALL_CLOSED", soon)
	s.mary.Await("CALL_CLOSED", soon)
	s.ended(s.call, reason, side, by)
	c := s.released(s.call)
	if h, m := len(c.Caller.Legs()), len(c.Callee.Legs()); h != 1 || m != 1 {
		s.t.Errorf("%d and %d legs, want one each", h, m)
	}
	for _, p := range []*pbx.Baresip{s.harry, s.mary} {
		if n := p.Count("CALL_INCOMING"); n != 1 {
			s.t.Errorf("a phone rang %d times", n)
		}
	}
	times := []time.Time{c.CreatedAt, c.CallerAnsweredAt, c.CalleeAnsweredAt, c.ConnectedAt, c.EndedAt}
	for i := range times[1:] {
		if times[i].IsZero() || times[i+1].Before(times[i]) {
			s.t.Errorf("times out of order: %v", times)
		}
	}
}

func TestTwoPhonesTalk(t *testing.T) {
	s := talk(open(t))
	s.wire.direct(t, s.harry, s.mary)
	s.goOn()
	s.mary.HangUp()
	s.over("completed", "callee", "callee")
}

// direct holds that each phone was told where the other's own sound is.
func (w *wire) direct(t *testing.T, phones ...*pbx.Baresip) {
	t.Helper()
	pbx.Eventually(t, soon, "each phone is told where the other is", func() bool {
		for i, p := range phones {
			told := w.messages(func(m sip.Message) bool { return m.Sent && m.Remote == p.Addr && pointsTo(m, phones[1-i]) })
			if len(told) == 0 {
				return false
			}
		}
		return true
	})
}

var audioLine = regexp.MustCompile(`m=audio ([0-9]+) `)

// pointsTo reports whether a message's SDP names the phone's own RTP.
func pointsTo(m sip.Message, p *pbx.Baresip) bool {
	port := audioLine.FindSubmatch(m.Raw)
	if port == nil || !strings.Contains(string(m.Raw), "c=IN IP4 "+p.Addr.Addr().String()+"\r\n") {
		return false
	}
	n, err := strconv.Atoi(string(port[1]))
	first, last := p.RTP()
	return err == nil && n >= first && n <= last
}

func TestTwoPhonesTalkThroughTheRelay(t *testing.T) {
	s := talk(open(t, relayed))
	s.goOn()
	strange := s.wire.messages(func(m sip.Message) bool { return m.Sent && (pointsTo(m, s.harry) || pointsTo(m, s.mary)) })
	for _, m := range strange {
		t.Errorf("a phone was told where the other is: %s %s", m.StartLine, m.CSeq)
	}
	s.harry.HangUp()
	s.over("completed", "caller", "caller")
}

func TestTheAPIHangsUpATalk(t *testing.T) {
	s := talk(open(t))
	c, err := s.api.HangUp(t.Context(), s.call.ID)
	if err != nil || c.State != "ended" {
		t.Fatalf("hang-up: %v, state %s", err, c.State)
	}
	s.over("completed", "", "api")
	again, err := s.api.HangUp(t.Context(), s.call.ID)
	if err != nil || again.End == nil || *again.End != *c.End {
		t.Errorf("hung up again: %v, %+v", err, again.End)
	}
}

// TestHold is Mary's own phone that puts Harry on hold, and takes him back. Sound after that is measured on the wire, and by
// root alone: the recorder of baresip 1.0.0 stays silent after a hold.
func TestHold(t *testing.T) {
	s := talk(open(t))
	s.wire.direct(t, s.harry, s.mary)
	s.mary.Hold()
	quiet, last := time.Now(), 0
	pbx.Eventually(t, soon, "Harry hears nothing for a second", func() bool {
		if n := len(s.harry.Heard()); n != last {
			last, quiet = n, time.Now()
		}
		return time.Since(quiet) > time.Second
	})
	if got := s.lastOffer(s.harry); !strings.Contains(got, "a=sendonly\r\n") {
		t.Errorf("held, Harry was offered:\n%s", got)
	}
	s.mary.Resume()
	pbx.Eventually(t, soon, "Harry is taken back", func() bool { return strings.Contains(s.lastOffer(s.harry), "a=sendrecv\r\n") })
	s.wire.direct(t, s.harry, s.mary)
	if pbx.CanTap() {
		s.harry.Overhear(t, soon, "Mary's tone", func(pcm []int16) bool { return pbx.Hears(pcm, time.Second, maryTone, harryTone) })
		s.mary.Overhear(t, soon, "Harry's tone", func(pcm []int16) bool { return pbx.Hears(pcm, time.Second, harryTone, maryTone) })
	}
	s.mary.HangUp()
	s.over("completed", "callee", "callee")
}

// lastOffer returns the newest INVITE that we sent to a phone.
func (h *house) lastOffer(p *pbx.Baresip) string {
	h.t.Helper()
	all := h.wire.messages(func(m sip.Message) bool {
		return m.Sent && m.Remote == p.Addr && strings.HasPrefix(m.StartLine, "INVITE ")
	})
	if len(all) == 0 {
		h.t.Fatal("no INVITE was sent to that phone")
	}
	return string(all[len(all)-1].Raw)
}

// TestSeveralPhonesOfOneUser rings two phones on each side at once; the first that answers wins, the other stops.
func TestSeveralPhonesOfOneUser(t *testing.T) {
	h := open(t)
	h.addBoth()
	for _, side := range []string{"caller", "callee"} {
		t.Run(side, func(t *testing.T) {
			login := map[string]string{"caller": "harry", "callee": "mary"}[side]
			other := map[string]string{"caller": "mary", "callee": "harry"}[side]
			first := pbx.StartBaresip(t, h.phone(login, harryTone, false))
			second := pbx.StartBaresip(t, h.phone(login, harryTone, false))
			peer := pbx.StartBaresip(t, h.phone(other, maryTone, true))
			c := h.click()
			first.Await("CALL_INCOMING", soon)
			second.Await("CALL_INCOMING", soon)
			second.Accept()
			first.Await("CALL_CLOSED", soon)
			c = h.state(c, "connected")
			pbx.Eventually(t, soon, "the winner hears the other side", func() bool {
				return pbx.Hears(second.Heard(), time.Second, maryTone, harryTone)
			})
			// The loser's end is recorded in a version of its own, which may come after the call was joined.
			pbx.Eventually(t, soon, "one leg won and the other ended as answered elsewhere", func() bool {
				c = h.state(c, "connected")
				party := c.Caller
				if side == "callee" {
					party = c.Callee
				}
				return endings(party) == "[answered answered_elsewhere]"
			})
			peer.HangUp()
			h.state(c, "ended")
			for _, p := range []*pbx.Baresip{first, second, peer} {
				p.Stop()
			}
		})
	}
}

// endings tells how the legs of a party are, in alphabetic order.
func endings(p client.Party) string {
	var all []string
	for _, l := range p.Legs() {
		if l.End != nil {
			all = append(all, l.End.Reason)
			continue
		}
		all = append(all, l.State)
	}
	if len(all) == 2 && all[0] > all[1] {
		all[0], all[1] = all[1], all[0]
	}
	return fmt.Sprint(all)
}
