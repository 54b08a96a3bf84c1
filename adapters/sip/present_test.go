package sip

import (
	"strings"
	"testing"

	"c2d/adapters/sip/trunk"
	"c2d/core/call"
)

// TestWhoIsShownToACarrier looks at the wire: From, P-Asserted-Identity and Privacy say what the trunk's list allows, and a
// number or name that it does not allow stands nowhere in what we send.
func TestWhoIsShownToACarrier(t *testing.T) {
	const (
		mary    = "+8613800138000"
		private = "+8613900139000"
		desk    = "+8653283001100"
		ward    = "+8653283001999"
	)
	some := []string{`\+8653283001[0-9]{3}`}
	for name, c := range map[string]struct {
		present trunk.Present
		show    call.Shown
		from    string // user part of From
		pai     string // of P-Asserted-Identity
		private bool
		never   string
	}{
		"a desk that the list allows":       {trunk.Present{Numbers: some, Default: ward}, call.Shown{Name: "Harry", Number: desk}, desk, desk, false, "Harry"},
		"a private phone":                   {trunk.Present{Numbers: some, Default: ward}, call.Shown{Name: "Harry", Number: private}, ward, ward, false, private},
		"a private phone, no default":       {trunk.Present{Numbers: some}, call.Shown{Name: "Harry", Number: private}, "anonymous", "", true, private},
		"with names":                        {trunk.Present{Numbers: some, Default: ward, Names: true}, call.Shown{Name: "Harry", Number: private}, ward, ward, false, "Harry"},
		"the callee's own":                  {trunk.Present{Numbers: []string{".*"}, Default: ward}, call.Shown{Number: mary}, ward, ward, false, ""},
		"the callee's own is the default":   {trunk.Present{Default: mary}, call.Shown{Number: private}, "anonymous", "", true, private},
		"withheld from all but the carrier": {trunk.Present{Numbers: some, Default: ward, Withhold: true}, call.Shown{Number: desk}, "anonymous", desk, true, ""},
		"nothing is configured":             {trunk.Present{}, call.Shown{Name: "Harry", Number: desk}, "anonymous", "", true, desk},
	} {
		t.Run(name, func(t *testing.T) {
			h, p := carried(t, func(e *Entry) { e.Present = c.present })
			p.up()
			o := call.Originate{Leg: "leg-a", Way: call.Way{Backend: "carrier", Address: mary}, RingLimit: limit, Show: c.show}
			blob, err := h.stack.Prepare(t.Context(), o)
			h.do(err)
			h.do(h.stack.Originate(t.Context(), o, blob))
			inv := p.request("INVITE")
			pai := ""
			if said := inv.GetHeader("P-Asserted-Identity"); said != nil {
				pai, _, _ = strings.Cut(strings.TrimPrefix(said.Value(), "<sip:"), "@")
			}
			if got := inv.From().Address.User; got != c.from || pai != c.pai || (inv.GetHeader("Privacy") != nil) != c.private {
				t.Errorf("INVITE\n%s", inv)
			}
			if c.never != "" && strings.Contains(inv.String(), strings.TrimPrefix(c.never, "+")) {
				t.Errorf("%s is there:\n%s", c.never, inv)
			}
			if c.from == mary || strings.Contains(inv.From().String()+pai, mary) {
				t.Errorf("he is called by himself:\n%s", inv)
			}
			p.reply(inv, 486, nil)
			p.request("ACK")
			h.ended("leg-a", call.Busy)
		})
	}
}
