package sip

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/emiago/sipgo/sip"

	"c2d/adapters/sip/sdp"
	"c2d/core/fault"
)

// anchor asks a phone to send to us again.
func (l *leg) anchor(ctx context.Context) {
	l.mu.Lock()
	if l.ep == nil {
		l.mu.Unlock()
		return
	}
	codecs := l.have()
	l.mu.Unlock()
	if err := l.comeHere(ctx, codecs); err != nil {
		l.s.log.Warn("a phone did not come back to our media address", "leg", l.id, "error", err)
	}
}

// comeHere offers a phone our address. Errors: those of reinvite.
func (l *leg) comeHere(ctx context.Context, codecs []sdp.Codec) error {
	l.mu.Lock()
	addr := l.here()
	l.mu.Unlock()
	_, err := l.reinvite(ctx, addr, codecs, nil)
	return err
}

// reinvite offers a phone an address to send to, and returns what it answered. It does not do so once the leg's epoch, if
// given, is another: what it offers was settled before. 491 is tried again after a random time
// (RFC 3261 section 14.1). An address that the phone's own offer waits for goes into the ACK instead. Errors: fault.CodeConflict when the phone refused, so nothing has changed;
// fault.CodeBackendUnavailable when its state is not known; fault.CodeInvalid for an answer that is none.
func (l *leg) reinvite(ctx context.Context, addr netip.AddrPort, codecs []sdp.Codec, epoch *int) (sdp.Media, error) {
	if m, ok := l.answerLate(addr, codecs); ok {
		return m, nil
	}
	for {
		res, err := l.inviteAgain(ctx, addr, codecs, epoch)
		switch {
		case err != nil:
			return sdp.Media{}, err
		case res.IsSuccess():
			return l.agreed(res)
		case res.StatusCode != sip.StatusRequestPending:
			return sdp.Media{}, fault.New(fault.CodeConflict, "the phone refused a re-INVITE with %d", res.StatusCode)
		}
		pause, stop := after(l.glarePause())
		select {
		case <-pause:
		case <-l.done:
			stop()
			return sdp.Media{}, fault.New(fault.CodeConflict, "the leg has ended")
		case <-ctx.Done():
			stop()
			return sdp.Media{}, fault.New(fault.CodeConflict, "the phone was busy with another re-INVITE")
		}
	}
}

func (l *leg) inviteAgain(ctx context.Context, addr netip.AddrPort, codecs []sdp.Codec, epoch *int) (*sip.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, l.s.waits.reinvite)
	defer cancel()
	select {
	case <-l.turn:
	case <-l.done:
		return nil, fault.New(fault.CodeConflict, "the leg has ended")
	case <-ctx.Done():
		return nil, fault.New(fault.CodeConflict, "the phone's own re-INVITE did not end")
	}
	defer func() { l.turn <- struct{}{} }()
	l.mu.Lock()
	changed := epoch != nil && *epoch != l.epoch
	l.shown = netip.AddrPort{}
	l.mu.Unlock()
	if changed {
		return nil, fault.New(fault.CodeConflict, "something else was settled meanwhile")
	}
	return l.ask(ctx, sip.INVITE, func(l *leg) []byte { return l.local.Offer(addr, codecs, l.wanted()) })
}

// agreed notes the phone's answer.
func (l *leg) agreed(res *sip.Response) (sdp.Media, error) {
	m, ok := answerIn(res)
	if !ok || m.Black() {
		return m, fault.New(fault.CodeInvalid, "the phone's answer has no usable audio")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.setRemote(m)
	return m, nil
}

// glarePause is longer for the side that chose the Call-ID, so that the two do not meet again.
func (l *leg) glarePause() time.Duration {
	least, most := l.s.waits.glare[0], l.s.waits.glare[1]
	if l.callID != l.id {
		least, most = 0, least
	}
	return least + rand.N(most-least)
}
