package ari

import (
	"strings"
	"time"

	"c2d/adapters/ari/client"
	"c2d/core/call"
	"c2d/core/fault"
	"c2d/core/identity"
)

const defaultDial = "PJSIP/{number}"

// endpoint returns what Asterisk dials for an address. Errors: fault.CodeBadCharacter, fault.CodeInvalidNumber.
func (b *Backend) endpoint(address string) (string, error) {
	to, err := b.dialled().To(address)
	if err == nil && special(to) {
		err = fault.Field(fault.CodeInvalidNumber, "way.address", "is a part of the dialplan, and no number")
	}
	return to, err
}

// reserved are the extensions into which Asterisk itself sends a channel, when a timer runs out or somebody hangs up: they are the
// admin's, as parts of what was dialled, and nobody dials them.
var reserved = map[string]bool{"a": true, "e": true, "failed": true, "fax": true, "h": true, "i": true, "o": true, "s": true, "t": true, "talk": true}

// special reports whether an endpoint leads into the dialplan by another way than a number. Asterisk takes no notice of
// dashes there, and the text of a pattern ("_X.") for a number that fits it.
func special(endpoint string) bool {
	if !dialplan(endpoint) {
		return false
	}
	exten, _, _ := strings.Cut(strings.TrimPrefix(endpoint, "Local/"), "@")
	exten = strings.ToLower(strings.ReplaceAll(exten, "-", ""))
	return exten == "" || exten[0] == '_' || reserved[exten]
}

// dialplan reports whether an endpoint leads through the admin's dialplan.
func dialplan(endpoint string) bool { return strings.HasPrefix(endpoint, "Local/") }

// show returns a name and a number as a display may show them. Errors: fault.CodeBadCharacter.
func show(s call.Shown) (name, number string, err error) {
	if strings.ContainsFunc(s.Name, func(r rune) bool { return r < ' ' || r == 0x7f || r == '"' || r == '\\' || r == '<' || r == '>' }) {
		return "", "", fault.Field(fault.CodeBadCharacter, "show.name", "cannot be shown on a phone")
	}
	if s.Number != "" && !identity.Dialled.MatchString(s.Number) {
		return "", "", fault.Field(fault.CodeBadCharacter, "show.number", "cannot be shown on a phone")
	}
	return s.Name, s.Number, nil
}

// far is the suffix of the far half of a Local channel: the half that runs through the dialplan.
const far = "-out"

// localFormats is what a Local channel carries. Asterisk would take samples of 192 kHz for want of a better idea; after a few
// changes of bridge such a channel is mute (seen on 22.10).
const localFormats = "alaw,ulaw"

// legVariable carries our leg id into every channel that the dialplan dials for it.
const legVariable = "C2D_LEG"

// channel returns the channel of an originate. Errors: those of endpoint and show.
func (b *Backend) channel(o call.Originate) (client.Leg, error) {
	to, err := b.endpoint(o.Way.Address)
	if err != nil {
		return client.Leg{}, err
	}
	name, number, err := show(o.Show)
	if err != nil {
		return client.Leg{}, err
	}
	l := client.Leg{Endpoint: to, App: b.app, ID: o.Leg, Variables: map[string]string{"__" + legVariable: o.Leg}}
	if limit := o.RingLimit + o.TalkLimit; o.TalkLimit > 0 { // Asterisk ends it, also if we are no more
		l.Variables["TIMEOUT(absolute)"] = seconds(limit)
	}
	if strings.HasPrefix(to, "PJSIP/") {
		l.Variables[transferHandling] = "ari-only"
	}
	if dialplan(to) {
		l.OtherID, l.Formats = o.Leg+far, localFormats
	}
	if o.AutoAnswer {
		l.Variables["PJSIP_HEADER(add,Call-Info)"] = "<sip:c2d>;answer-after=0"
		l.Variables["PJSIP_HEADER(add,Alert-Info)"] = "<http://c2d>;info=alert-autoanswer;delay=0"
	}
	identify(&l, name, number)
	return l, nil
}

// identify sets who calls, in both places where Asterisk looks: the caller of the dialplan, and the connected line, which is
// what a phone is shown.
func identify(l *client.Leg, name, number string) {
	if number == "" && name == "" {
		return
	}
	for _, f := range []string{"CALLERID", "CONNECTEDLINE"} {
		l.Variables[f+"(name)"], l.Variables[f+"(num)"] = name, number
	}
}

// seconds rounds up, to a second at least.
func seconds(d time.Duration) string { return itoa(max(1, int((d+time.Second-1)/time.Second))) }
