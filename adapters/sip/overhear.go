package sip

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

	"c2d/adapters/sip/media"
	"c2d/adapters/sip/recording"
	"c2d/adapters/sip/sdp"
	"c2d/core/call"
	"c2d/core/fault"
	"c2d/core/tone"
)

// tap hands the speech of the two to the file: what each is sent of the other.
func (r *record) tap(f *recording.Recording) {
	defer both(r.leg, r.peer)()
	from := func(side recording.Side) func(media.Sound) {
		return func(s media.Sound) {
			f.Take(side, recording.Sound{Law: s.Law, SSRC: s.SSRC, Timestamp: s.Timestamp, Payload: s.Payload, At: s.At})
		}
	}
	if r.leg.rec == r && r.leg.ep != nil {
		r.leg.ep.Tap(from(recording.Right))
	}
	if r.peer.rec == r && r.peer.ep != nil {
		r.peer.ep.Tap(from(recording.Left))
	}
}

// bringBack asks both phones to send to us, in a codec that both have and we can read. What is with us already, in such a
// codec, stays as it is, whatever a phone thinks of being asked again.
func (r *record) bringBack(ctx context.Context, moved bool) error {
	a, b := r.leg, r.peer
	unlock := both(a, b)
	ra, rb := a.remote, b.remote
	unlock()
	legible := onlyOurs(ra.Codecs) && onlyOurs(rb.Codecs)
	if legible && !moved && a.s.relays(a, b) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 8*a.s.waits.reinvite)
	defer cancel()
	needed := moved || !legible
	if err := a.sendHere(ctx, readable(ra.Codecs, rb.Codecs)); err != nil && needed {
		return err
	}
	err := b.sendHere(ctx, readable(rb.Codecs, ra.Codecs))
	if err != nil && !legible {
		_ = a.sendHere(ctx, ra.Codecs) // as it was: the two understand each other
	}
	if !needed {
		err = nil
	}
	return err
}

// sendHere asks a phone to send to us in one of the codecs.
func (l *leg) sendHere(ctx context.Context, codecs []sdp.Codec) error {
	addr, here := l.anchored()
	if !here {
		return fault.New(fault.CodeConflict, "the two have parted")
	}
	if _, err := l.reinvite(ctx, addr, codecs, nil); err != nil {
		return fault.Wrap(fault.CodeConflict, err, "a phone does not send its sound to us")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tell(call.LegEvent{Kind: call.EvResume, Resume: l.resume()})
	return nil
}

// anchored returns where we receive what the phone sends; false if we do not.
func (l *leg) anchored() (netip.AddrPort, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ep == nil {
		return netip.AddrPort{}, false
	}
	return l.receives(l.ep), true
}

// onlyOurs reports whether all speech is in codecs that we can read.
func onlyOurs(codecs []sdp.Codec) bool {
	return !slices.ContainsFunc(codecs, func(c sdp.Codec) bool {
		_, law := tone.LawOf(strings.ToUpper(c.Name))
		return c.Speech() && !law
	})
}

// readable returns the codec of ours in which a phone and its peer can talk; where they have shown none, the one that
// every phone has.
func readable(offered, supported []sdp.Codec) []sdp.Codec {
	ours := sdp.DefaultCodecs()
	if one := oneCodec(sdp.Common(offered, ours), supported); one != nil {
		return one
	}
	return oneCodec(ours, ours)
}

// late is how much later a beep is heard by whom it would have kept from something else.
const late = time.Second

// beep lets both hear every now and then that they are recorded, until ctx ends.
func (r *record) beep(ctx context.Context) {
	waiting := []*leg{r.leg, r.peer}
	for {
		if waiting = r.beepTo(waiting); len(waiting) == 0 {
			waiting = []*leg{r.leg, r.peer}
			if !sleep(ctx, r.leg.s.waits.beep) {
				return
			}
		} else if !sleep(ctx, late) {
			return
		}
	}
}

// beepTo returns those who did not hear it: they hear a key, or something that tells them that they wait.
func (r *record) beepTo(legs []*leg) (waiting []*leg) {
	defer both(r.leg, r.peer)()
	held := r.leg.waits || r.peer.waits
	for _, l := range legs {
		if l.ep != nil && (held || !l.ep.Beep(tone.Recorded())) {
			waiting = append(waiting, l)
		}
	}
	return waiting
}

// sleep returns false once ctx ends.
func sleep(ctx context.Context, d time.Duration) bool {
	pause, stop := after(d)
	defer stop()
	select {
	case <-pause:
		return true
	case <-ctx.Done():
		return false
	}
}
