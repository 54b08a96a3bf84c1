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
		abroad := p.abroad()
		exprs = append(exprs, abroad, abroad+p.trunk) // +86 (0) 120
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
		if e := p.emergencyAt(s[i:]); e != "" {
			return e
		}
		for _, re := range p.prefixes {
			ends[i+len(re.FindString(s[i:]))] = true // no match is no step
		}
	}
	return ""
}

// emergencyAt returns the emergency number that s is, or "": one of our own area, or that of another, such as 010 120,
// the ambulance of Beijing, unless the metadata knows a subscriber of those digits.
func (p *Plan) emergencyAt(s string) string {
	if p.isEmergency(s) {
		return s
	}
	for _, re := range p.remote {
		if m := re.FindStringSubmatch(s); m != nil && p.isEmergency(m[2]) && !p.known("+"+p.country+m[1]+m[2]) {
			return m[2]
		}
	}
	return ""
}

// remoteAreas returns the forms of a short number in another area: its code has 2 or 3 digits, as in China.
func (p *Plan) remoteAreas() []*regexp.Regexp {
	if p.country == "" || p.trunk == "" || phonenumbers.IsNANPACountry(p.region) {
		return nil
	}
	lead := `^(?:` + p.trunk + `|` + p.abroad() + `(?:` + p.trunk + `)?)`
	return []*regexp.Regexp{regexp.MustCompile(lead + `([1-9][0-9])([0-9]{3,6})$`), regexp.MustCompile(lead + `([1-9][0-9]{2})([0-9]{3,6})$`)}
}

// abroad is what stands before a number of our country when it is called as from abroad.
func (p *Plan) abroad() string {
	return `(?:\+|` + strings.TrimPrefix(p.idd.String(), "^") + `)` + p.country
}

func (p *Plan) isEmergency(s string) bool {
	if len(p.emergency) > 0 || p.region == "" {
		return slices.Contains(p.emergency, s)
	}
	return phonenumbers.IsEmergencyNumber(s, p.region)
}
