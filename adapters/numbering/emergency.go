package numbering

import (
	"regexp"
	"slices"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// emergencyPrefixes returns what may stand before an emergency number and still reach it: besides the prefixes of
// the dial plan, service codes that act on the call that follows them (*67, *31#: withhold the caller's number).
func (p *Plan) emergencyPrefixes() []*regexp.Regexp {
	exprs := []string{`[*#]+`, `[*#]+[0-9]{2}[*#]*`, `[*#]+[0-9]{3}[*#]*`}
	if p.outside != "" {
		exprs = append(exprs, regexp.QuoteMeta(p.outside))
	}
	if p.country != "" {
		abroad := `(?:\+|` + strings.TrimPrefix(p.idd.String(), "^") + `)` + p.country
		exprs = append(exprs, abroad)
		if p.area != "" {
			exprs = append(exprs, p.trunk+p.area, abroad+p.area, abroad+p.trunk+p.area)
		}
	}
	var all []*regexp.Regexp
	for _, e := range exprs {
		all = append(all, regexp.MustCompile("^(?:"+e+")"))
	}
	return all
}

// emergencyIn returns the emergency number that s reaches, or "". It walks every way to split s into prefixes and a
// rest, marking the places that a prefix can end at, so it takes time linear in s; * and # at the end, which phones
// use as "send", do not hide a number.
func (p *Plan) emergencyIn(s string) string {
	s = strings.TrimRight(s, "*#")
	ends := make([]bool, len(s)+1)
	ends[0] = true
	for i := range len(s) {
		if !ends[i] {
			continue
		}
		if p.isEmergency(s[i:]) {
			return s[i:]
		}
		for _, re := range p.prefixes {
			ends[i+len(re.FindString(s[i:]))] = true // no match is no step
		}
	}
	return ""
}

func (p *Plan) isEmergency(s string) bool {
	if len(p.emergency) > 0 || p.region == "" {
		return slices.Contains(p.emergency, s)
	}
	return phonenumbers.IsEmergencyNumber(s, p.region)
}
