package numbering

import (
	"regexp"
	"slices"
	"strings"

	"github.com/nyaruka/phonenumbers"

	"c2d/core/fault"
	"c2d/core/identity"
)

var _ identity.Numbering = (*Plan)(nil)

// Plan reads numbers by one hospital's rules. Safe for concurrent use.
type Plan struct {
	country   string // digits of the country calling code; empty if none
	region    string // such as CN
	trunk     string // national trunk prefix, such as 0; empty if the country has none
	area      string
	outside   string
	idd       *regexp.Regexp // international prefix at the start; nil without a country
	extension *regexp.Regexp // nil if there are none
	emergency []string
	prefixes  []*regexp.Regexp // what may stand before an emergency number, each at the start
	remote    []*regexp.Regexp // a short number of another area: its area code, and the number
	allow     []*regexp.Regexp
	deny      []*regexp.Regexp
	read      recent
}

// New returns the plan of a configuration, or every error in it, joined.
func New(c Config) (*Plan, error) {
	var k checker
	k.forms(c)
	p := &Plan{area: c.Area, outside: c.Outside, emergency: slices.Clone(c.Emergency)}
	if len(p.emergency) == 0 && c.Country == "" {
		p.emergency = worldEmergency
	}
	p.allow, p.deny = k.regexps("allow", c.Allow), k.regexps("deny", c.Deny)
	if c.Extension != "" {
		p.extension = k.regexp("extension", `^(?:`+c.Extension+`)$`)
	}
	if m := k.region(c.Country); m != nil {
		p.country, p.region, p.trunk = c.Country[1:], m.GetId(), m.GetNationalPrefix()
		p.idd = regexp.MustCompile(`^(?:` + m.GetInternationalPrefix() + `)`) // from the library, which compiles it too
		k.area(c.Area, p.trunk)
	}
	if err := k.err(); err != nil {
		return nil, err
	}
	p.prefixes, p.remote = p.emergencyPrefixes(), p.remoteAreas()
	return p, nil
}

// Parse implements [identity.Numbering].
func (p *Plan) Parse(typed string) (identity.Number, error) {
	if n, known := p.read.get(typed); known {
		return n, nil
	}
	n, err := p.parse(typed)
	if err == nil {
		p.read.put(n)
	}
	return n, err
}

func (p *Plan) parse(typed string) (identity.Number, error) {
	s, err := clean(typed)
	if err != nil {
		return identity.Number{}, err
	}
	n := identity.Number{Typed: typed, Digits: s}
	if e := p.emergencyIn(s); e != "" {
		n.Digits, n.Kind, n.Emergency = e, identity.Short, true
		return n, nil
	}
	if strings.HasPrefix(s, "+") {
		n.Kind = identity.E164
		n.E164, err = p.international(s[1:])
		return n, err
	}
	if p.extension != nil && p.extension.MatchString(s) {
		n.Kind = identity.Extension
		return n, nil
	}
	return p.external(n), nil
}

// Allowed returns nil if the hospital's rules let the number be called, else fault.CodeNumberDenied. Deny wins over
// allow. Rules are matched on [identity.Number.Dial], extensions included, and deny also on the digits, so that a
// number does not escape by its form. An emergency number stands before every rule.
func (p *Plan) Allowed(n identity.Number) error {
	if n.Emergency {
		return nil
	}
	denied := matches(p.deny, n.Dial()) || matches(p.deny, n.Digits)
	if denied || len(p.allow) > 0 && !matches(p.allow, n.Dial()) {
		return fault.New(fault.CodeNumberDenied, "the rules of this hospital do not let this number be called")
	}
	return nil
}

func matches(rules []*regexp.Regexp, s string) bool {
	return slices.ContainsFunc(rules, func(re *regexp.Regexp) bool { return re.MatchString(s) })
}

// reading is one way to understand the digits of an external number.
type reading struct {
	digits string
	kind   identity.NumberKind
	e164   string
	valid  bool // the country's metadata knows it
}

