package dialog

import (
	"net/netip"
	"strings"

	"github.com/emiago/sipgo/sip"

	"c2d/core/fault"
)

// Dialog is one confirmed (or early) dialog, from our side. It is a value, not safe for concurrent use: its owner
// serialises, so that no two requests share a CSeq.
type Dialog struct {
	CallID    string   `json:"call_id"`
	LocalTag  string   `json:"local_tag"`
	RemoteTag string   `json:"remote_tag"`
	Local     Party    `json:"local"`
	Remote    Party    `json:"remote"`
	LocalSeq  uint32   `json:"local_seq"`  // the last CSeq that we used
	RemoteSeq uint32   `json:"remote_seq"` // the highest that the peer used; 0 is none yet
	Routes    []string `json:"routes,omitempty"`
	Target    string   `json:"target"` // the peer's Contact, as last refreshed
	Transport string   `json:"transport"`
	Flow      string   `json:"flow"`     // ip:port that the peer was reached at, or sent from
	FlowFor   string   `json:"flow_for"` // host:port of the URI that Flow stands for (a phone behind NAT names another)
}

// FromInvite returns the dialog that an INVITE makes with us (RFC 3261 section 12.1.1); tag is ours. Errors: as
// [Invite.Confirm].
func FromInvite(req *sip.Request, tag string) (Dialog, error) {
	d := Dialog{LocalTag: tag, Transport: sip.NetworkToUpper(req.Transport()), Flow: req.Source()}
	from, to, id, seq := req.From(), req.To(), req.CallID(), req.CSeq()
	if from == nil || to == nil || id == nil || seq == nil {
		return d, fault.New(fault.CodeInvalid, "INVITE without From, To, Call-ID or CSeq")
	}
	d.CallID, d.RemoteSeq = id.Value(), seq.SeqNo
	d.RemoteTag = from.Params.GetOr("tag", "")
	d.Local = Party{URI: to.Address.String()}
	d.Remote = Party{URI: from.Address.String()}
	d.Routes = recordRoutes(req, false)
	if err := d.refresh(req.Contact()); err != nil {
		return d, err
	}
	d.FlowFor = HostPort(d.Target)
	return d, d.check()
}

func (d *Dialog) check() error {
	for field, s := range map[string]string{"call_id": d.CallID, "tag": d.RemoteTag} {
		if err := Clean(field, s); err != nil {
			return err
		}
	}
	for field, s := range map[string]string{"local": d.Local.URI, "remote": d.Remote.URI} {
		if _, err := ParseURI(field, s); err != nil {
			return err
		}
	}
	return checkRoutes(d.Routes)
}

func (d *Dialog) refresh(c *sip.ContactHeader) error {
	if c == nil {
		return fault.Field(fault.CodeInvalid, "contact", "no Contact")
	}
	u := c.Address.String()
	if _, err := ParseURI("contact", u); err != nil {
		return err
	}
	d.Target = u
	return nil
}

// Refresh takes the peer's Contact from a 2xx, INVITE or UPDATE as the new remote target; one that is missing or
// cannot be used changes nothing.
func (d *Dialog) Refresh(m sip.Message) {
	if c, ok := m.(interface{ Contact() *sip.ContactHeader }); ok {
		_ = d.refresh(c.Contact()) // the former target stays good
	}
}

// Takes reports whether a request of the peer is in order, and notes its CSeq (RFC 3261 section 12.2.2). Only INVITE and
// UPDATE must be: the library reads each datagram in a goroutine of its own, and a BYE or INFO that overtook another
// is as good.
func (d *Dialog) Takes(req *sip.Request) bool {
	seq := req.CSeq()
	if seq == nil {
		return false
	}
	strict := req.Method == sip.INVITE || req.Method == sip.UPDATE
	if strict && seq.SeqNo <= d.RemoteSeq && d.RemoteSeq != 0 {
		return false
	}
	d.RemoteSeq = max(d.RemoteSeq, seq.SeqNo)
	return true
}

// Owns reports whether a request or response carries both tags of the dialog, theirs and ours in the places that its
// direction says.
func (d *Dialog) Owns(m sip.Message) bool {
	from, to := Tag(m.From()), Tag(m.To())
	if _, response := m.(*sip.Response); response {
		from, to = to, from
	}
	return to == d.LocalTag && from == d.RemoteTag
}

// Tag returns the tag of a From or To header, "" for none.
func Tag[H sip.FromHeader | sip.ToHeader](h *H) string {
	switch h := any(h).(type) {
	case *sip.FromHeader:
		if h != nil {
			return h.Params.GetOr("tag", "")
		}
	case *sip.ToHeader:
		if h != nil {
			return h.Params.GetOr("tag", "")
		}
	}
	return ""
}

// Resume jumps the CSeq by 1,000: a process that took the dialog up cannot know what the former one sent last.
func (d *Dialog) Resume() { d.LocalSeq += 1000 }

// Destination returns the ip:port that requests go to: the first route's or the target's, but the known flow when that
// is what the URI stands for, cannot be reached without a look-up, or the transport is a connection of the peer's.
func (d *Dialog) Destination() string {
	next := HostPort(d.Target)
	if len(d.Routes) > 0 {
		next = HostPort(d.Routes[0])
	}
	if _, err := netip.ParseAddrPort(next); err != nil || next == d.FlowFor || d.Transport != "UDP" {
		return d.Flow
	}
	return next
}

// Request returns a new request within the dialog, with the next CSeq. extra headers must be clean.
func (d *Dialog) Request(m sip.RequestMethod, h Hop, body []byte, extra ...Header) *sip.Request {
	d.LocalSeq++
	r := d.build(m, h, d.LocalSeq)
	contact := sip.ContactHeader{Address: h.Contact(d.contactUser())}
	r.AppendHeader(&contact)
	for _, x := range extra {
		r.AppendHeader(sip.NewHeader(x.Name, x.Value))
	}
	SetBody(r, body)
	return r
}

// Ack returns the ACK of a 2xx to the INVITE with that CSeq, as its own transaction (RFC 3261 section 13.2.2.4).
func (d *Dialog) Ack(seq uint32, h Hop, body []byte) *sip.Request {
	r := d.build(sip.ACK, h, seq)
	SetBody(r, body)
	return r
}

// contactUser is the user part of our Contact: the Call-ID where we chose it, else our tag, since a peer's Call-ID may
// hold what no user part does.
func (d *Dialog) contactUser() string {
	if strings.ContainsFunc(d.CallID, func(r rune) bool {
		return !(r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z')
	}) {
		return d.LocalTag
	}
	return d.CallID
}

// ContactFor returns our Contact header of the dialog.
func (d *Dialog) ContactFor(h Hop) *sip.ContactHeader {
	return &sip.ContactHeader{Address: h.Contact(d.contactUser())}
}

func (d *Dialog) build(m sip.RequestMethod, h Hop, seq uint32) *sip.Request {
	return assemble(m, h, parts{
		branch: sip.GenerateBranch(), target: d.Target, routes: d.Routes,
		from: d.Local, fromTag: d.LocalTag, to: d.Remote, toTag: d.RemoteTag,
		callID: d.CallID, seq: seq, dest: d.Destination(),
	})
}
