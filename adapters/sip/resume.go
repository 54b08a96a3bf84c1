package sip

import (
	"encoding/json"
	"time"

	"github.com/emiago/sipgo/sip"

	"c2d/adapters/sip/dialog"
	"c2d/adapters/sip/sdp"
	"c2d/core/call"
	"c2d/core/fault"
)

// blob is what is stored of a leg, so that another process can take it up. Before the answer it holds the INVITE; from
// the answer on the dialog, both sides' media, and the RTP port while we forward.
type blob struct {
	Tag    string         `json:"tag"`
	Invite *dialog.Invite `json:"invite,omitempty"`
	Early  *dialog.Dialog `json:"early,omitempty"`
	Dialog *dialog.Dialog `json:"dialog,omitempty"`
	Local  sdp.Local      `json:"local"`
	Remote *sdp.Media     `json:"remote,omitempty"`
	Port   int            `json:"port,omitempty"`
	Direct bool           `json:"direct,omitempty"`
	Peer   string         `json:"peer,omitempty"`
	Held   bool           `json:"held,omitempty"`
	Holds  bool           `json:"holds,omitempty"`
	Waits  bool           `json:"waits,omitempty"`

	Recording string `json:"recording,omitempty"` // with the peer, ordered on this leg
	Recorded  int64  `json:"recorded,omitempty"`  // since when, in Unix milliseconds

	Session session `json:"session,omitzero"`
	Delayed delayed `json:"delayed,omitzero"`
}

func decodeBlob(raw []byte) (b blob, err error) {
	if err = json.Unmarshal(raw, &b); err != nil {
		return b, fault.Wrap(fault.CodeInvalid, err, "resume blob")
	}
	return b, nil
}

// recovery is what is left to do for one leg of a former process, once messages can be sent.
type recovery struct {
	leg    *leg           // answered: its dialog goes on
	invite *dialog.Invite // not answered: to be released
	early  *dialog.Dialog // its early dialog, if the phone had rung
	cause  call.Cause     // of the end that is told, if leg cannot go on
	ended  bool
}

// adopt rebuilds the legs that a former process left, before the first message is read: a BYE of a phone that hung up
// meanwhile finds its dialog.
func (s *Stack) adopt(open []call.OpenLeg) []recovery {
	var todo []recovery
	for _, o := range open {
		b, err := decodeBlob(o.Resume)
		switch {
		case err != nil:
			s.log.Warn("a leg cannot be taken up", "leg", o.Leg, "error", err)
			todo = append(todo, recovery{leg: s.newLeg(o.Leg, o.Leg, ""), ended: true})
		case b.Dialog == nil || o.State != call.LegAnswered:
			todo = append(todo, s.released(o, b))
		default:
			todo = append(todo, s.rebuilt(o, b))
		}
	}
	return todo
}

// released is a leg that rang: nobody waits for it any more.
func (s *Stack) released(o call.OpenLeg, b blob) recovery {
	r := recovery{leg: s.newLeg(o.Leg, o.Leg, b.Tag), invite: b.Invite, early: b.Early, ended: true}
	r.leg.way = o.Way
	if b.Invite != nil {
		r.leg.invite = *b.Invite
		s.orphaned(*b.Invite)
	}
	return r
}

// rebuilt is a leg that talked. One whose audio we forwarded needs its own ports again, since its phone sends there.
func (s *Stack) rebuilt(o call.OpenLeg, b blob) recovery {
	l := s.newLeg(o.Leg, b.Dialog.CallID, b.Tag)
	l.way, l.dlg, l.local = o.Way, b.Dialog, b.Local
	l.direct, l.peer, l.held, l.state = b.Direct, b.Peer, b.Held, call.LegAnswered
	l.holds, l.waits = b.Holds, b.Waits
	if b.Recording != "" {
		l.rec = s.newRecord(l, b.Recording, time.UnixMilli(b.Recorded)) // its peer is not known yet: see rejoin
	}
	l.session, l.delayed, l.flow = b.Session, b.Delayed, s.flowOf(o.Way)
	l.dlg.Resume()
	l.settle()
	if b.Remote != nil {
		l.remote = *b.Remote
	}
	r := recovery{leg: l}
	if b.Port != 0 {
		ep, err := s.pool.OpenAt(b.Port)
		if err != nil {
			r.ended, r.cause = true, call.Cause{Reason: call.MediaFailed, Text: "RTP port is taken"}
		} else {
			l.ep = ep
			l.setRemote(l.remote)
			l.hear()
		}
	}
	s.add(l)
	return r
}

// takeUp does what recovery owes: releases what rang, ends what cannot go on, and forwards and redirects again those
// whose joining was not over.
func (s *Stack) takeUp(todo []recovery) {
	for _, r := range todo {
		switch {
		case r.invite != nil:
			r.leg.letGo(*r.invite, r.early)
			if r.leg.credentials() != nil { // it may have been sent again since it was stored
				s.sendCancel(r.invite.Again(), "", ignore)
			}
			r.leg.finish(call.Cause{Reason: call.Lost})
		case r.ended && r.leg.dlg != nil:
			r.leg.order(r.cause.Reason)
			r.leg.sayBye()
		case r.ended:
			r.leg.finish(call.Cause{Reason: call.Lost})
		default:
			r.leg.resumeWatch()
			s.rejoin(r.leg)
		}
	}
}

// letGo cancels the INVITE of a former process. The phone may have answered it at the moment that the process died: then
// its early dialog, had it rung, has become a call with nobody, which BYE ends. The answer to the CANCEL does not tell:
// 481 says so, and 200 comes from phones that have answered as well (RFC 3261 section 9.2). In a dialog that is early
// still, BYE is allowed too (section 15).
func (l *leg) letGo(inv dialog.Invite, early *dialog.Dialog) {
	then := func(res *sip.Response) {
		if early != nil && res != nil && (res.IsSuccess() || res.StatusCode == sip.StatusCallTransactionDoesNotExists) {
			l.s.follow(early, res)
			early.Resume()
			l.s.bye(early)
		}
	}
	l.s.withdraw(l.s.orphaned(inv), "", then)
	l.oweCancel(inv, "", then)
}

// rejoin links a relayed leg to its peer again, once for the two.
func (s *Stack) rejoin(l *leg) {
	l.mu.Lock()
	peer := s.leg(l.peer)
	l.mu.Unlock()
	if peer == nil || l.id > peer.id {
		return
	}
	unlock := both(l, peer)
	linked, held := l.ep != nil && peer.ep != nil, l.waits || peer.waits
	var rec *record
	if linked {
		rec = shareRecord(l, peer)
		l.connect(peer)
	}
	unlock()
	switch {
	case rec != nil: // likewise
		s.spawn(func() { rec.run(true) })
	case linked && held: // the phones may not have been told
		s.spawn(func() { s.settle(l, peer, true) })
	case linked:
		s.spawn(func() { s.redirect(l, peer) })
	}
}
