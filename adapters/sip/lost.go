package sip

import (
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"c2d/adapters/sip/dialog"
	"c2d/core/call"
	"c2d/core/user"
)

// A phone that is reached over its own connection only (RFC 5626) may lose it while it talks, and all of them do when we
// are restarted. It registers anew over another one. Then its calls go on over that, and what it could not be told
// meanwhile it is told: that its call is over.

// mostDebts bounds what is kept for phones that may never come back.
const mostDebts = 4096

// owner says whose phone a leg has.
type owner struct {
	name     string // the user part of its address of record
	instance string // +sip.instance (RFC 5626 section 4.1), where it is known
	contact  string
}

// has reports whether a binding is of the same phone: the same instance, else a Contact that differs by its port at
// most, which is another for each connection.
func (o owner) has(b user.Binding) bool {
	if o.instance != "" {
		return o.instance == b.Instance
	}
	var was, is sip.Uri
	return sip.ParseUri(o.contact, &was) == nil && sip.ParseUri(b.Contact, &is) == nil &&
		was.User == is.User && strings.EqualFold(was.Host, is.Host)
}

// debt is a BYE or CANCEL that could not be sent.
type debt struct {
	owner
	transport string // as bindings write it
	until     time.Time
	pay       func(flow string)
}

// owner returns whose phone the leg has. l.mu is held.
func (l *leg) owner() owner {
	o := owner{name: nameIn(l.way.Address), contact: l.invite.Target}
	if c, err := decodeContact(l.way.Contact); err == nil {
		o.instance = c.Instance
	}
	if l.dlg != nil {
		o.contact = l.dlg.Target
	}
	return o
}

// nameIn returns the user part of an address of record.
func nameIn(aor string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(aor, "sip:"), "@")
	return name
}

// owes keeps what a leg's phone is to be told when it is back; pay sends it over its new connection. It is kept for as
// long as the phone itself believes in its session. For phones that need no connection of theirs there is no debt.
func (l *leg) owes(transport string, pay func(flow string)) {
	if transport == "UDP" || l.gateway() != nil {
		return
	}
	l.mu.Lock()
	d := debt{l.owner(), strings.ToLower(transport), time.Now().Add(l.session.believed(l.s.waits)), pay}
	l.mu.Unlock()
	l.s.mu.Lock()
	l.s.debts = append(l.s.debts[max(0, len(l.s.debts)+1-mostDebts):], d)
	l.s.mu.Unlock()
	l.s.spawn(func() { l.s.welcome(d.name) }) // it may be back already
}

// oweBye keeps the BYE of a dialog whose connection is lost.
func (l *leg) oweBye() {
	l.mu.Lock()
	if l.dlg == nil {
		l.mu.Unlock()
		return
	}
	d := *l.dlg
	l.mu.Unlock()
	l.owes(d.Transport, func(flow string) {
		d.Flow = flow
		l.s.bye(&d)
	})
}

// oweCancel keeps the CANCEL of an INVITE whose connection is lost, for the phone that may ring on.
func (l *leg) oweCancel(inv dialog.Invite, reason string, then func(*sip.Response)) {
	if l.s.connected(strings.ToLower(inv.Transport), inv.Dest) {
		return
	}
	l.owes(inv.Transport, func(flow string) {
		inv.Dest = flow
		l.s.sendCancel(inv, reason, then)
	})
}

// registered answers a REGISTER. Over a connection it may be of a phone that is back.
func (s *Stack) registered(req *sip.Request, tx *sip.ServerTx) {
	network := strings.ToLower(req.Transport())
	res := s.deps.Registrar.Register(s.ctx, req, source(req), network)
	if !res.IsSuccess() {
		s.dismiss(tx, res)
		return
	}
	s.vouch(req)
	_ = tx.Respond(res)
	if network != "udp" {
		s.welcome(req.To().Address.User)
	}
}

// welcome looks where the phones of an address of record are connected now, and gives their legs and debts those
// connections.
func (s *Stack) welcome(name string) {
	if !s.misses(name) {
		return
	}
	bindings, err := s.deps.Registrar.Bindings(s.ctx, s.cfg.tenant(), "sip:"+name+"@"+s.cfg.Domain)
	if err != nil {
		s.log.Warn("whether a phone is back is not known", "error", err)
		return
	}
	for _, b := range bindings {
		if b.Transport == "udp" || !s.connected(b.Transport, b.Source.String()) {
			continue
		}
		for _, l := range s.all() {
			l.back(b)
		}
		for _, d := range s.settled(b) {
			d.pay(b.Source.String())
		}
	}
}

// misses reports whether a leg or debt waits for a phone of that name, and forgets the debts whose time is over.
func (s *Stack) misses(name string) bool {
	now, missed := time.Now(), false
	s.mu.Lock()
	kept := s.debts[:0]
	for _, d := range s.debts {
		if now.Before(d.until) {
			kept, missed = append(kept, d), missed || d.name == name
		}
	}
	clear(s.debts[len(kept):])
	s.debts = kept
	s.mu.Unlock()
	for _, l := range s.all() {
		missed = missed || l.misses(name)
	}
	return missed
}

// misses reports whether the connection to the leg's phone, of that name, is lost.
func (l *leg) misses(name string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return nameIn(l.way.Address) == name && l.adrift()
}

// adrift reports whether the leg has a dialog whose connection, of the phone's making, is lost. l.mu is held.
func (l *leg) adrift() bool {
	return l.dlg != nil && l.dlg.Transport != "UDP" && l.gateway() == nil &&
		!l.s.connected(strings.ToLower(l.dlg.Transport), l.dlg.Flow)
}

// settled takes the debts to the phone of a binding off the list.
func (s *Stack) settled(b user.Binding) (due []debt) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := s.debts[:0]
	for _, d := range s.debts {
		if d.name == nameIn(b.AOR) && d.transport == b.Transport && d.has(b) {
			due = append(due, d)
		} else {
			kept = append(kept, d)
		}
	}
	clear(s.debts[len(kept):])
	s.debts = kept
	return due
}

// back lets a leg go on over the connection of a binding, if that is its phone's and its own is lost. It is asked at
// once whether it is in the call still: it may have been switched off and on.
func (l *leg) back(b user.Binding) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if nameIn(l.way.Address) != nameIn(b.AOR) || !l.adrift() || !strings.EqualFold(l.dlg.Transport, b.Transport) || !l.owner().has(b) {
		return
	}
	l.dlg.Flow, l.missed = b.Source.String(), time.Time{}
	if l.state == call.LegAnswered {
		l.watchIn(0)
	}
}

// follow lets a dialog go on over the connection that a message of its peer came by, if its own is lost. A trunk's proxy
// is called again where it listens.
func (s *Stack) follow(d *dialog.Dialog, m sip.Message) {
	network := strings.ToLower(d.Transport)
	if network != "udp" && strings.EqualFold(m.Transport(), network) && s.gatewayAt(d.Flow) == nil && !s.connected(network, d.Flow) {
		d.Flow = m.Source()
	}
}

// missing reports whether a phone whose connection is lost may come back yet: for as long as it believes in its session.
func (l *leg) missing() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.adrift() {
		return false
	}
	if l.missed.IsZero() {
		l.missed = time.Now()
	}
	return time.Since(l.missed) < l.session.believed(l.s.waits)
}
