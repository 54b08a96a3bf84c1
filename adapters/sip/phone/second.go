package phone

import (
	"context"
	"net/url"

	"github.com/emiago/sipgo/sip"
)

// SetAside puts the present call aside, so that the phone can have another; the other side is not told: Hold does that.
// Errors: [ErrNoCall] without a call, or with one aside already.
func (p *Phone) SetAside() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.call == nil || p.aside != nil {
		return ErrNoCall
	}
	p.call, p.aside = nil, p.call
	return nil
}

// Swap makes the call that was set aside the present one, and the other way round.
func (p *Phone) Swap() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.call, p.aside = p.aside, p.call
}

// Attend asks the server to join whom the phone talks with in the call that was set aside with whom it talks with now
// (RFC 5589 section 7), and returns once the server has accepted it; Told events say what comes of it. Errors:
// [ErrNoCall] unless there are two, *[Refused].
func (p *Phone) Attend(ctx context.Context) error {
	p.mu.Lock()
	now, aside := p.call, p.aside
	p.mu.Unlock()
	if now == nil || aside == nil {
		return ErrNoCall
	}
	return aside.refer(ctx, now.replaced())
}

// replaced is the Refer-To value that names the call's other side, and the call for it to replace (RFC 3891 section 6.1).
func (c *call) replaced() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	other := c.remote.Address
	return "<sip:" + other.User + "@" + other.HostPort() + "?Replaces=" +
		url.QueryEscape(c.id+";to-tag="+tag(&c.remote)+";from-tag="+c.localTag) + ">"
}

// refer sends a REFER within the call.
func (c *call) refer(ctx context.Context, to string) error {
	res, _, err := c.ask(ctx, sip.REFER, nil, sip.NewHeader("Refer-To", to))
	if err == nil && !res.IsSuccess() {
		err = &Refused{Status: res.StatusCode}
	}
	return err
}

// matching returns the phone's call with that Call-ID and that tag of ours.
func (p *Phone) matching(id, localTag string) *call {
	for _, c := range p.both() {
		if c.id == id && c.localTag == localTag {
			return c
		}
	}
	return nil
}

// both returns the phone's calls.
func (p *Phone) both() (all []*call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range []*call{p.call, p.aside} {
		if c != nil {
			all = append(all, c)
		}
	}
	return all
}

// forget drops a call that is over.
func (p *Phone) forget(c *call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch c {
	case p.call:
		p.call = nil
	case p.aside:
		p.aside = nil
	}
}
