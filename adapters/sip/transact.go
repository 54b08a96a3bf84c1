package sip

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"time"

	"github.com/emiago/sipgo/sip"

	"c2d/adapters/sip/dialog"
	"c2d/core/call"
	"c2d/core/fault"
)

func newTag() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

func newBranch() string { return sip.RFC3261BranchMagicCookie + newTag() }

// sessionID returns a number for the o= line (RFC 8866 section 5.2) that fits every phone's parser.
func sessionID() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return uint64(binary.BigEndian.Uint32(b[:]))
}

// request begins a client transaction. After Stop there is none: the library would open a socket of its own.
func (s *Stack) request(req *sip.Request) (*sip.ClientTx, error) {
	if err := s.ctx.Err(); err != nil {
		return nil, err
	}
	if err := s.reach(req); err != nil {
		return nil, err
	}
	return s.tx.Request(s.ctx, req)
}

// write sends a request without a transaction: an ACK. Each sending is of a fresh message, since the library writes
// into it.
func (s *Stack) write(req *sip.Request) {
	if s.ctx.Err() != nil {
		return
	}
	err := s.reach(req)
	if err == nil {
		err = s.tp.WriteMsg(req)
	}
	if err != nil {
		s.log.Warn("ACK was not sent", "call_id", req.CallID().Value(), "error", err)
	}
}

// final waits for the final response of a transaction, and reads all that comes before. Errors: fault.CodeBackendUnavailable
// when there is none until ctx or the transaction ends.
func final(ctx context.Context, tx *sip.ClientTx) (*sip.Response, error) {
	for {
		select {
		case res := <-tx.Responses():
			if !res.IsProvisional() {
				return res, nil
			}
		case <-tx.Done():
			return nil, fault.Wrap(fault.CodeBackendUnavailable, tx.Err(), "no reply")
		case <-ctx.Done():
			return nil, fault.Wrap(fault.CodeBackendUnavailable, ctx.Err(), "no reply in time")
		}
	}
}

// background sends a request for whose outcome nobody waits, and then is called with the outcome (nil for none).
// The transaction repeats it for 32 s.
func (s *Stack) background(req *sip.Request, then func(*sip.Response)) {
	tx, err := s.request(req)
	if err != nil {
		s.log.Warn("request was not sent", "method", req.Method, "error", err)
		then(nil)
		return
	}
	s.spawn(func() {
		res, _ := final(s.ctx, tx)
		tx.Terminate()
		if req.Method != sip.CANCEL && req.Method != sip.PRACK { // that one is a leg's, which counts its CSeqs
			res = s.proved(req, res)
		}
		then(res)
	})
}

// bye ends a dialog that is nobody's: nobody waits for the reply.
func (s *Stack) bye(d *dialog.Dialog) {
	h, err := s.hop(d.Transport, d.Destination())
	if err != nil {
		return
	}
	s.background(d.Request(sip.BYE, h, nil), ignore)
}

// ignore is for requests whose outcome changes nothing.
func ignore(*sip.Response) {}

// ack acknowledges a 2xx to the INVITE with that CSeq, with what that INVITE claimed (RFC 3261 section 13.2.2.4).
func (s *Stack) ack(d *dialog.Dialog, seq uint32, claimed ...dialog.Header) {
	s.ackWith(d, seq, nil, claimed...)
}

// ackWith acknowledges with a description: the answer to the one in the 2xx.
func (s *Stack) ackWith(d *dialog.Dialog, seq uint32, body []byte, claimed ...dialog.Header) {
	h, err := s.hop(d.Transport, d.Destination())
	if err != nil {
		return
	}
	req := d.Ack(seq, h, body)
	(&claim{headers: claimed}).put(req)
	s.write(req)
}

