package sip

import (
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"c2d/adapters/sip/dialog"
)

// allow are the methods that we take, as OPTIONS says.
const allow = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, PRACK, REFER, UPDATE, REGISTER"

// guard is the library's handler: a message that makes us panic costs its sender the call, not everybody the process.
func (s *Stack) guard(req *sip.Request, tx *sip.ServerTx) {
	s.mu.Lock()
	if s.stopped {
		s.mu.Unlock()
		return
	}
	s.work.Add(1)
	s.mu.Unlock()
	defer s.work.Done()
	defer tx.TerminateGracefully()
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("panic in a SIP handler", "method", req.Method, "panic", p, "stack", string(debug.Stack()))
			s.reply(tx, req, sip.StatusInternalServerError)
		}
	}()
	s.dispatch(req, tx)
}

func (s *Stack) guardStray(res *sip.Response) {
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("panic in a SIP response", "panic", p, "stack", string(debug.Stack()))
		}
	}()
	s.stray(res)
}

// dispatch is the table in doc.go.
func (s *Stack) dispatch(req *sip.Request, tx *sip.ServerTx) {
	if status := unreadable(req); status != 0 {
		s.dismiss(tx, s.response(req, status))
		return
	}
	if dialog.Tag(req.To()) != "" && req.Method != sip.REGISTER && req.Method != sip.CANCEL {
		s.inDialog(req, tx)
		return
	}
	if req.Method == sip.ACK {
		return // of a refusal; the transaction has taken what is its own
	}
	if !s.admits(req, tx) {
		return
	}
	if unknown := unknownExtensions(req); len(unknown) > 0 && req.Method != sip.CANCEL && req.Method != sip.REGISTER {
		s.dismiss(tx, s.unsupported(req, unknown))
		return
	}
	s.outOfDialog(req, tx)
}

func (s *Stack) outOfDialog(req *sip.Request, tx *sip.ServerTx) {
	switch req.Method {
	case sip.REGISTER:
		s.registered(req, tx)
	case sip.INVITE:
		if f := req.MaxForwards(); f != nil && f.Val() == 0 {
			s.dismiss(tx, s.response(req, sip.StatusTooManyHops))
			return
		}
		s.onInvite(req, tx)
	case sip.REFER:
		s.onRefer(req, tx)
	case sip.CANCEL:
		s.overtake(req)
		s.dismiss(tx, s.response(req, sip.StatusCallTransactionDoesNotExists))
	case sip.OPTIONS:
		s.options(req, tx)
	default:
		s.dismiss(tx, s.response(req, unserved(req.Method)))
	}
}

// unserved is the status for a method that we do not take outside a dialog, or not at all.
func unserved(m sip.RequestMethod) int {
	switch m {
	case sip.BYE, sip.UPDATE, sip.INFO, sip.PRACK, sip.NOTIFY:
		return sip.StatusCallTransactionDoesNotExists
	case sip.SUBSCRIBE, sip.PUBLISH:
		return 489
	}
	return sip.StatusNotImplemented
}

// unreadable returns the status of a request that no handler shall see, 0 for all others (RFC 4475 sections 3.1.2 and 3.3).
func unreadable(req *sip.Request) int {
	switch {
	case !wellFormed(req):
		return sip.StatusBadRequest
	case req.SipVersion != "SIP/2.0":
		return sip.StatusVersionNotSupported
	case !slices.Contains([]string{"sip", "sips", "tel"}, strings.ToLower(req.Recipient.Scheme)):
		return 416
	}
	for _, name := range []string{"From", "To", "Call-ID", "CSeq", "Max-Forwards"} {
		if len(req.GetHeaders(name)) > 1 {
			return sip.StatusBadRequest
		}
	}
	return 0
}

// wellFormed reports whether the headers are there that every handler reads.
func wellFormed(req *sip.Request) bool {
	return req.From() != nil && req.To() != nil && req.CallID() != nil && req.CSeq() != nil && req.Via() != nil &&
		strings.EqualFold(string(req.CSeq().MethodName), string(req.Method)) && dialog.Tag(req.From()) != ""
}