// external reads a number of the public network, with or without the outside prefix.
func (p *Plan) external(n identity.Number) identity.Number {
	r := p.public(n.Digits)
	if inner, ok := strings.CutPrefix(n.Digits, p.outside); ok && p.outside != "" && inner != "" {
		if behind := p.public(inner); behind.valid || !r.valid {
			r = behind
		}
	}
	n.Digits, n.Kind, n.E164 = r.digits, r.kind, r.e164
	return n
}

// public reads a number as the public network would.
func (p *Plan) public(s string) reading {
	if p.country == "" || strings.ContainsAny(s, "*#") {
		return reading{digits: s, kind: p.unknown(s)}
	}
	if idd := p.idd.FindString(s); idd != "" {
		if e164, err := p.international(s[len(idd):]); err == nil {
			return reading{s, identity.E164, e164, p.known(e164)}
		}
	}
	return p.national(s)
}

// shortest is how many digits a number needs to be taken for a subscriber's without proof from the metadata; what is
// shorter is a service number.
const shortest = 7

// national tries, from the surest to the least sure: a service number, a whole national number, a number of our own
// area, a national number that the metadata finds only possible.
func (p *Plan) national(s string) reading {
	whole, err := phonenumbers.Parse(s, p.region)
	if err != nil {
		return reading{digits: s, kind: p.unknown(s)}
	}
	switch {
	case len(s) < shortest && phonenumbers.IsValidShortNumberForRegion(whole, p.region):
		return reading{s, identity.Short, "", true}
	case valid(whole):
		return reading{s, identity.E164, format(whole), true}
	}
	trunk := p.trunk != "" && strings.HasPrefix(s, p.trunk)
	if local := p.local(s); local != nil && !trunk {
		return reading{s, identity.E164, format(local), valid(local)}
	}
	if len(s) >= shortest && possible(whole) && (trunk || p.trunk == "" || phonenumbers.IsNANPACountry(p.region)) {
		return reading{s, identity.E164, format(whole), false}
	}
	return reading{digits: s, kind: p.unknown(s)}
}

// local reads digits as a number of our own area; nil if they cannot be one.
func (p *Plan) local(s string) *phonenumbers.PhoneNumber {
	if p.area == "" {
		return nil
	}
	n, err := phonenumbers.Parse("+"+p.country+p.area+s, p.region)
	if err != nil || !valid(n) && (len(s) < shortest || !possible(n)) {
		return nil
	}
	return n
}

func (p *Plan) unknown(s string) identity.NumberKind {
	if len(s) < shortest || strings.ContainsAny(s, "*#") {
		return identity.Short
	}
	return identity.National
}

var e164Form = regexp.MustCompile(`^[1-9][0-9]{4,14}$`)

// international returns the E.164 form of the digits behind a + or an international prefix. Where the metadata knows
// the number it may correct it, such as the (0) of +49 (0)30; else it is kept as it is.
func (p *Plan) international(s string) (string, error) {
	if !e164Form.MatchString(s) {
		return "", fault.New(fault.CodeInvalidNumber, "an international number is a + and 5 to 15 digits, the first not 0")
	}
	n, err := phonenumbers.Parse("+"+s, "")
	if err == nil && valid(n) {
		return format(n), nil
	}
	return "+" + s, nil
}

func (p *Plan) known(e164 string) bool {
	n, err := phonenumbers.Parse(e164, "")
	return err == nil && valid(n)
}

// valid and possible are stricter than the library's own: a number of more than 15 digits (which Germany's plan has) is
// no E.164, and one that only works inside its area is not possible from outside.
func valid(n *phonenumbers.PhoneNumber) bool { return phonenumbers.IsValidNumber(n) && fits(n) }

func possible(n *phonenumbers.PhoneNumber) bool {
	return phonenumbers.IsPossibleNumberWithReason(n) == phonenumbers.IS_POSSIBLE && fits(n)
}

func fits(n *phonenumbers.PhoneNumber) bool { return e164Form.MatchString(format(n)[1:]) }

func format(n *phonenumbers.PhoneNumber) string { return phonenumbers.Format(n, phonenumbers.E164) }
