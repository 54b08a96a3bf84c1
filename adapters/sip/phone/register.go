package phone

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
)

// registration is the one binding of the phone: a series of REGISTERs with one Call-ID (RFC 3261 section 10.2).
type registration struct {
	mu     sync.Mutex // held for each exchange
	callID sip.CallIDHeader
	tag    string
	cseq   uint32
	held   bool
	kept   bool // refresh runs
}

// Register registers the phone and keeps it registered until Close. The error of a refusal is a *[Refused].
func (p *Phone) Register(ctx context.Context) error {
	granted, err := p.register(ctx, p.cfg.Expires)
	if err != nil {
		return err
	}
	p.journal.tell(Event{Kind: Registered})
	p.reg.mu.Lock()
	defer p.reg.mu.Unlock()
	if !p.reg.kept && p.enter() {
		p.reg.kept = true
		go p.refresh(granted) // ends with p.ctx; Close waits for it
	}
	return nil
}

// refresh registers again at half of what was granted.
func (p *Phone) refresh(granted time.Duration) {
	defer p.wg.Done()
	timer := time.NewTimer(granted / 2)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-p.ctx.Done():
			return
		}
		again, err := p.register(p.ctx, p.cfg.Expires)
		if err != nil {
			again = 10 * time.Second // the registrar is away; what was granted may still hold
		}
		timer.Reset(again / 2)
	}
}

// unregister takes the binding back, if there is one; what the registrar says does not matter.
func (p *Phone) unregister(ctx context.Context) {
	p.reg.mu.Lock()
	held := p.reg.held
	p.reg.mu.Unlock()
	if held {
		_, _ = p.register(ctx, 0)
	}
}

func (p *Phone) register(ctx context.Context, want time.Duration) (time.Duration, error) {
	p.reg.mu.Lock()
	defer p.reg.mu.Unlock()
	res, sent, err := p.exchange(ctx, p.registerRequest(want), nil)
	p.reg.cseq = sent.CSeq().SeqNo
	if err != nil {
		return 0, err
	}
	if !res.IsSuccess() {
		return 0, &Refused{Status: res.StatusCode}
	}
	p.reg.held = want > 0
	return granted(res, want), nil
}

func (p *Phone) registerRequest(want time.Duration) *sip.Request {
	r := &p.reg
	if r.callID == "" {
		r.callID, r.tag = sip.CallIDHeader(sip.GenerateTagN(20)), sip.GenerateTagN(12)
	}
	r.cseq++
	req := sip.NewRequest(sip.REGISTER, sip.Uri{Scheme: "sip", Host: p.aor.Host, Port: p.aor.Port})
	from := sip.FromHeader{Address: p.aor, Params: sip.NewParams()}
	from.Params.Add("tag", r.tag)
	id, expires := r.callID, sip.ExpiresHeader(want/time.Second)
	req.AppendHeader(&from)
	req.AppendHeader(&sip.ToHeader{Address: p.aor})
	req.AppendHeader(&id)
	req.AppendHeader(&sip.CSeqHeader{SeqNo: r.cseq, MethodName: sip.REGISTER})
	req.AppendHeader(p.contact())
	req.AppendHeader(&expires)
	req.SetDestination(p.cfg.Registrar.String())
	return req
}

// granted returns how long the binding holds: what the Contact says, else the Expires header, else what was wanted.
func granted(res *sip.Response, want time.Duration) time.Duration {
	text := ""
	if h := res.GetHeader("Expires"); h != nil {
		text = h.Value()
	}
	if c := res.Contact(); c != nil {
		text = c.Params.GetOr("expires", text)
	}
	if n, err := strconv.Atoi(text); err == nil && n > 0 {
		return time.Duration(n) * time.Second
	}
	return want
}

// Refused is the final response that said no.
type Refused struct{ Status int }

func (r *Refused) Error() string { return fmt.Sprintf("phone: refused with %d", r.Status) }
