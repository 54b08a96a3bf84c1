package sip

import (
	"fmt"
	"net/netip"

	"github.com/emiago/sipgo/sip"

	"c2d/adapters/sip/sdp"
	"c2d/core/call"
)

func stories() []story {
	relay := func(c *Config) { c.Relay = true }
	return []story{
		{name: "direct", tell: direct, watch: watchDirect, prompt: true},
		{name: "refreshed by the phone", tell: refreshing, watch: watchRefreshing, prompt: true},
		{name: "relayed and held", change: relay, tell: relayed, watch: watchRelayed},
		{name: "held by us", tell: waiting, watch: watchWaiting},
		{name: "recorded", change: relay, tell: recorded, watch: watchRecorded},
		{name: "ringing", tell: left, watch: watchLeft},
		{name: "ringing behind a NAT", tell: leftBehind, watch: watchLeft},
		{name: "prepared", tell: prepared, watch: watchPrepared, blob: "leg-b"},
		{name: "an ACK waits", change: withFlow(FlowIII), tell: ackWaits, watch: watchAckWaits},
		{name: "ringing, asked for an offer", change: withFlow(FlowIII), tell: asked, watch: watchAsked},
	}
}

const private = "Contact: <sip:harry@127.0.0.9:5070>"

const ours = "Session-Expires: 90;refresher=uac"

// direct: harry is behind a NAT and takes UPDATE, mary is reached through a proxy and does not.
func direct(w *witness) {
	w.reg.mu.Lock()
	w.reg.bindings[w.a.aor][0].Contact = "sip:harry@127.0.0.9:5070"
	w.reg.mu.Unlock()
	w.b.rtp = netip.AddrPortFrom(netip.MustParseAddr("127.0.0.2"), w.b.rtp.Port())
	w.answers(w.a, "leg-a", "", private, ours, allows)
	w.answers(w.b, "leg-b", "leg-a", "Record-Route: <sip:"+w.b.conn.LocalAddr().String()+";lr>", ours)
	w.do(w.stack.Join(w.t.Context(), "leg-a", "leg-b"))
	w.accepts(w.a, private, ours, allows)
	w.accepts(w.b, ours)
	w.expect("leg-a", call.EvJoined, call.EvMedia)
	w.a.codecs = append(sdp.DefaultCodecs(), sdp.Codec{PT: 96, Name: "opus", Rate: 48000, Channels: 2})
	w.b.codecs = w.a.codecs
	w.a.within("INVITE", w.a.sdp.Offer(w.a.rtp, w.a.codecs, sdp.SendRecv), private)
	w.accepts(w.b, ours)
	w.a.ackOf(w.a.passes("200"))
	w.a.within("UPDATE", nil, private, "Supported: timer", "Session-Expires: 120;refresher=uas") // so that its CSeq is stored
	w.a.passes("200")
}

// answers brings a phone into a leg, with more headers in its 200.
func (w *witness) answers(p *phone, leg, joinTo string, extra ...string) {
	w.t.Helper()
	w.ring(p, leg, joinTo)
	inv := p.rings()
	p.reply(inv, 200, p.answer(inv), extra...)
	p.passes("ACK")
	w.expect(leg, call.EvAnswered)
}

// accepts answers an INVITE inside the dialog.
func (w *witness) accepts(p *phone, extra ...string) {
	inv := p.request("INVITE")
	p.reply(inv, 200, p.answer(inv), extra...)
	p.request("ACK")
}

func watchDirect(w *witness) {
	up := w.request(w.a)
	w.a.reply(up, 200, nil, private, ours, allows)
	inv := w.request(w.b)
	w.b.reply(inv, 200, w.b.answer(inv), ours)
	w.sees(w.b)
	w.a.send(w.a.inside("UPDATE", w.cseq, nil)) // was used before
	w.sees(w.a)
	w.a.within("INVITE", nil, private)
	ok := w.sees(w.a)
	w.a.ackOf(ok, w.a.answerTo(ok)...)
	w.a.within("INVITE", w.a.sdp.Offer(w.a.rtp, w.stack.leg("leg-a").described().Codecs, sdp.SendOnly), private)
	hold := w.request(w.b)
	w.b.reply(hold, 200, w.b.answer(hold), ours)
	w.sees(w.b)
	w.a.ackOf(w.sees(w.a))
	w.tells("leg-a")
	w.over()
}

// answerTo answers an offer in a response.
func (p *phone) answerTo(ok sip.Message) []byte {
	d, err := sdp.Parse(ok.Body())
	if err != nil || d.Audio == nil {
		return nil
	}
	return p.sdp.Answer(d, p.rtp, sdp.Common(d.Audio.Codecs, p.codecs), sdp.SendRecv)
}

// refreshing: the phone refreshes, and stops.
func refreshing(w *witness) {
	w.answers(w.a, "leg-a", "", "Session-Expires: 90;refresher=uas", "Require: timer")
}

func watchRefreshing(w *witness) {
	w.a.reply(w.request(w.a), 200, nil)
	w.tells("leg-a")
}

// relayed: harry holds mary.
func relayed(w *witness) {
	w.a.codecs = []sdp.Codec{{PT: 8, Name: "PCMA", Rate: 8000, Channels: 1}, {PT: 96, Name: "telephone-event", Rate: 8000, Channels: 1}}
	w.talking(w.a, w.b)
	w.join()
	w.media("relay")
	w.a.within("INVITE", w.a.sdp.Offer(w.a.rtp, w.a.codecs, sdp.SendOnly))
	w.a.ackOf(w.a.passes("200"))
	w.expect("leg-a", call.EvHeld)
}

