package esl

import (
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"c2d/core/call"
	"c2d/core/fault"
	"c2d/core/identity"
)

// legVariable carries our leg id in a channel that the dialplan has handed us; channels of ours have it as their UUID.
const legVariable = "c2d_leg"

// endpoint returns what FreeSWITCH dials for an address. Errors: fault.CodeBadCharacter, fault.CodeInvalidNumber.
func (b *Backend) endpoint(address string) (string, error) {
	to, err := b.dialled().To(address)
	if err == nil && twoCalls(to) {
		err = fault.Field(fault.CodeBadCharacter, "way.address", "cannot be dialled: :_: means something else here")
	}
	return to, err
}

// twoCalls reports what FreeSWITCH takes for two originates, wherever it stands.
func twoCalls(text string) bool { return strings.Contains(text, ":_:") }

// originate returns the arguments of the command that rings a phone: variables, dial string, and what is done once somebody has
// answered, or early media comes. Errors: those of rung; fault.CodeBadCharacter of what is shown.
func (b *Backend) originate(o call.Originate) (string, error) {
	to, err := b.rung(o.Way)
	if err != nil {
		return "", err
	}
	number, _, _ := strings.Cut(o.Show.Number, "@") // it becomes the user part of an address
	if n := o.Show.Number; n != "" && !identity.Dialled.MatchString(n) || twoCalls(n) {
		return "", fault.Field(fault.CodeBadCharacter, "show.number", "cannot be shown on a phone")
	}
	v := variables{}
	v.add("origination_uuid", o.Leg)
	v.add("originate_timeout", itoa(seconds(o.RingLimit)))
	v.add("outbound_redirect_fatal", "true") // a 302 would be followed, past every rule
	v.add("send_silence_when_idle", "-1")    // a phone that hears nothing at all takes us for dead
	if o.JoinTo == "" {
		v.add("ignore_early_media", "true") // it is answered when its owner has picked up, not before
	} else { // an originate that does not ignore it has no limit any more once it came
		v.add("api_on_pre_answer", hangUpAfter(o.RingLimit, o.Leg, "NO_ANSWER"))
		v.add("api_on_answer", "sched_del "+o.Leg) // that one; in the order in which they stand here
	}
	if limit := whole(o); limit > 0 {
		v.add("api_on_answer_then", hangUpAfter(limit, o.Leg, talkedOut))
	}
	if o.AutoAnswer {
		v.add("sip_auto_answer", "true")
	}
	v.add("origination_caller_id_name", shown(o.Show.Name))
	v.add("origination_caller_id_number", number)
	v.add("origination_callee_id_name", "")
	for _, name := range slices.Sorted(maps.Keys(to.With)) {
		v.add(name, to.With[name])
	}
	return v.String() + to.Contact + " &park()", nil
}

// hangUpAfter is the order by which FreeSWITCH ends a channel, also if we are no more.
func hangUpAfter(limit time.Duration, channel, cause string) string {
	return "sched_hangup +" + itoa(seconds(limit)) + " " + channel + " " + cause
}

// whole is how long a leg may last that is rung, or that another is rung for, from its answer on; 0 is for ever.
func whole(o call.Originate) time.Duration {
	if o.TalkLimit <= 0 {
		return 0
	}
	return o.RingLimit + o.TalkLimit
}

// talkedOut is the hang-up cause of the talk limit.
const talkedOut = "ALLOTTED_TIMEOUT"

// variables are those of one originate, as FreeSWITCH reads them: three passes over the string take one level of escapes each.
type variables struct{ b strings.Builder }

var escapes = strings.NewReplacer(" ", `\s`, ",", `\,`, "'", `\\\\\\\'`)

func (v *variables) add(name, value string) {
	if value == "" {
		return
	}
	if v.b.Len() > 0 {
		v.b.WriteByte(',')
	}
	v.b.WriteString(name + "=" + escapes.Replace(value))
}

func (v *variables) String() string { return "{" + v.b.String() + "}" }

// shown returns a name as it can be shown: what FreeSWITCH would read as its own syntax, or as SIP's, is a space there, also in
// the name of a patient. A display is no dial string: who is rung does not change.
func shown(name string) string {
	name = strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) || strings.ContainsRune(" .,-_()&'·", r) {
			return r
		}
		return ' '
	}, name)
	return strings.Join(strings.Fields(name), " ")
}

// seconds rounds up, to a second at least.
func seconds(d time.Duration) int { return max(1, int((d+time.Second-1)/time.Second)) }
