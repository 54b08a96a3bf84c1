package sip

import (
	"context"
	"net/netip"
	"slices"
	"testing"

	"github.com/emiago/sipgo/sip"

	"c2d/adapters/sip/dialog"
	"c2d/core/call"
)

// restarted stops the stack as a crash would, without a word to the phones, and starts another on the same ports with
// what was stored of the legs.
func (h *house) restarted(change ...func(*house)) {
	h.t.Helper()
	h.reborn(h.left(), func() {
		for _, c := range change {
			c(h)
		}
	})
}

// left is what is stored of the legs that there are.
func (h *house) left() (open []call.OpenLeg) {
	infos, _ := h.stack.Snapshot(h.t.Context())
	h.sink.mu.Lock()
	defer h.sink.mu.Unlock()
	for _, i := range infos {
		open = append(open, call.OpenLeg{Leg: i.Leg, Way: h.stack.leg(i.Leg).way, State: i.State, JoinedTo: i.JoinedTo, Resume: h.sink.resume[i.Leg]})
	}
	return open
}

// reborn ends the stack and starts another with the legs.
func (h *house) reborn(open []call.OpenLeg, between func()) {
	h.t.Helper()
	cfg, socks, before := h.stack.cfg, h.stack.sockets(), h.stack.waits
	h.gate.crashed.Store(true)
	h.stack.crash()
	between()
	cfg.Listen = nil
	for _, k := range socks {
		cfg.Listen = append(cfg.Listen, k.network+":"+k.addr.String())
	}
	s, err := New(cfg, h.stack.deps)
	if err != nil {
		h.t.Fatal(err)
	}
	s.waits = before
	h.do(s.Listen())
	h.stack = s
	h.gate = &gate{sink: h.sink}
	h.do(s.Start(h.t.Context(), h.gate, open))
}

// crash ends a stack as far as the network can see, as the end of the process would.
func (s *Stack) crash() {
	s.mu.Lock()
	s.stopped = true
	s.mu.Unlock()
	for _, k := range s.sockets() {
		k.deafen(context.Background())
	}
	s.cancel()
	s.tx.Close()
	s.closeSockets()
	s.closeMedia()
	_ = s.closeConnections()
	_ = s.wait(context.Background())
}

func TestDirectCallOutlivesTheProcess(t *testing.T) {
	h := newHouse(t).start()
	a, b := h.phone("harry"), h.phone("mary")
	h.direct(a, b)
	h.eventually("b's blob", func() bool { return h.blob("leg-b").Direct })
	h.restarted()
	b.within("BYE", nil)
	b.gets("200")
	h.ended("leg-b", call.Completed)
	h.do(h.stack.HangUp(t.Context(), "leg-a", call.Completed))
	bye := a.request("BYE")
	if bye.CSeq().SeqNo < 1000 {
		t.Errorf("CSeq %d may have been used by the former process", bye.CSeq().SeqNo)
	}
	a.reply(bye, 200, nil)
	h.ended("leg-a", call.Completed)
}

func (h *house) blob(leg string) blob {
	h.sink.mu.Lock()
	defer h.sink.mu.Unlock()
	b, err := decodeBlob(h.sink.resume[leg])
	if err != nil {
		h.t.Fatal(err)
	}
	return b
}

func TestRelayedCallTakesItsPortsAgain(t *testing.T) {
	h := newHouse(t, func(c *Config) { c.Relay = true }).start()
	a, b := h.phone("harry"), h.phone("mary")
	h.talking(a, b)
	h.join()
	h.media("relay")
	h.restarted()
	h.media("relay")
	hearEachOther(a, b)
}

func TestRelayedCallWhosePortsAreTakenIsEnded(t *testing.T) {
	h := newHouse(t, func(c *Config) { c.Relay = true }).start()
	a, b := h.phone("harry"), h.phone("mary")
	h.talking(a, b)
	h.join()
	h.media("relay")
	h.restarted(func(h *house) {
		port := h.blob("leg-a").Port
		squatter := h.squat(netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(port)))
		h.t.Cleanup(squatter)
	})
	a.reply(a.request("BYE"), 200, nil)
	h.ended("leg-a", call.MediaFailed)
}

func TestUnfinishedRedirectionIsDoneAnew(t *testing.T) {
	h := newHouse(t).start()
	a, b := h.phone("harry"), h.phone("mary")
	h.talking(a, b)
	h.join()
	a.redirected()
	b.gets("INVITE")
	h.restarted()
	for _, p := range []*phone{a, b} {
		inv := p.invitedAfter(1000)
		p.reply(inv, 200, p.answer(inv))
		p.passes("ACK")
	}
	h.media("direct")
}

// invitedAfter passes over the INVITEs of the former process.
func (p *phone) invitedAfter(seq uint32) *sip.Request {
	p.t.Helper()
	for {
		if inv := p.passes("INVITE").(*sip.Request); inv.CSeq().SeqNo > seq {
			return inv
		}
	}
}