func watchRelayed(w *witness) {
	toA, toB := w.stack.leg("leg-a"), w.stack.leg("leg-b")
	if toA == nil || toB == nil || toA.ep == nil || toB.ep == nil {
		w.lacks("no anchors")
	}
	portA, portB := toA.ep.Addr(), toB.ep.Addr()
	w.note(fmt.Sprint("anchors at ", portA, portB))
	w.hears(w.b, func(seq uint16) {
		w.b.says(portB, seq, 0x61) // harry does not listen
		w.a.says(portA, seq, 0x62)
	})
	w.a.within("INVITE", w.a.sdp.Offer(w.a.rtp, w.a.codecs, sdp.SendRecv))
	w.a.ackOf(w.sees(w.a))
	w.tells("leg-a")
	w.hears(w.a, func(seq uint16) { w.b.says(portB, 1000+seq, 0x63) })
	w.over()
}

// waiting: we hold mary for harry.
func waiting(w *witness) {
	w.house.direct(w.a, w.b)
	w.do(w.stack.Hold(w.t.Context(), "leg-a", true))
	w.a.redirected()
	w.b.redirected()
	w.eventually("both are stored as held", func() bool { return w.blob("leg-a").Holds && w.blob("leg-b").Waits })
}

func watchWaiting(w *witness) {
	for _, p := range []*phone{w.a, w.b} {
		inv := w.request(p)
		p.reply(inv, 200, p.answer(inv))
		w.sees(p)
	}
	w.b.within("INVITE", w.b.sdp.Offer(w.b.rtp, sdp.DefaultCodecs(), sdp.SendOnly))
	w.b.ackOf(w.sees(w.b))
	w.tells("leg-b")
	w.a.within("INVITE", w.a.sdp.Offer(w.a.rtp, sdp.DefaultCodecs(), sdp.SendOnly))
	w.a.ackOf(w.sees(w.a))
	w.tells("leg-a")
	w.a.within("INVITE", w.a.sdp.Offer(w.a.rtp, sdp.DefaultCodecs(), sdp.SendRecv)) // what we hold stays held
	w.a.ackOf(w.sees(w.a))
	w.over()
}

// left: harry's phone rings.
func left(w *witness) {
	w.reg.mu.Lock()
	w.reg.bindings[w.a.aor][0].Path = []string{"<sip:" + w.a.conn.LocalAddr().String() + ";lr>"}
	w.reg.mu.Unlock()
	w.ring(w.a, "leg-a", "")
	inv := w.a.invited()
	w.a.reply(inv, 180, nil, "Record-Route: <sip:"+w.a.conn.LocalAddr().String()+";lr>", "Contact: <sip:harry@127.0.0.9:5070>")
	w.expect("leg-a", call.EvRinging)
}

// leftBehind: it names another address than the one that it registered from.
func leftBehind(w *witness) {
	w.reg.mu.Lock()
	w.reg.bindings[w.a.aor][0].Contact = "sip:harry@127.0.0.9:5070"
	w.reg.mu.Unlock()
	w.ring(w.a, "leg-a", "")
	w.a.reply(w.a.invited(), 180, nil, private)
	w.expect("leg-a", call.EvRinging)
}

func watchLeft(w *witness) {
	cancel, ok := w.sees(w.a, true).(*sip.Request)
	if !ok {
		w.lacks("no CANCEL")
	}
	w.tells("leg-a")
	w.a.reply(cancel, 481, nil)
	w.a.reply(w.request(w.a), 200, nil)
}

// prepared: a call of ida's that goes on to mary is stored, and not sent yet.
func prepared(w *witness) {
	w.c.codecs = []sdp.Codec{{PT: 0, Name: "PCMU", Rate: 8000, Channels: 1}}
	w.c.calls("mary", w.c.sdp.Offer(w.c.rtp, w.c.codecs, sdp.SendRecv), proof)
	w.c.passes("100")
	leg, _ := w.offered()
	w.do(w.stack.Answer(w.t.Context(), leg))
	ok := w.c.passes("200")
	w.c.follows(ok, "ACK", nil)
	w.expect(leg, call.EvAnswered)
	w.reg.mu.Lock()
	w.reg.bindings[w.b.aor][0].Path = []string{"<sip:" + w.b.conn.LocalAddr().String() + ";lr>"}
	w.reg.mu.Unlock()
	raw, err := w.stack.Prepare(w.t.Context(), w.originate(leg))
	w.do(err)
	w.sink.resume["leg-b"] = raw
	w.c.tag = leg // where watch finds it
}

func (w *witness) originate(joinTo string) call.Originate {
	return call.Originate{Leg: "leg-b", JoinTo: joinTo, RingLimit: limit, Show: call.Shown{Name: "Ida", Number: "102"}, Way: w.way(w.b)}
}

func watchPrepared(w *witness) {
	if w.stack.Originate(w.t.Context(), w.originate(w.c.tag), w.raw) != nil {
		w.lacks("not sent")
	}
	inv, ok := w.sees(w.b, true).(*sip.Request)
	if !ok {
		w.lacks("no INVITE")
	}
	w.b.reply(inv, 486, nil)
	w.sees(w.b)
	w.tells("leg-b")
}
