package dialog

import (
	"github.com/emiago/sipgo/sip"
)

// parts are what the requests of a dialog differ in. All were checked when they were taken in.
type parts struct {
	branch, target string
	routes         []string
	from, to       Party
	fromTag, toTag string
	callID, dest   string
	seq            uint32
	hops           int // used up
}

// assemble builds a request from checked parts, with the headers that RFC 3261 section 8.1.1 demands, in a fixed order.
func assemble(m sip.RequestMethod, h Hop, p parts) *sip.Request {
	r := sip.NewRequest(m, uri(p.target))
	r.AppendHeader(h.via(p.branch))
	appendRoutes(r, p.routes)
	forwards := sip.MaxForwardsHeader(MostHops - min(max(p.hops, 0), MostHops))
	r.AppendHeader(&forwards)
	r.AppendHeader(&sip.FromHeader{DisplayName: Quote(p.from.Name), Address: uri(p.from.URI), Params: tag(p.fromTag)})
	r.AppendHeader(&sip.ToHeader{DisplayName: Quote(p.to.Name), Address: uri(p.to.URI), Params: tag(p.toTag)})
	id := sip.CallIDHeader(p.callID)
	r.AppendHeader(&id)
	r.AppendHeader(&sip.CSeqHeader{SeqNo: p.seq, MethodName: m})
	r.SetTransport(h.Transport)
	r.SetDestination(p.dest)
	r.Laddr = h.Local
	return r
}

// appendRoutes adds the route set; a first hop without ;lr is a strict router, which gets the target in its own way
// (RFC 3261 section 12.2.1.1).
func appendRoutes(r *sip.Request, routes []string) {
	if len(routes) == 0 {
		return
	}
	if first := uri(routes[0]); !first.UriParams.Has("lr") {
		target := r.Recipient
		r.Recipient, routes = first, routes[1:]
		defer func() { r.AppendHeader(&sip.RouteHeader{Address: target}) }()
	}
	for _, s := range routes {
		r.AppendHeader(&sip.RouteHeader{Address: uri(s)})
	}
}

// uri parses what was checked before.
func uri(s string) (u sip.Uri) {
	_ = sip.ParseUri(s, &u)
	return u
}

func tag(t string) (p sip.HeaderParams) {
	if t != "" {
		p.Add("tag", t)
	}
	return p
}

// SetBody gives a message its body: a session description, or none.
func SetBody(m sip.Message, body []byte) {
	if len(body) > 0 && len(m.GetHeaders("Content-Type")) == 0 {
		contentType := sip.ContentTypeHeader("application/sdp")
		m.AppendHeader(&contentType)
	}
	m.SetBody(body)
}