// source returns where a request came from.
func source(req *sip.Request) netip.AddrPort {
	a, _ := netip.ParseAddrPort(req.Source()) // the library wrote it from the socket
	return a
}

// busy answers a source that is over its limit: a phone learns when to come back.
func (s *Stack) busy(req *sip.Request, tx *sip.ServerTx) {
	res := s.response(req, sip.StatusServiceUnavailable)
	res.AppendHeader(sip.NewHeader("Retry-After", "5"))
	s.dismiss(tx, res)
}

// dismiss answers a request and keeps nothing of it: a flood must not be remembered for the 32 s of its transactions. One
// that is repeated is answered anew, a challenge too (RFC 3261 section 26.3.2.4).
func (s *Stack) dismiss(tx *sip.ServerTx, res *sip.Response) {
	if cseq := res.CSeq(); cseq == nil || cseq.MethodName != sip.ACK {
		_ = tx.Respond(res)
	}
	tx.Terminate()
}

// unknownExtensions returns what a request demands and we do not have (RFC 3261 section 8.2.2.3).
func unknownExtensions(req *sip.Request) []string {
	var unknown []string
	for _, h := range req.GetHeaders("Require") {
		for tag := range strings.SplitSeq(h.Value(), ",") {
			tag = strings.ToLower(strings.TrimSpace(tag))
			known := tag == "timer" || tag == "100rel" && req.Method == sip.INVITE || tag == "norefersub" && req.Method == sip.REFER
			if tag != "" && !known {
				unknown = append(unknown, tag)
			}
		}
	}
	return unknown
}

func (s *Stack) unsupported(req *sip.Request, unknown []string) *sip.Response {
	res := s.response(req, sip.StatusBadExtension)
	for _, tag := range unknown {
		res.AppendHeader(sip.NewHeader("Unsupported", tag))
	}
	return res
}

func (s *Stack) options(req *sip.Request, tx *sip.ServerTx) {
	res := s.response(req, sip.StatusOK)
	res.AppendHeader(sip.NewHeader("Accept", "application/sdp"))
	s.dismiss(tx, res)
}

// response builds a response with what all of ours say.
func (s *Stack) response(req *sip.Request, status int) *sip.Response {
	res := sip.NewResponseFromRequest(req, status, phrases[status], nil)
	if status != sip.StatusTrying {
		res.AppendHeader(sip.NewHeader("Allow", allow))
	}
	return res
}

func (s *Stack) reply(tx *sip.ServerTx, req *sip.Request, status int) {
	if req.Method != sip.ACK {
		_ = tx.Respond(s.response(req, status))
	}
}

// response builds a response within the leg's dialog: our tag and our Contact.
func (l *leg) response(req *sip.Request, status int) *sip.Response {
	res := l.s.response(req, status)
	if status == sip.StatusTrying {
		return res
	}
	res.To().Params.Add("tag", l.tag)
	l.mu.Lock()
	defer l.mu.Unlock()
	if h, err := l.hop(sip.NetworkToUpper(req.Transport()), req.Source()); err == nil && status < 300 && l.dlg != nil {
		res.AppendHeader(l.dlg.ContactFor(h))
	}
	return res
}

// overtake remembers a CANCEL whose INVITE has not come yet: each datagram is read by a goroutine of its own. The
// memory is bounded, and short.
func (s *Stack) overtake(req *sip.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for k, until := range s.early {
		if now.After(until) {
			delete(s.early, k)
		}
	}
	if len(s.early) < 1024 {
		s.early[earlyKey(req)] = now.Add(5 * time.Second)
	}
}

// overtaken reports whether the CANCEL of an INVITE came before it.
func (s *Stack) overtaken(req *sip.Request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	until, ok := s.early[earlyKey(req)]
	delete(s.early, earlyKey(req))
	return ok && time.Now().Before(until)
}

func earlyKey(req *sip.Request) string {
	return req.CallID().Value() + "\x00" + req.Via().Params.GetOr("branch", "") + "\x00" + req.Source()
}
