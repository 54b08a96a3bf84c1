package sip

import (
	"strconv"
	"time"

	"github.com/emiago/sipgo/sip"
)

// reliable is the repetition of a provisional response until its PRACK (RFC 3262 section 3). It belongs to the handler of
// the INVITE; its zero value repeats nothing.
type reliable struct {
	res      *sip.Response
	interval time.Duration
	until    time.Time
	timer    *time.Timer
}

// begin makes a response reliable, and repeats it from now on.
func (r *reliable) begin(res *sip.Response) {
	res.AppendHeader(sip.NewHeader("Require", "100rel"))
	res.AppendHeader(sip.NewHeader("RSeq", strconv.Itoa(ringSeq)))
	r.res, r.interval, r.until = res, sip.T1, time.Now().Add(64*sip.T1)
	r.timer = time.NewTimer(r.interval)
}

// due is ready when the response is to be sent again; never when there is none.
func (r *reliable) due() <-chan time.Time {
	if r.timer == nil {
		return nil
	}
	return r.timer.C
}

// repeat sends it again, and reports whether there is still time for a PRACK.
func (r *reliable) repeat(tx *sip.ServerTx) bool {
	if time.Now().After(r.until) {
		return false
	}
	_ = tx.Respond(r.res)
	r.interval *= 2
	r.timer.Reset(r.interval)
	return true
}

func (r *reliable) stop() {
	if r.timer != nil {
		r.timer.Stop()
		r.timer = nil
	}
}
