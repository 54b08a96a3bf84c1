package sip

import (
	"context"

	"github.com/emiago/sipgo/sip"

	"c2d/adapters/sip/dialog"
	"c2d/core/call"
	"c2d/core/fault"
)

// inviter is whoever sent a new INVITE, and what it dialled.
type inviter struct {
	way     call.Way
	dialled string
	outside bool
}

// inviter returns who sent an INVITE: the trunk that owns its source address or its certificate, else the phone that its digest proves; or
// the response that challenges or refuses it.
func (s *Stack) inviter(req *sip.Request) (inviter, *sip.Response) {
	if g, word := s.gatewayOf(req); g != nil {
		return g.inviter(req, word), nil
	}
	device, refused := s.deps.Registrar.Authenticate(s.ctx, req, source(req))
	if refused == nil {
		s.vouch(req)
	}
	return inviter{way: call.Way{Backend: device.Backend, Address: device.Address}, dialled: s.dialled(&req.Recipient)}, refused
}

// onInvite takes a new call from a phone or trunk: known, offered to core, and served until it is answered or over.
func (s *Stack) onInvite(req *sip.Request, tx *sip.ServerTx) {
	if s.returned(req) {
		s.reply(tx, req, sip.StatusLoopDetected)
		return
	}
	who, refused := s.inviter(req)
	if refused != nil {
		s.dismiss(tx, refused)
		return
	}
	if status := s.replacing(req); status != 0 {
		s.reply(tx, req, status)
		return
	}
	if s.overtaken(req) {
		s.reply(tx, req, sip.StatusRequestTerminated)
		return
	}
	if tooShort(req) {
		_ = tx.Respond(tooBrief(s.response(req, 422)))
		return
	}
	l, status := s.offered(req, who.way)
	if status != 0 {
		s.reply(tx, req, status)
		return
	}
	cancelled := make(chan struct{})
	if !tx.OnCancel(func(*sip.Request) { close(cancelled) }) {
		s.withdrawn(l)
		return
	}
	s.reply(tx, req, sip.StatusTrying)
	l.mu.Lock()
	l.enter(call.LegOffered, call.LegEvent{
		Kind: call.EvOffered, From: who.way.Address, To: who.dialled, Backend: who.way.Backend, Outside: who.outside, Resume: l.resume(),
	})
	l.mu.Unlock()
	l.serve(tx, cancelled)
}

// withdrawn drops a leg that was cancelled before it was told of.
func (s *Stack) withdrawn(l *leg) {
	s.forget(l)
	if ep := l.takeEndpoint(); ep != nil {
		_ = ep.Close()
	}
}

// returned recognises our own INVITE that came back to us.
func (s *Stack) returned(req *sip.Request) bool {
	return s.dialogOf(req.CallID().Value(), dialog.Tag(req.From())) != nil
}

// offered makes the leg of a new INVITE, or says with which status to refuse it.
func (s *Stack) offered(req *sip.Request, from call.Way) (*leg, int) {
	tag := newTag()
	d, err := dialog.FromInvite(req, tag)
	if err != nil {
		return nil, sip.StatusBadRequest
	}
	o, status := newOffer(req)
	if status != 0 {
		return nil, status
	}
	l := s.newLeg(s.deps.LegID(), d.CallID, tag)
	l.way, l.state, l.dlg, l.offer = from, call.LegOffered, &d, o
	l.local.ID, l.local.Addr = sessionID(), s.mediaAddress(from.Backend)
	if l.ep, err = s.pool.Open(); err != nil {
		return nil, sip.StatusServiceUnavailable
	}
	if o.sdp != nil {
		l.setRemote(*o.sdp.Audio)
	}
	l.hear()
	l.settle()
	if !s.add(l) {
		_ = l.ep.Close()
		return nil, sip.StatusServiceUnavailable
	}
	return l, 0
}

// Ring implements [call.Backend].
func (s *Stack) Ring(_ context.Context, leg string) error {
	return s.answer(leg, sip.StatusRinging, nil)
}

// Answer implements [call.Backend]: 200 with our own RTP address.
func (s *Stack) Answer(_ context.Context, id string) error {
	return s.answer(id, sip.StatusOK, (*leg).describe)
}

// Refuse implements [call.Backend].
func (s *Stack) Refuse(_ context.Context, leg string, why call.Reason) error {
	if l := s.leg(leg); l != nil {
		l.hangUp(why)
	}
	return nil
}

// GiveBack implements [call.Backend]. There is no dialplan behind us: the number is unknown.
func (s *Stack) GiveBack(_ context.Context, leg string) error {
	return s.Refuse(context.Background(), leg, call.InvalidNumber)
}

func (s *Stack) answer(id string, status int, body func(*leg) []byte) error {
	l := s.leg(id)
	if l == nil {
		return nil
	}
	l.mu.Lock()
	o, state := l.offer, l.state
	l.mu.Unlock()
	if o == nil || state != call.LegOffered {
		return fault.New(fault.CodeConflict, "the leg was not offered, or is answered")
	}
	o.order(status, body)
	return nil
}
