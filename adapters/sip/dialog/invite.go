package dialog

import (
	"strconv"

	"github.com/emiago/sipgo/sip"

	"c2d/core/fault"
)

// Hop is how our requests leave: over which transport and listening socket, and what we call ourselves there. It is
// not stored, since a restarted process may listen elsewhere.
type Hop struct {
	Transport string   // UDP, TCP, TLS
	Host      string   // in Via and Contact
	Port      int      // in Via and Contact
	Local     sip.Addr // the listening socket that sends, so that peers and firewalls see one port
}

// Contact returns the URI at which requests of a dialog reach us; user says which dialog.
func (h Hop) Contact(user string) sip.Uri {
	u := sip.Uri{Scheme: "sip", User: user, Host: h.Host, Port: h.Port}
	if h.Transport != "UDP" {
		u.UriParams.Add("transport", sip.ASCIIToLower(h.Transport))
	}
	return u
}

func (h Hop) via(branch string) *sip.ViaHeader {
	v := &sip.ViaHeader{ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: h.Transport, Host: h.Host, Port: h.Port}
	v.Params.Add("branch", branch)
	v.Params.Add("rport", "")
	return v
}

// Party is one end's name and URI as From and To show them.
type Party struct {
	Name string `json:"name,omitempty"` // unescaped
	URI  string `json:"uri"`
}

// Header is one more header of a request.
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Invite is all that is decided of a dialog's first INVITE before it leaves, but for its body. It is stored before the
// INVITE is sent, so that a restarted process can still cancel it.
type Invite struct {
	CallID    string   `json:"call_id"`
	Tag       string   `json:"tag"`
	Branch    string   `json:"branch"`
	Seq       uint32   `json:"cseq"`
	Target    string   `json:"target"` // Request-URI
	Routes    []string `json:"routes,omitempty"`
	Transport string   `json:"transport"`
	Dest      string   `json:"dest"` // ip:port
	From      Party    `json:"from"`
	To        Party    `json:"to"`
	Headers   []Header `json:"headers,omitempty"`
	Hops      int      `json:"hops,omitempty"` // that the call has come by already, of MostHops
	Bare      bool     `json:"bare,omitempty"` // it has no description: the peer's, in the 2xx, is the offer
}

// MostHops is Max-Forwards of a call that begins here (RFC 3261 section 8.1.1.6).
const MostHops = 70

// Check returns nil when every value of the INVITE can be sent. Errors: as [Clean] and [ParseURI].
func (i Invite) Check() error {
	for _, h := range i.Headers {
		if err := Clean("header."+h.Name, h.Value); err != nil {
			return err
		}
	}
	for field, s := range map[string]string{"call_id": i.CallID, "from.name": i.From.Name, "to.name": i.To.Name} {
		if err := Clean(field, s); err != nil {
			return err
		}
	}
	for field, s := range map[string]string{"target": i.Target, "from.uri": i.From.URI, "to.uri": i.To.URI} {
		if _, err := ParseURI(field, s); err != nil {
			return err
		}
	}
	return checkRoutes(i.Routes)
}

func checkRoutes(routes []string) error {
	for _, r := range routes {
		if _, err := ParseURI("route", r); err != nil {
			return err
		}
	}
	return nil
}

// Request returns the INVITE. Errors: those of Check.
func (i Invite) Request(h Hop, body []byte) (*sip.Request, error) {
	if err := i.Check(); err != nil {
		return nil, err
	}
	r := i.build(sip.INVITE, h)
	contact := sip.ContactHeader{Address: h.Contact(i.CallID)}
	r.AppendHeader(&contact)
	for _, x := range i.Headers {
		r.AppendHeader(sip.NewHeader(x.Name, x.Value))
	}
	SetBody(r, body)
	return r, nil
}

// Cancel returns the CANCEL of the INVITE (RFC 3261 section 9.1): same branch, same CSeq, same route. reason is the
// value of a Reason header (RFC 3326), empty for none.
func (i Invite) Cancel(h Hop, reason string) (*sip.Request, error) {
	if err := i.Check(); err != nil {
		return nil, err
	}
	r := i.build(sip.CANCEL, h)
	if reason != "" {
		r.AppendHeader(sip.NewHeader("Reason", reason))
	}
	SetBody(r, nil)
	return r, nil
}

// Again returns the INVITE that answers a challenge to this one (RFC 3261 section 22.2): the next CSeq, and a branch that
// follows from the former, so that whoever has stored this one knows both.
func (i Invite) Again() Invite {
	i.Seq++
	i.Branch += "." + strconv.Itoa(int(i.Seq))
	return i
}

// Outside returns a request of another method to the same place, outside any dialog, such as OPTIONS. A REGISTER has our
// Contact, with user. Errors: those of Check.
func (i Invite) Outside(m sip.RequestMethod, h Hop, user string) (*sip.Request, error) {
	if err := i.Check(); err != nil {
		return nil, err
	}
	r := i.build(m, h)
	if m == sip.REGISTER {
		r.AppendHeader(&sip.ContactHeader{Address: h.Contact(user)})
	}
	for _, x := range i.Headers {
		r.AppendHeader(sip.NewHeader(x.Name, x.Value))
	}
	SetBody(r, nil)
	return r, nil
}

func (i Invite) build(m sip.RequestMethod, h Hop) *sip.Request {
	return assemble(m, h, parts{
		branch: i.Branch, target: i.Target, routes: i.Routes, from: i.From, fromTag: i.Tag, to: i.To,
		callID: i.CallID, seq: i.Seq, dest: i.Dest, hops: i.Hops,
	})
}

// Confirm returns the dialog that a response with a To tag makes (RFC 3261 section 12.1.2). Each To tag of a forked
// INVITE is a dialog of its own. Errors: fault.CodeInvalid when it lacks tag or Contact, fault.CodeBadCharacter.
func (i Invite) Confirm(res *sip.Response) (Dialog, error) {
	d := Dialog{
		CallID: i.CallID, LocalTag: i.Tag, Local: i.From, Remote: i.To, LocalSeq: i.Seq,
		Transport: i.Transport, Flow: i.Dest, FlowFor: HostPort(i.Target),
	}
	to := res.To()
	if to == nil {
		return d, fault.Field(fault.CodeInvalid, "to", "response without To")
	}
	d.RemoteTag = to.Params.GetOr("tag", "")
	if d.RemoteTag == "" {
		return d, fault.Field(fault.CodeInvalid, "to", "response without a To tag")
	}
	d.Routes = recordRoutes(res, true)
	if err := d.refresh(res.Contact()); err != nil {
		return d, err
	}
	return d, d.check()
}

// HostPort returns the host:port that a URI names, with SIP's own port where it says none.
func HostPort(uri string) string {
	var u sip.Uri
	if sip.ParseUri(uri, &u) != nil {
		return ""
	}
	port := u.Port
	if port == 0 {
		port = sip.DefaultPort(u.UriParams.GetOr("transport", "udp"))
	}
	return u.Host + ":" + strconv.Itoa(port)
}

// recordRoutes returns the route set of a message: reversed for the one who called (RFC 3261 section 12.1).
func recordRoutes(m sip.Message, caller bool) []string {
	var set []string
	for _, h := range m.GetHeaders("Record-Route") {
		if rr, ok := h.(*sip.RecordRouteHeader); ok {
			set = append(set, rr.Address.String())
		}
	}
	if caller {
		for a, b := 0, len(set)-1; a < b; a, b = a+1, b-1 {
			set[a], set[b] = set[b], set[a]
		}
	}
	return set
}
