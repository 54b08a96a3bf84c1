package sip

import (
	"github.com/emiago/sipgo/sip"

	"c2d/adapters/sip/dialog"
	"c2d/adapters/sip/sdp"
	"c2d/core/call"
)

// mostForks bounds what the early dialogs of one INVITE make us remember.
const mostForks = 16

// fork is one early dialog of a first INVITE: each phone that a proxy sent it to makes its own (RFC 3261 section
// 13.2.2.4), with CSeqs, reliable responses and early media of its own.
type fork struct {
	dlg   dialog.Dialog
	rseq  uint32     // of the last reliable response that was acknowledged; 0 is none
	media *sdp.Media // what it last answered
	final bool       // the answer came in a reliable response, so the 2xx need not repeat it
}

// fork returns the early dialog that a response belongs to, a new one for a new To tag; nil for a response that makes
// none. l.mu is held.
func (l *leg) fork(res *sip.Response) *fork {
	tag := dialog.Tag(res.To())
	if f := l.forks[tag]; f != nil {
		return f
	}
	d, err := l.invite.Confirm(res)
	if d.RemoteTag == "" || len(l.forks) >= mostForks {
		return nil
	}
	if err != nil {
		d.Target = l.invite.Target // no usable Contact: where the INVITE went
	}
	if l.forks == nil {
		l.forks = map[string]*fork{}
	}
	f := &fork{dlg: d}
	l.forks[tag] = f
	return f
}

// hearFork notes what a provisional response says of its early dialog, and acknowledges it where it asks for that. A
// repetition, or one that comes before its turn, is not acknowledged (RFC 3262 section 4).
func (l *leg) hearFork(res *sip.Response) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.fork(res)
	if f == nil {
		return
	}
	rseq, reliable := dialog.RSeq(res)
	if reliable && f.rseq != 0 && rseq != f.rseq+1 {
		return
	}
	if m, ok := answerIn(res); ok {
		f.media, f.final = &m, f.final || reliable
	}
	if reliable {
		f.rseq = rseq
		l.prack(f)
	}
}

// prack acknowledges the fork's last reliable response. l.mu is held.
func (l *leg) prack(f *fork) {
	l.prackAs(f, dialog.RAck{RSeq: f.rseq, CSeq: l.invite.Seq, Method: sip.INVITE}, &claim{})
}

// prackAs sends a PRACK with what a trunk's challenge has asked for, and again when it asks. Once the phone has answered
// that is over: the CSeqs are the dialog's then. l.mu is held.
func (l *leg) prackAs(f *fork, ack dialog.RAck, c *claim) {
	h, err := l.hop(f.dlg.Transport, f.dlg.Destination())
	if err != nil {
		return
	}
	req := f.dlg.Request(sip.PRACK, h, nil, append([]dialog.Header{ack.Header()}, c.headers...)...)
	l.s.background(req, func(res *sip.Response) {
		if res == nil || !c.answer(l.credentials(), req, res) {
			return
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.forks[f.dlg.RemoteTag] == f && l.state != call.LegEnded {
			l.prackAs(f, ack, c)
		}
	})
}

// confirm makes the dialog of a 2xx. The CSeqs of its early dialog go on, and an answer that came early stays good where
// the 2xx has none.
func (l *leg) confirm(res *sip.Response) (d dialog.Dialog, m sdp.Media, ok bool, err error) {
	if d, err = l.invite.Confirm(res); err != nil {
		return d, m, false, err
	}
	m, ok = answerIn(res)
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.forks[d.RemoteTag]
	l.forks = nil
	if f == nil {
		return d, m, ok, nil
	}
	d.LocalSeq, d.RemoteSeq = f.dlg.LocalSeq, f.dlg.RemoteSeq
	if len(res.Body()) == 0 && f.media != nil {
		m, ok = *f.media, true
	}
	return d, m, ok, nil
}

// earlyUpdate takes an UPDATE inside an early dialog (RFC 3311 section 5.2), and reports whether it was one. Before the
// phone has answered our offer it may not make one of its own: 491.
func (l *leg) earlyUpdate(req *sip.Request, tx *sip.ServerTx) bool {
	l.mu.Lock()
	f := l.forks[dialog.Tag(req.From())]
	if f == nil || l.dlg != nil {
		l.mu.Unlock()
		return false
	}
	status, answered := sip.StatusOK, f.final
	switch {
	case !f.dlg.Takes(req):
		status = sip.StatusInternalServerError
	case len(req.Body()) > 0 && !answered:
		status = sip.StatusRequestPending
	default:
		f.dlg.Refresh(req)
	}
	contact := f.dlg
	l.mu.Unlock()
	var body []byte
	if status == sip.StatusOK && len(req.Body()) > 0 {
		status, body = l.meet(req)
	}
	res := l.response(req, status)
	if h, err := l.hop(contact.Transport, contact.Destination()); err == nil && status < 300 {
		res.AppendHeader(contact.ContactFor(h))
	}
	dialog.SetBody(res, body)
	_ = tx.Respond(res)
	return true
}
