package phone

import (
	"net/netip"
	"sync"

	"github.com/emiago/sipgo/sip"

	"c2d/adapters/sip/sdp"
)

// call is one dialog of the phone, or what will become one, with its sound.
type call struct {
	phone    *Phone
	id       string
	localTag string
	incoming bool
	audio    *audio
	decide   chan int      // status that the owner of the phone wants to answer with
	done     chan struct{} // closed at the end
	giveUp   func()        // outgoing, before the answer: sends CANCEL
	sending  sync.Mutex    // held while an in-dialog request of ours waits for its answer

	exchange sync.Mutex // one description at a time
	newest   uint32     // CSeq of the INVITE whose description, or whose ACK's, holds; guarded by exchange

	mu         sync.Mutex
	ended      bool
	talking    bool
	local      sip.FromHeader // our name and tag as From
	remote     sip.ToHeader   // the other's name and tag as To
	target     sip.Uri        // remote target: the Contact of the last INVITE or 2xx
	routes     []sip.Uri
	cseq       uint32 // of our last request
	remoteCSeq uint32 // of the other's last request
	desc       sdp.Local
	dir        sdp.Direction // as wanted here
	acks       []*pendingAck // 2xx of ours that wait for their ACKs: a re-INVITE may come before the ACK of the first
}

// pendingAck is a 2xx that is repeated until its ACK comes. When it carried an offer, the ACK has the answer.
type pendingAck struct {
	cseq  uint32
	offer bool
	done  chan struct{}
	late  chan struct{} // closed when it did not come in time
}

func (p *Phone) newCall(id string, incoming bool) (*call, error) {
	ears := p.ears
	if p.cfg.Deaf {
		ears = nil
	}
	a, err := openAudio(p.addr.Addr(), p.cfg.ToneHz, ears)
	if err != nil {
		return nil, err
	}
	return &call{phone: p, id: id, incoming: incoming, audio: a, localTag: sip.GenerateTagN(12), dir: sdp.SendRecv,
		decide: make(chan int, 1), done: make(chan struct{}), giveUp: func() {}}, nil
}

// end closes the call once, whoever ends it, and tells so.
func (c *call) end(e Event) {
	c.mu.Lock()
	if c.ended {
		c.mu.Unlock()
		return
	}
	c.ended = true
	if c.talking {
		e.Status = 0
	}
	c.mu.Unlock()
	close(c.done)
	c.audio.close()
	c.phone.forget(c)
	e.Kind = Ended
	c.tell(e)
}

func (c *call) tell(e Event) {
	e.Call, e.Incoming = c.id, c.incoming
	c.phone.journal.tell(e)
}

// talk notes that both sides have agreed.
func (c *call) talk() {
	c.mu.Lock()
	first := !c.talking && !c.ended
	c.talking = true
	c.mu.Unlock()
	if first {
		c.tell(Event{Kind: Answered})
	}
}

// hear takes the other side's description: from the next packet on, the tone goes there.
func (c *call) hear(m *sdp.Media, codecs []sdp.Codec) {
	to := route{addr: m.AddrPort(), codecs: codecs}
	if m.Black() || !m.Direction.Receives() || !c.wants().Sends() {
		to.addr = netip.AddrPort{}
	}
	if c.audio.send(to) {
		c.tell(Event{Kind: Media, Remote: to.addr})
	}
}

func (c *call) wants() sdp.Direction {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dir
}

// offer returns our own description.
func (c *call) offer() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.desc.Offer(c.audio.addr, c.phone.cfg.Codecs, c.dir)
}

// agree answers an offer, be it one without media, and begins to send as it says; nil when there is nothing in common (488).
func (c *call) agree(body []byte) []byte {
	s, err := sdp.Parse(body)
	if err == nil && len(s.MLines) == 0 { // no media yet (RFC 3725 section 4.4)
		return c.desc.Nothing(c.audio.addr)
	}
	if err != nil || s.Audio == nil {
		return nil
	}
	codecs := sdp.Common(s.Audio.Codecs, c.phone.cfg.Codecs)
	if codecs == nil || !s.Audio.Plain() {
		return nil
	}
	c.mu.Lock()
	answer := c.desc.Answer(s, c.audio.addr, codecs, c.dir)
	c.mu.Unlock()
	c.hear(s.Audio, codecs)
	return answer
}

// settle takes the answer to an offer of ours; false if it is none.
func (c *call) settle(body []byte) bool {
	s, err := sdp.Parse(body)
	if err != nil || s.Audio == nil {
		return false
	}
	c.hear(s.Audio, sdp.Common(s.Audio.Codecs, c.phone.cfg.Codecs))
	return true
}

// describe takes a description that belongs to an INVITE of the other side, unless that of a later one is here: an ACK may come
// late.
func (c *call) describe(cseq uint32, take func()) {
	c.exchange.Lock()
	defer c.exchange.Unlock()
	if cseq < c.newest {
		return
	}
	c.newest = cseq
	take()
}

// aim takes the remote target from a message of the other side (RFC 3261 section 12.2.1.2).
func (c *call) aim(contact *sip.ContactHeader) {
	if contact == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.target = *contact.Address.Clone()
}

// next reports whether a request of the other side has a higher CSeq than those before it, and notes it.
func (c *call) next(req *sip.Request) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if req.CSeq() == nil || req.CSeq().SeqNo <= c.remoteCSeq {
		return false
	}
	c.remoteCSeq = req.CSeq().SeqNo
	return true
}

// request builds an in-dialog request (RFC 3261 section 12.2.1.1); its CSeq is a new one.
func (c *call) request(method sip.RequestMethod) *sip.Request {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cseq++
	return c.build(method, c.cseq)
}

// build returns a request of the dialog; the caller holds mu.
func (c *call) build(method sip.RequestMethod, cseq uint32) *sip.Request {
	req := sip.NewRequest(method, c.target)
	for _, r := range c.routes {
		req.AppendHeader(&sip.RouteHeader{Address: r})
	}
	from, to, id := c.local, c.remote, sip.CallIDHeader(c.id)
	from.Params, to.Params = from.Params.Clone(), to.Params.Clone()
	req.AppendHeader(&from)
	req.AppendHeader(&to)
	req.AppendHeader(&id)
	req.AppendHeader(&sip.CSeqHeader{SeqNo: cseq, MethodName: method})
	req.AppendHeader(c.phone.contact())
	return req
}
