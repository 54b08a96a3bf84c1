package sip

import (
	"context"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/emiago/sipgo/sip"

	"c2d/core/call"
	"c2d/core/fault"
)

// clickLimit is how long core may take to place a call that a phone asks for.
const clickLimit = 10 * time.Second

// Use sets what places the calls that phones ask for by REFER. It comes before Start; without it REFER is 501.
func (s *Stack) Use(c call.Clicks) { s.clicks = c }

// onRefer takes a REFER outside a dialog (RFC 3515): a registered phone asks for the call that a click would place. Whoever
// may not ask learns so at once; whom it asks for is answered in the NOTIFY.
func (s *Stack) onRefer(req *sip.Request, tx *sip.ServerTx) {
	if s.clicks == nil {
		s.reply(tx, req, sip.StatusNotImplemented)
		return
	}
	device, refused := s.deps.Registrar.Authenticate(s.ctx, req, source(req))
	if refused != nil {
		s.dismiss(tx, refused)
		return
	}
	s.vouch(req)
	to, status := s.referTo(req)
	if status == 0 && len(to.Headers) > 0 {
		if _, replaces, _ := replacesIn(to); replaces { // a call that takes another's place is no click
			status = sip.StatusNotImplemented
		}
	}
	asked := call.Asked{}
	if status == 0 {
		asked, status = s.asked(to)
	}
	if status != 0 {
		s.reply(tx, req, status)
		return
	}
	asked.From = device.Address
	sub, err := s.subscribe(req)
	if err != nil {
		s.reply(tx, req, sip.StatusBadRequest)
		return
	}
	_ = tx.Respond(sub.accept(req))
	s.spawn(func() { s.click(sub, asked) })
}

// referTo returns the one URI that a REFER names, or says with which status to refuse it.
func (s *Stack) referTo(req *sip.Request) (*sip.Uri, int) {
	to := req.ReferTo()
	switch {
	case s.clicks == nil:
		return nil, sip.StatusNotImplemented
	case to == nil || len(req.GetHeaders("Refer-To"))+len(req.GetHeaders("r")) != 1:
		return nil, sip.StatusBadRequest
	}
	if m, has := to.Address.UriParams.Get("method"); has && !strings.EqualFold(m, string(sip.INVITE)) {
		return nil, sip.StatusForbidden // we place calls, nothing else
	}
	return &to.Address, 0
}

// asked reads whom a URI means, or says with which status to refuse it.
func (s *Stack) asked(to *sip.Uri) (call.Asked, int) {
	u := *to
	u.Headers = nil
	if strings.EqualFold(u.Scheme, "tel") {
		return call.Asked{To: u.String()}, 0
	}
	a := call.Asked{To: s.dialled(&u)}
	if s.ours(u.Host) {
		name, err := url.PathUnescape(u.User)
		if err != nil || name == "" || !utf8.ValidString(name) {
			return call.Asked{}, sip.StatusBadRequest
		}
		a.Name = name
	}
	return a, 0
}

// click places the call, and tells the phone what comes of it.
func (s *Stack) click(sub *subscription, asked call.Asked) {
	sub.notify(sip.StatusTrying, false)
	ctx, cancel := context.WithTimeout(s.ctx, clickLimit)
	c, err := s.clicks.Click(ctx, asked)
	cancel()
	if err != nil {
		sub.notify(refusalOf(err), true)
		return
	}
	told := sip.StatusTrying
	s.clicks.Follow(s.ctx, c.ID, func(c call.Call) bool {
		status, over := progressOf(c)
		if status != told || over {
			sub.notify(status, over)
		}
		told = status
		return !over
	})
}

// progressOf says how far a call has come, in SIP's words, and whether that is its outcome: talking is one, as it is for
// an INVITE.
func progressOf(c call.Call) (status int, over bool) {
	switch {
	case !c.ConnectedAt.IsZero():
		return sip.StatusOK, true
	case c.State == call.Ended && c.End != nil:
		return endStatus(*c.End), true
	}
	for l := range c.Legs {
		if _, side, _ := c.Find(l.ID); side == call.CalleeSide && l.Rang {
			return sip.StatusRinging, false
		}
	}
	return sip.StatusTrying, false
}

func endStatus(e call.End) int {
	switch {
	case e.SIP >= 300 && e.SIP < 700:
		return e.SIP
	case e.Reason == call.Cancelled:
		return sip.StatusRequestTerminated
	}
	return refusal(e.Reason)
}

// refusalOf is the table from what core refuses to SIP's status.
func refusalOf(err error) int {
	switch fault.CodeOf(err) {
	case fault.CodeCalleeUnknown, fault.CodeCallerUnknown, fault.CodeNotFound, fault.CodeNoRoute, fault.CodeInvalidNumber:
		return sip.StatusNotFound
	case fault.CodeAmbiguous:
		return sip.StatusAmbiguous
	case fault.CodeCallerBusy:
		return sip.StatusBusyHere
	case fault.CodeCallerOffline, fault.CodeCallerNoDevice:
		return sip.StatusTemporarilyUnavailable
	case fault.CodeBlocked, fault.CodeNumberDenied, fault.CodeEmergencyNumber, fault.CodeSameParty, fault.CodeForbidden, fault.CodeScopeMissing:
		return sip.StatusForbidden
	case fault.CodeInvalid, fault.CodeBadCharacter, fault.CodeKindUnclear, fault.CodeTooLarge:
		return sip.StatusBadRequest
	case fault.CodeConflict, fault.CodeCallEnded: // RFC 3891 section 3: it does not talk, or not any more
		return sip.StatusGlobalDecline
	case fault.CodeNotSupported:
		return sip.StatusNotImplemented
	case fault.CodeInternal:
		return sip.StatusInternalServerError
	}
	return sip.StatusServiceUnavailable
}
