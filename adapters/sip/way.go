package sip

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/netip"
	"strings"

	"c2d/adapters/sip/dialog"
	"c2d/core/call"
	"c2d/core/fault"
	"c2d/core/identity"
	"c2d/core/user"
)

// contact is what a located way carries: one registered phone, or one address of a trunk's proxy.
type contact struct {
	URI       string   `json:"uri"`
	Path      []string `json:"path,omitempty"`
	Transport string   `json:"transport"`
	Source    string   `json:"source"`
	Instance  string   `json:"instance,omitempty"`
}

func (c contact) encode() string {
	raw, _ := json.Marshal(c) // strings only
	return base64.RawURLEncoding.EncodeToString(raw)
}

func decodeContact(s string) (c contact, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(s)
	if err == nil {
		err = json.Unmarshal(raw, &c)
	}
	if err == nil {
		_, err = netip.ParseAddrPort(c.Source)
	}
	if err != nil {
		return c, fault.Field(fault.CodeInvalid, "way.contact", "is not one that Locate gave out")
	}
	return c, nil
}

// Locate implements [call.Backend]: one way for each phone that is registered now; for a trunk one for each address of its
// proxy that takes calls, in the order of trying.
func (s *Stack) Locate(ctx context.Context, w call.Way) ([]call.Way, error) {
	if err := s.knows(w); err != nil {
		return nil, err
	}
	if w.Contact != "" {
		return []call.Way{w}, nil
	}
	if g := s.gateway(w.Backend); g != nil {
		return g.ways(w), nil
	}
	bindings, err := s.deps.Registrar.Bindings(ctx, s.cfg.tenant(), w.Address)
	if err != nil {
		return nil, err
	}
	ways := make([]call.Way, 0, len(bindings))
	for _, b := range bindings {
		w.Contact = contactOf(b).encode()
		ways = append(ways, w)
	}
	return ways, nil
}

// ways returns the ways to a number through the trunk. While it is down that is the way as it is: Prepare refuses it at
// once, and core tries the next trunk.
func (g *gateway) ways(w call.Way) []call.Way {
	ready, err := g.ready()
	if err != nil {
		return []call.Way{w}
	}
	var ways []call.Way
	for _, at := range ready[:min(len(ready), mostWays)] {
		w.Contact = contact{URI: g.entry.Proxy, Transport: at.transport, Source: at.addr}.encode()
		ways = append(ways, w)
	}
	return ways
}

func contactOf(b user.Binding) contact {
	c := contact{URI: b.Contact, Transport: b.Transport, Source: b.Source.String(), Instance: b.Instance}
	for _, p := range b.Path { // a name-addr, as the Path header has it (RFC 3327 section 4)
		_, p, _ = strings.Cut(p, "<")
		p, _, _ = strings.Cut(p, ">")
		c.Path = append(c.Path, p)
	}
	return c
}

// knows returns fault.CodeNoRoute unless the way's backend is an entry of ours. The entry decides how its numbers are
// reached; the house's phones are reached where they registered.
func (s *Stack) knows(w call.Way) error {
	if _, known := s.entry(w.Backend); known {
		return nil
	}
	return fault.Field(fault.CodeNoRoute, "way.backend", "no such backend of kind sip")
}

// Prepare implements [call.Backend]. Errors: fault.CodeBadCharacter or CodeInvalid with the field for what cannot be
// sent safely; CodeNoRoute.
func (s *Stack) Prepare(_ context.Context, o call.Originate) ([]byte, error) {
	if err := s.knows(o.Way); err != nil {
		return nil, err
	}
	inv, err := s.decide(o)
	if err != nil {
		return nil, err
	}
	inv.Hops = s.hops(o.JoinTo)
	inv.Bare = s.flowOf(o.Way).asks(o.JoinTo != "")
	inv.Headers = append(inv.Headers, sessionOffer(inv.Bare)...)
	if o.AutoAnswer {
		inv.Headers = append(inv.Headers, autoAnswer(s.cfg.Domain)...)
	}
	if err := inv.Check(); err != nil {
		return nil, err
	}
	l := &leg{s: s, tag: inv.Tag, invite: inv, joinTo: o.JoinTo}
	l.local.ID, l.local.Version, l.local.Addr = sessionID(), 1, s.mediaAddress(o.Way.Backend)
	return l.resume(), nil
}

// hops returns how many the call of a leg has come by already: an offered call that goes on through us keeps counting,
// so that one that goes round in circles ends.
func (s *Stack) hops(leg string) int {
	l := s.leg(leg)
	if l == nil || l.offer == nil {
		return 0
	}
	f := l.offer.req.MaxForwards()
	if f == nil {
		return 0
	}
	return max(0, dialog.MostHops-int(f.Val())+1)
}

// decide returns the INVITE of a call to a phone, or through a trunk.
func (s *Stack) decide(o call.Originate) (dialog.Invite, error) {
	if g := s.gateway(o.Way.Backend); g != nil {
		return g.invite(o)
	}
	c, err := decodeContact(o.Way.Contact)
	if err != nil {
		return dialog.Invite{}, err
	}
	from, err := s.shown(o.Show)
	return dialog.Invite{
		CallID: o.Leg, Tag: newTag(), Branch: newBranch(), Seq: 1, Target: c.URI, Routes: c.Path,
		Transport: strings.ToUpper(c.Transport), Dest: c.Source, From: from, To: dialog.Party{URI: o.Way.Address},
	}, err
}

// shown returns the From of a call: our own identity when there is no number to show.
func (s *Stack) shown(show call.Shown) (dialog.Party, error) {
	number := show.Number
	if number == "" {
		number = "anonymous"
	} else if n, ok := identity.StripNumber(number); ok {
		number = n
	} else if !userPart(number) {
		return dialog.Party{}, fault.Field(fault.CodeBadCharacter, "show.number", "cannot be shown on a phone")
	}
	if err := dialog.Clean("show.name", show.Name); err != nil {
		return dialog.Party{}, err
	}
	return dialog.Party{Name: show.Name, URI: "sip:" + userPartEscaper.Replace(number) + "@" + s.cfg.Domain}, nil
}

// userPartEscaper escapes the one character of a number that no user part may hold (RFC 3261 section 25.1).
var userPartEscaper = strings.NewReplacer("#", "%23")

// userPart reports whether s is a short name that can stand in a URI as it is.
func userPart(s string) bool {
	return len(s) <= 64 && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r == '-' || r == '_' || r == '.' || r == '+' || r == '*' ||
			r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z')
	})
}

// autoAnswer are the two headers that desk phones of all makes between them obey.
func autoAnswer(domain string) []dialog.Header {
	return []dialog.Header{
		{Name: "Call-Info", Value: "<sip:" + domain + ">;answer-after=0"},
		{Name: "Alert-Info", Value: "<http://" + domain + ">;info=alert-autoanswer;delay=0"},
	}
}
