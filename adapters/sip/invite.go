package sip

import (
	"context"
	"strings"

	"github.com/emiago/sipgo/sip"

	"c2d/adapters/sip/sdp"
	"c2d/core/call"
	"c2d/core/fault"
)

// Originate implements [call.Backend]: it sends the INVITE that Prepare decided on, and one goroutine follows it until
// it is answered, refused or given up. Errors: fault.CodeCongestion when no RTP port is free, CodeConflict when the leg
// id was used; then nothing was sent.
func (s *Stack) Originate(_ context.Context, o call.Originate, resume []byte) error {
	b, err := decodeBlob(resume)
	if err != nil || b.Invite == nil {
		return fault.Field(fault.CodeInvalid, "resume", "is not one that Prepare gave out")
	}
	h, err := s.hop(b.Invite.Transport, b.Invite.Dest)
	if err != nil {
		return err
	}
	l := s.newLeg(o.Leg, b.Invite.CallID, b.Tag)
	l.way, l.joinTo, l.invite, l.local, l.flow = o.Way, o.JoinTo, *b.Invite, b.Local, s.flowOf(o.Way)
	if l.flow.anchors() {
		err = l.openAnchor()
	}
	if err != nil {
		return err
	}
	req, err := l.invite.Request(h, l.firstOffer())
	if err == nil && !s.add(l) {
		err = fault.New(fault.CodeConflict, "this leg was placed before")
	}
	if err != nil {
		if l.ep != nil {
			_ = l.ep.Close()
		}
		return err
	}
	s.spawn(func() { l.ring(req, o.RingLimit) })
	return nil
}

// codecsFor returns what to offer to a leg: the codecs that the phone which it will be joined to has, so that the two
// can talk without us.
func (s *Stack) codecsFor(joinTo string) []sdp.Codec {
	if peer := s.leg(joinTo); peer != nil {
		peer.mu.Lock()
		defer peer.mu.Unlock()
		if both := sdp.Common(peer.remote.Codecs, sdp.DefaultCodecs()); len(both) > 0 {
			return both
		}
	}
	return sdp.DefaultCodecs()
}

// dialled returns what a phone dialled: the user part for an address of our own, else the whole URI.
func (s *Stack) dialled(u *sip.Uri) string {
	if !s.ours(u.Host) {
		return u.String()
	}
	name := strings.ReplaceAll(u.User, "%23", "#")
	if strings.HasPrefix(name, "+") || !strings.ContainsFunc(name, func(r rune) bool { return r < '0' || r > '9' }) {
		return name
	}
	return "sip:" + u.User + "@" + s.cfg.Domain
}

// ours reports whether a host is our domain, or an address that we listen on.
func (s *Stack) ours(host string) bool {
	if strings.EqualFold(host, s.cfg.Domain) || host == s.cfg.Advertise && host != "" || host == s.cfg.Media.Address {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.socks {
		if k.addr.Addr().String() == host {
			return true
		}
	}
	return false
}
