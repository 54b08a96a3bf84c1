package registrar

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"c2d/core/user"
)

// contact is one Contact of a REGISTER.
type contact struct {
	uri      sip.Uri
	instance string
	regID    int
	lasts    time.Duration // 0 removes
}

// ask is what a REGISTER asks for: nothing (a query), everything to be removed, or a list of contacts.
type ask struct {
	all      bool
	contacts []contact
	path     []string
	from     user.Binding // what the bindings of this REGISTER have in common
}

// ask reads the Contact, Expires and Path headers.
func (r *Registrar) ask(req *sip.Request) (ask, *refusal) {
	path, no := paths(req)
	if no != nil {
		return ask{}, no
	}
	a := ask{path: path}
	for _, h := range req.GetHeaders("Contact") {
		ch, ok := h.(*sip.ContactHeader)
		if !ok {
			return ask{}, badRequest("Malformed Contact")
		}
		if ch.Address.Wildcard {
			a.all = true
			continue
		}
		c, no := r.contact(ch, headerValue(req, "Expires"))
		if no != nil {
			return ask{}, no
		}
		a.contacts = append(a.contacts, c)
	}
	return a, r.checkAsk(req, a)
}

func (r *Registrar) checkAsk(req *sip.Request, a ask) *refusal {
	if a.all && (len(a.contacts) > 0 || strings.TrimSpace(headerValue(req, "Expires")) != "0") {
		return badRequest("Contact * Must Be Alone With Expires 0")
	}
	if len(a.contacts) > r.cfg.MaxBindings {
		return refuse(sip.StatusForbidden, "Too Many Contacts")
	}
	for i, c := range a.contacts {
		if slices.ContainsFunc(a.contacts[:i], c.repeats) {
			return badRequest("Duplicate Contact")
		}
	}
	return nil
}

func (r *Registrar) contact(h *sip.ContactHeader, expires string) (contact, *refusal) {
	if !safeContact(h.Address) {
		return contact{}, badRequest("Bad Contact URI")
	}
	if v, ok := param(h.Params, "expires"); ok {
		expires = v
	}
	lasts := r.lasts(expires)
	if lasts > 0 && lasts < r.cfg.MinExpires {
		min := sip.NewHeader("Min-Expires", strconv.Itoa(int(r.cfg.MinExpires/time.Second)))
		return contact{}, refuse(sip.StatusIntervalToBrief, "Interval Too Brief", min)
	}
	c := contact{uri: h.Address, lasts: lasts}
	c.instance, c.regID = outbound(h.Params)
	return c, nil
}

// lasts returns how long a binding may last; what is missing or malformed asks for the default (RFC 3261 section 10.2.1.1).
func (r *Registrar) lasts(expires string) time.Duration {
	expires = strings.Trim(expires, `" `)
	secs, err := strconv.ParseUint(expires, 10, 32)
	switch {
	case err != nil && !allDigits(expires):
		return r.cfg.DefaultExpires
	case err != nil || secs > uint64(r.cfg.MaxExpires/time.Second):
		return r.cfg.MaxExpires
	}
	return time.Duration(secs) * time.Second
}

func allDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

var instanceForm = regexp.MustCompile(`^<urn:[!#-;=?-~]{1,200}>$`)

// outbound returns the instance and flow that a phone names (RFC 5626 section 4.2). A malformed one is ignored: the
// contact alone then tells its bindings apart.
func outbound(ps sip.HeaderParams) (instance string, regID int) {
	v, _ := param(ps, "+sip.instance")
	instance = strings.Trim(v, `"`)
	if !instanceForm.MatchString(instance) {
		return "", 0
	}
	id, _ := param(ps, "reg-id")
	if n, err := strconv.ParseUint(id, 10, 31); err == nil {
		regID = int(n)
	}
	return instance, regID
}

var pathForm = regexp.MustCompile(`^<sips?:[!#-+\--;=?-~]{1,250}>(;[!#-+\--:=?-~]{1,100}){0,8}$`)

// paths returns the Path header's entries in order (RFC 3327); they become a Route, so that they must be clean.
func paths(req *sip.Request) ([]string, *refusal) {
	var all []string
	for _, h := range req.GetHeaders("Path") {
		for _, p := range strings.Split(h.Value(), ",") {
			p = strings.TrimSpace(p)
			if !pathForm.MatchString(p) || len(all) == 8 {
				return nil, badRequest("Bad Path")
			}
			all = append(all, p)
		}
	}
	return all, nil
}

// change is what a REGISTER does to the bindings.
type change struct{ put, remove, keep []user.Binding }

// change applies the rules of RFC 3261 section 10.3, steps 6 and 7, to the bindings that there are. It is pure.
func (a ask) change(have []user.Binding, now time.Time, most int) (change, *refusal) {
	var c change
	for _, b := range have {
		i := slices.IndexFunc(a.contacts, func(n contact) bool { return n.replaces(b) })
		if i < 0 && !a.all {
			c.keep = append(c.keep, b)
			continue
		}
		if b.CallID == a.from.CallID && a.from.CSeq <= b.CSeq {
			return change{}, refuse(sip.StatusInternalServerError, "CSeq Out Of Order")
		}
		if a.all || a.contacts[i].lasts == 0 || a.contacts[i].uri.String() != b.Contact {
			c.remove = append(c.remove, b)
		}
	}
	for _, n := range a.contacts {
		if n.lasts > 0 {
			c.put = append(c.put, a.binding(n, now))
		}
	}
	c.makeRoom(most)
	return c, nil
}

// repeats reports whether two contacts of one REGISTER would be one binding. A phone may take its old address back and
// give a new one at once.
func (n contact) repeats(o contact) bool {
	sameFlow := n.instance != "" && n.instance == o.instance && n.regID == o.regID
	return sameURI(n.uri, o.uri) || sameFlow && n.lasts > 0 && o.lasts > 0
}

// replaces reports whether the contact is the same phone and flow as the binding.
func (n contact) replaces(b user.Binding) bool {
	if n.instance != "" && n.instance == b.Instance && n.regID == b.RegID {
		return true
	}
	var u sip.Uri
	return sip.ParseUri(b.Contact, &u) == nil && sameURI(n.uri, u)
}

func (a ask) binding(n contact, now time.Time) user.Binding {
	b := a.from
	b.Contact, b.Instance, b.RegID = n.uri.String(), n.instance, n.regID
	b.UpdatedAt = now.Truncate(time.Millisecond)
	b.ExpiresAt = b.UpdatedAt.Add(n.lasts)
	return b
}

// makeRoom removes those that were refreshed longest ago when there are more than most.
func (c *change) makeRoom(most int) {
	slices.SortStableFunc(c.keep, func(a, b user.Binding) int { return b.UpdatedAt.Compare(a.UpdatedAt) })
	if room := max(most-len(c.put), 0); len(c.keep) > room && len(c.put) > 0 {
		c.remove = append(c.remove, c.keep[room:]...)
		c.keep = c.keep[:room:room]
	}
}