// ask sends a request within the leg's dialog and returns the final response, whatever it is. A 2xx to an INVITE is
// acknowledged at once. Errors: fault.CodeBackendUnavailable when there is no reply in time, CodeConflict when there is
// no dialog.
func (l *leg) ask(ctx context.Context, method sip.RequestMethod, body func(*leg) []byte, extra ...dialog.Header) (*sip.Response, error) {
	var c claim
	for {
		res, req, err := l.askOnce(ctx, method, body, append(slices.Clip(extra), c.headers...))
		if err != nil || !c.answer(l.credentials(), req, res) {
			return res, err
		}
	}
}

func (l *leg) askOnce(ctx context.Context, method sip.RequestMethod, body func(*leg) []byte, claimed []dialog.Header) (*sip.Response, *sip.Request, error) {
	tx, seq, err := l.send(method, body, claimed...)
	if err != nil {
		return nil, nil, err
	}
	if method == sip.INVITE {
		tx.OnRetransmission(l.again)
	}
	res, err := final(ctx, tx)
	if err != nil || method != sip.INVITE || res.IsSuccess() {
		tx.Terminate() // a 200 that comes late or again is a stray, and gets its ACK there
	}
	if err != nil {
		return nil, nil, err
	}
	if res.IsSuccess() {
		l.accepted(method, seq, res, claimed)
	}
	return res, tx.Origin(), nil
}

// send builds and sends under the lock: the order of CSeqs is the order on the wire. A lost connection is opened again
// before that. Nothing follows a BYE: a phone that reads the later request first refuses the BYE as out of order, and is
// left in a call with nobody. Errors: fault.CodeConflict then.
func (l *leg) send(method sip.RequestMethod, body func(*leg) []byte, claimed ...dialog.Header) (*sip.ClientTx, uint32, error) {
	if err := l.reachable(); err != nil {
		return nil, 0, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.leaving && method != sip.BYE {
		return nil, 0, fault.New(fault.CodeConflict, "the leg is being released")
	}
	h, err := l.hop(l.dlg.Transport, l.dlg.Destination())
	if err != nil {
		return nil, 0, err
	}
	if method == sip.BYE {
		l.leaving = true
		if l.delayed.pending() {
			l.refuse()
		}
	}
	req := l.dlg.Request(method, h, body(l), append(l.session.headers(method), claimed...)...)
	tx, err := l.s.request(req)
	return tx, req.CSeq().SeqNo, fault.Wrap(fault.CodeBackendUnavailable, err, "not sent")
}

func (l *leg) accepted(method sip.RequestMethod, seq uint32, res *sip.Response, said []dialog.Header) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if method == sip.INVITE || method == sip.UPDATE {
		l.dlg.Refresh(res)
	}
	if method == sip.INVITE {
		l.claimed = proofs(said)
		l.s.ack(l.dlg, seq, l.claimed...)
	}
	if method == sip.INVITE || method == sip.UPDATE {
		l.renewed(res)
	}
}

// again answers a repeated 2xx of an INVITE: the ACK was lost. One with another To tag is a fork's. While the first 2xx is
// still being read nobody can say whose a copy is: it is passed over, and will be repeated.
func (l *leg) again(res *sip.Response) {
	if !res.IsSuccess() || res.CSeq() == nil {
		return
	}
	l.mu.Lock()
	if l.dlg == nil && l.state != call.LegEnded {
		l.mu.Unlock()
		return
	}
	mine := l.dlg != nil && l.dlg.Owns(res)
	if mine {
		l.acknowledged(res.CSeq().SeqNo)
	}
	inv := l.invite
	l.mu.Unlock()
	if !mine && inv.CallID != "" {
		l.s.abandon(inv, res)
	}
}

// noBody is the body of requests that have none.
func noBody(*leg) []byte { return nil }

// after returns a channel that is ready after d, or never for 0.
func after(d time.Duration) (<-chan time.Time, func()) {
	if d <= 0 {
		return nil, func() {}
	}
	t := time.NewTimer(d)
	return t.C, func() { t.Stop() }
}
