package sip

import (
	"time"

	"github.com/emiago/sipgo/sip"

	"c2d/adapters/sip/dialog"
)

// orphan is an INVITE that left and that no leg waits for any more: its phone was silent, its leg was given up, or the
// process that sent it died. What comes late is released: an 18x is cancelled, a 200 gets ACK and BYE.
type orphan struct {
	invite  dialog.Invite
	until   time.Time
	cancels int                       // that were sent
	waits   bool                      // for the reply to one
	rings   bool                      // an 18x came meanwhile
	taken   bool                      // the phone took one
	byed    map[string]*dialog.Dialog // by To tag
}

// mostCancels bounds what a phone gets that rings on and knows nothing of the INVITE that it rings for.
const mostCancels = 3

// orphaned remembers an INVITE for late replies, and forgets those whose time is over.
func (s *Stack) orphaned(inv dialog.Invite) *orphan {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for k, o := range s.orphans {
		if now.After(o.until) {
			delete(s.orphans, k)
		}
	}
	key := dialogKey(inv.CallID, inv.Tag)
	o := s.orphans[key]
	if o == nil {
		o = &orphan{invite: inv, until: now.Add(s.waits.orphan), byed: map[string]*dialog.Dialog{}}
		s.orphans[key] = o
	}
	return o
}

// abandon acknowledges a 2xx that nobody wants and ends its dialog: ACK each time it comes, BYE once.
func (s *Stack) abandon(inv dialog.Invite, res *sip.Response) {
	o := s.orphaned(inv)
	tag := dialog.Tag(res.To())
	s.mu.Lock()
	d, again := o.byed[tag]
	s.mu.Unlock()
	var answer []byte
	if inv.Bare {
		answer = refusalOfMedia(res.Body())
	}
	if again {
		s.ackWith(d, inv.Seq, answer)
		return
	}
	made, err := inv.Confirm(res)
	if err != nil {
		if made.RemoteTag == "" {
			return // not even a dialog
		}
		made.Target = inv.Target // no usable Contact: where the INVITE went
	}
	s.follow(&made, res)
	made.Resume() // past the PRACKs of its early dialog
	s.mu.Lock()
	o.byed[tag] = &made
	s.mu.Unlock()
	s.ackWith(&made, inv.Seq, answer)
	s.bye(&made)
}

// withdraw cancels an orphan that still rings; then gets what the phone replied. A CANCEL that overtook its INVITE did
// nothing (481, RFC 3261 section 9.2), so an 18x that comes during it or later lets us send another.
func (s *Stack) withdraw(o *orphan, reason string, then func(*sip.Response)) {
	if !s.mayCancel(o) {
		return
	}
	s.sendCancel(o.invite, reason, func(res *sip.Response) {
		if s.stillRings(o, res) {
			s.withdraw(o, reason, ignore)
		}
		then(res)
	})
}

// mayCancel reports whether a CANCEL is to be sent now, and counts it.
func (s *Stack) mayCancel(o *orphan) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o.waits {
		o.rings = true
	}
	if o.waits || o.taken || o.cancels == mostCancels {
		return false
	}
	o.cancels++
	o.waits = true
	return true
}

// stillRings notes the reply to a CANCEL, nil for none, and reports whether the phone has said that it rings all the same.
func (s *Stack) stillRings(o *orphan, res *sip.Response) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	o.taken = res != nil && res.StatusCode != sip.StatusCallTransactionDoesNotExists
	rings := o.rings
	o.waits, o.rings = false, false
	return rings && !o.taken
}

func (s *Stack) sendCancel(inv dialog.Invite, reason string, then func(*sip.Response)) {
	h, err := s.hop(inv.Transport, inv.Dest)
	if err != nil {
		return
	}
	req, err := inv.Cancel(h, reason)
	if err != nil {
		s.log.Error("CANCEL", "leg", inv.CallID, "error", err)
		return
	}
	s.background(req, then)
}

// stray takes a response without a transaction: a 200 whose transaction is over, or a late one to an orphan. What
// belongs to no INVITE of ours is nobody's business: an unsolicited 200 makes us send nothing.
func (s *Stack) stray(res *sip.Response) {
	seq, id := res.CSeq(), res.CallID()
	if seq == nil || id == nil || seq.MethodName != sip.INVITE || res.From() == nil || res.To() == nil {
		return
	}
	key := dialogKey(id.Value(), dialog.Tag(res.From()))
	s.mu.Lock()
	l, o := s.dialogs[key], s.orphans[key]
	s.mu.Unlock()
	switch {
	case l != nil:
		l.again(res)
	case o == nil:
	case res.IsSuccess():
		s.abandon(o.invite, res)
	case res.IsProvisional() && res.StatusCode > sip.StatusTrying:
		s.withdraw(o, "", ignore)
	}
}