func TestRingingPhoneStopsAfterARestart(t *testing.T) {
	h := newHouse(t).start()
	p := h.phone("mary")
	h.ring(p, "leg", "")
	inv := p.rings()
	h.restarted()
	cancel := p.request("CANCEL")
	if branch(cancel) != branch(inv) || cancel.CSeq().SeqNo != inv.CSeq().SeqNo {
		t.Errorf("the CANCEL matches no INVITE:\n%s", cancel)
	}
	h.ended("leg", call.Lost)
	p.reply(cancel, 200, nil)
	p.reply(inv, 200, p.answer(inv)) // lifted at that moment
	ack := p.passes("ACK").(*sip.Request)
	if ack.CSeq().SeqNo != inv.CSeq().SeqNo {
		t.Error("ACK has another CSeq than its INVITE")
	}
	p.passes("BYE")
}

// The CANCEL of the next process overtook the INVITE: the phone knows of no call, and begins to ring after that.
func TestCancelThatOvertookItsInviteIsSentAgain(t *testing.T) {
	for _, late := range []bool{false, true} { // whether the 481 comes after the 180
		h := newHouse(t).start()
		p := h.phone("mary")
		h.ring(p, "leg", "")
		inv := p.invited()
		h.restarted()
		says := []func(){func() { p.reply(p.cancelled(inv), 481, nil) }, func() { p.reply(inv, 180, nil) }}
		if late {
			slices.Reverse(says)
		}
		for _, say := range says {
			say()
		}
		for range mostCancels - 2 { // a proxy may be slow to find the call
			p.reply(inv, 180, nil)
			p.reply(p.cancelled(inv), 481, nil)
		}
		p.reply(inv, 180, nil)
		p.reply(p.cancelled(inv), 200, nil)
		p.reply(inv, 487, nil)
		h.ended("leg", call.Lost)
	}
}

// cancelled waits for the CANCEL of an INVITE. A second one of it is no repetition for a phone that replied to the first.
func (p *phone) cancelled(inv *sip.Request) *sip.Request {
	p.t.Helper()
	p.seen["CANCEL"+branch(inv)] = false
	return p.request("CANCEL")
}

// The process died between the phone's 200 and the record: the record says ringing, the phone is in a call.
// Some phones answer its CANCEL with 481, others, as baresip does, with 200.
func TestPhoneThatAnsweredTheDeadProcessIsReleased(t *testing.T) {
	for _, status := range []int{481, 200} {
		h := newHouse(t).start()
		p := h.phone("mary")
		h.ring(p, "leg", "")
		p.rings()
		h.restarted()
		p.reply(p.request("CANCEL"), status, nil)
		bye := p.request("BYE")
		if dialog.Tag(bye.To()) != p.tag || bye.CSeq().SeqNo < 1000 {
			t.Errorf("BYE\n%s", bye)
		}
		p.reply(bye, 200, nil)
	}
}

func TestPreparedButNeverSentIsLost(t *testing.T) {
	h := newHouse(t)
	p := h.phone("mary")
	blob, err := h.stack.Prepare(t.Context(), call.Originate{Leg: "leg", Way: h.way(p)})
	h.do(err)
	h.start(call.OpenLeg{Leg: "leg", State: call.LegIntended, Resume: blob}, call.OpenLeg{Leg: "rubbish", State: call.LegAnswered, Resume: []byte("{")})
	h.ended("leg", call.Lost)
	h.ended("rubbish", call.Lost)
	p.gets("CANCEL")
}

func TestStopReleasesWhatRingsAndLeavesWhoTalks(t *testing.T) {
	h := newHouse(t).start()
	a, b, c, d := h.phone("harry"), h.phone("mary"), h.phone("ringing"), h.phone("calling")
	h.direct(a, b)
	h.ring(c, "leg-c", "")
	inv := c.rings()
	d.calls("101", d.offers(), proof)
	d.gets("100")
	leg, _ := h.offered()
	go func() { // the phone, while Stop waits
		for m := range c.in {
			if r, ok := m.(*sip.Request); ok && r.Method == sip.CANCEL {
				c.reply(r, 200, nil)
				c.reply(inv, 487, nil)
				return
			}
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	h.do(h.stack.Stop(ctx))
	h.do(h.stack.Stop(ctx))
	h.ended("leg-c", call.Cancelled)
	h.ended(leg, call.Cancelled)
	d.gets("480")
	select {
	case m := <-a.in:
		t.Errorf("who talks got %s", what(m))
	default:
	}
	if err := h.stack.Health(ctx); err == nil {
		t.Error("healthy after Stop")
	}
}

// A phone that rings on whatever it is sent does not keep us busy.
func TestSoManyCancelsAndNoMore(t *testing.T) {
	s, o, n := &Stack{}, &orphan{}, 0
	for range 10 {
		if s.mayCancel(o) {
			n++
		}
		s.mayCancel(o)
		s.stillRings(o, &sip.Response{StatusCode: 481})
	}
	if n != mostCancels {
		t.Errorf("%d CANCELs", n)
	}
}
