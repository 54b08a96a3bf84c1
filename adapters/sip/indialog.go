package sip

import (
	"strings"

	"github.com/emiago/sipgo/sip"

	"c2d/adapters/sip/dialog"
	"c2d/core/call"
)

// unknownDialog is 481. A flood of tags is worth no answer, and an ACK has none.
func (s *Stack) unknownDialog(req *sip.Request, tx *sip.ServerTx) {
	if req.Method == sip.ACK {
		return
	}
	if ok, _ := s.allows(req); ok {
		s.dismiss(tx, s.response(req, sip.StatusCallTransactionDoesNotExists))
	}
}

// inDialog takes a request with a To tag: it belongs to a dialog of ours, or is 481.
func (s *Stack) inDialog(req *sip.Request, tx *sip.ServerTx) {
	l := s.dialogOf(req.CallID().Value(), dialog.Tag(req.To()))
	if l != nil && req.Method == sip.UPDATE && l.earlyUpdate(req, tx) {
		return
	}
	if l == nil {
		s.unknownDialog(req, tx)
		return
	}
	if !l.takes(req) {
		if l.owns(req) {
			s.reply(tx, req, sip.StatusInternalServerError) // out of order
			return
		}
		s.reply(tx, req, sip.StatusCallTransactionDoesNotExists)
		return
	}
	if unknown := unknownExtensions(req); len(unknown) > 0 && changes(req.Method) {
		_ = tx.Respond(s.unsupported(req, unknown))
		return
	}
	switch req.Method {
	case sip.ACK:
		select {
		case l.acks <- req:
		default: // a repetition that nobody waits for
		}
	case sip.BYE:
		_ = tx.Respond(l.response(req, sip.StatusOK))
		l.goneAfterTransfer()
	case sip.INVITE, sip.UPDATE:
		if !l.answered() { // our answer to its first offer is still out (RFC 3311 section 5.2)
			_ = tx.Respond(l.response(req, sip.StatusRequestPending))
			return
		}
		l.reoffered(req, tx)
	case sip.PRACK:
		_ = tx.Respond(l.response(req, l.offer.acknowledged(req)))
	case sip.REFER:
		l.referred(req, tx)
	case sip.INFO:
		l.keyed(req)
		_ = tx.Respond(l.response(req, sip.StatusOK))
	case sip.OPTIONS:
		_ = tx.Respond(l.response(req, sip.StatusOK))
	default:
		s.reply(tx, req, unserved(req.Method))
	}
}

// takes waits for the dialog, which the peer may know a moment before us (its BYE overtakes our reading of its 200), and
// reports whether the request is its own and in order.
func (l *leg) takes(req *sip.Request) bool {
	limit, stop := after(2 * sip.T1)
	defer stop()
	select {
	case <-l.confirmed:
	case <-limit:
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dlg == nil || l.state == call.LegEnded || !l.dlg.Owns(req) || req.Method != sip.ACK && !l.dlg.Takes(req) {
		return false
	}
	l.s.follow(l.dlg, req)
	return true
}

func (l *leg) owns(req *sip.Request) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dlg != nil && l.state != call.LegEnded && l.dlg.Owns(req)
}

// keyed takes a key press that comes as INFO: application/dtmf-relay ("Signal=5"), or application/dtmf ("5").
func (l *leg) keyed(req *sip.Request) {
	t := req.ContentType()
	if t == nil {
		return
	}
	body := strings.TrimSpace(string(req.Body()))
	if strings.EqualFold(t.Value(), "application/dtmf-relay") {
		_, after, _ := strings.Cut(body, "Signal=")
		body = strings.TrimSpace(after)
	} else if !strings.EqualFold(t.Value(), "application/dtmf") {
		return
	}
	if body != "" && strings.ContainsRune("0123456789*#ABCD", rune(body[0])) {
		l.pressed(body[0])
	}
}

// changes reports whether a request asks for something that an extension we do not know could turn into something else. A
// BYE is a BYE.
func changes(m sip.RequestMethod) bool { return m == sip.INVITE || m == sip.UPDATE || m == sip.REFER }
