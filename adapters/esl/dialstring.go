package esl

import (
	"errors"
	"regexp"
	"strings"
)

// dialString is what a directory says of how a user is rung.
type dialString struct {
	asks string            // of sofia_contact
	with map[string]string // variables
}

// ofUser is a dial string that rings the phones of a user and nobody else: a do-not-disturb, or a forward, is another. Those that are
// registered over a browser are left out.
var ofUser = regexp.MustCompile(`^(?:\{([^{}]*)\})?\$\{sofia_contact\(([^(){}$]*)\)\}(?:,\$\{verto_contact\([^(){}$]*\)\})?$`)

// passed are variables that a directory may add to a call. Of those in leftOut ours are in the place.
var (
	passed  = map[string]bool{"presence_id": true, "sip_invite_domain": true, "rtp_secure_media": true, "force_transfer_context": true}
	leftOut = map[string]bool{"leg_timeout": true, "call_timeout": true, "": true}
	plain   = regexp.MustCompile(`^[A-Za-z0-9_.@:+*#-]+$`)
)

// readDialString expands one of a user (101@hospital.example) as FreeSWITCH does. Errors: of one that does, or could do, something
// else than to ring the phones of this user.
func readDialString(text, at string) (dialString, error) {
	user, domain, _ := strings.Cut(at, "@")
	text = strings.NewReplacer("${dialed_user}", user, "${dialed_domain}", domain).Replace(strings.TrimSpace(text))
	m := ofUser.FindStringSubmatch(text)
	if m == nil {
		return dialString{}, errors.New("its dial-string in the directory is not that of its phones alone")
	}
	d := dialString{asks: m[2], with: map[string]string{"presence_id": at}}
	if where, his := strings.CutSuffix(d.asks, at); !his || where != "" && !profileOf.MatchString(where) {
		return dialString{}, errors.New("its dial-string in the directory asks for the phones of somebody else")
	}
	list, by := m[1], ","
	if strings.HasPrefix(list, "^^") && len(list) > 2 {
		list, by = list[3:], list[2:3]
	}
	for _, pair := range strings.Split(list, by) {
		name, value, _ := strings.Cut(pair, "=")
		if !leftOut[name] {
			d.with[name] = value
		}
	}
	if !fit(d.with) {
		return dialString{}, errors.New("its dial-string in the directory has a variable that cannot be passed on")
	}
	return d, nil
}

// profileOf is where phones are looked for.
var profileOf = regexp.MustCompile(`^[A-Za-z0-9_.*-]+/$`)

func fit(with map[string]string) bool {
	for name, value := range with {
		if !passed[name] || !plain.MatchString(value) || twoCalls(value) {
			return false
		}
	}
	return true
}
