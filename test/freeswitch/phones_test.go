package freeswitch

import (
	"context"
	"strings"
	"testing"

	"c2d/adapters/esl"
	"c2d/adapters/sip/handset"
	telephone "c2d/adapters/sip/phone"
	"c2d/core/call"
	"c2d/core/call/calltest"
	"c2d/core/identity"
	"c2d/test/office"
	"c2d/test/pbx"
)

// What two phones of one extension do stands in the suite of call behaviour. Here is what only a real FreeSWITCH shows.

// located are the ways to an extension.
func (h *hand) located(extension string) []call.Way {
	h.t.Helper()
	ways, err := h.b.Locate(h.t.Context(), call.Way{Backend: "fs", Address: extension})
	h.does(err)
	return ways
}

// reaches rings over a way until something is told.
func (h *hand) reaches(w call.Way, until call.LegEventKind) (leg string, told call.LegEvent) {
	h.t.Helper()
	leg = identity.Origin{Installation: "suite", Node: "n1"}.LegID()
	h.does(h.b.Originate(h.t.Context(), call.Originate{Leg: leg, Way: w, RingLimit: ringLimit, TalkLimit: talkLimit}, nil))
	return leg, h.until(leg, until)
}

// A phone whose twin was answered shows no missed call: it is told why it stops.
func TestTheOtherPhoneMissesNothing(t *testing.T) {
	t.Parallel()
	h := starts(t, newWards(t))
	first := h.Phone(t, calltest.Rings).(*handset.Handset)
	twin := h.Twin(t, first, calltest.Rings).(*handset.Handset)
	ways := h.located(first.Name)
	if len(ways) != 2 {
		t.Fatalf("%+v", ways)
	}
	one, _ := h.reaches(ways[0], call.EvRinging)
	two, _ := h.reaches(ways[1], call.EvRinging)
	if who, want := h.getvar(one, "presence_id"), first.Name+"@"+h.freeswitch.Addr.Addr().String(); who != want {
		t.Errorf("the directory's variables are not there: presence_id is %q, want %q", who, want)
	}
	first.Lift(t)
	winner, loser := one, two
	if strings.Contains(ways[1].Contact, first.Phone.Addr().String()) {
		winner, loser = two, one
	}
	h.until(winner, call.EvAnswered)
	h.does(h.b.HangUp(t.Context(), loser, call.AnsweredElsewhere))
	h.until(loser, call.EvEnded)
	twin.Does(t, "stop", func(ctx context.Context) error {
		e, err := twin.Phone.Wait(ctx, telephone.Ended)
		if err == nil && !strings.Contains(e.Reason, "completed elsewhere") {
			t.Errorf("its CANCEL has the reason %q", e.Reason)
		}
		return err
	})
	first.PutDown(t)
	h.until(winner, call.EvEnded)
}

// A phone that is gone since it was found was not rung, and that is proven.
func TestAPhoneThatIsGone(t *testing.T) {
	t.Parallel()
	h := starts(t, newWards(t))
	first := h.Phone(t, calltest.Rings).(*handset.Handset)
	gone := pbx.RegisterSilent(t, h.freeswitch.Addr, first.Name)
	at := gone.LocalAddr().String()
	gone.Close()
	for _, w := range h.located(first.Name) {
		if !strings.Contains(w.Contact, at) {
			leg, _ := h.reaches(w, call.EvRinging)
			h.does(h.b.HangUp(t.Context(), leg, call.Cancelled))
			h.until(leg, call.EvEnded)
			office.Awaits(t, first, telephone.Ended)
		} else if _, ev := h.reaches(w, call.EvEnded); !ev.Cause.NotRung {
			t.Errorf("it ended as %+v", ev.Cause)
		}
	}
	if first.Rang() != 1 {
		t.Errorf("the other was rung %d times", first.Rang())
	}
}

// A phone that registers what FreeSWITCH reads as something else does not ring whom it likes: one phone is rung, as without the key.
func TestAPhoneRegistersSomethingElse(t *testing.T) {
	t.Parallel()
	h := starts(t, newWards(t))
	for _, more := range []string{":_:user/101", "|user/101", ",user/101", "'", "$a", "[a=b]"} {
		p := h.Phone(t, calltest.Rings).(*handset.Handset)
		pbx.RegisterAs(t, h.freeswitch.Addr, p.Name, p.Name+"@127.0.0.1:9;x=a"+more)
		said := h.freeswitch.Console(t, "sofia_contact */"+p.Name)
		if !strings.Contains(said, more) {
			t.Logf("FreeSWITCH makes %q of %q", said, more)
			continue
		}
		if ways := h.located(p.Name); len(ways) != 1 || ways[0].Phone {
			t.Errorf("of %q is made %+v", said, ways)
		}
	}
}

// On a FreeSWITCH that is as it comes, but for the registrations that a profile keeps, both phones of an extension are found, and are
// rung as its directory says.
func TestPhonesOfAFreeSWITCHAsItComes(t *testing.T) {
	t.Parallel()
	f := pbx.StartFreeSWITCH(t, pbx.Exchange{Stock: true, Files: []pbx.File{{Name: "directory/default/ours.xml", Text: theirs("ward", "101")}}})
	f.Kill()
	edit(t, f, "sip_profiles/internal.xml", strings.NewReplacer(`<!--<param name="multiple-registrations" value="contact"/>-->`,
		`<param name="multiple-registrations" value="contact"/><param name="accept-blind-reg" value="true"/>`).Replace)
	f.Start(t)
	for range 2 {
		pbx.RegisterSilent(t, f.Addr, "101")
	}
	b, err := esl.New(esl.Config{Name: "fs", Address: f.Socket.String(), Password: f.Password, EveryPhone: true}, esl.Deps{Origin: identity.Origin{Installation: "suite", Node: "n1"}})
	if err != nil {
		t.Fatal(err)
	}
	h := &hand{t: t, b: b, told: make(chan call.LegEvent, 100)}
	h.does(b.Start(t.Context(), h, nil))
	t.Cleanup(func() { _ = b.Stop(context.Background()) })
	ways := h.located("101")
	domain := f.Console(t, "global_getvar domain")
	for _, w := range ways {
		for _, want := range []string{`"sip_invite_domain":"` + domain + `"`, `"presence_id":"101@` + domain + `"`, `"force_transfer_context":"ward"`} {
			if !w.Phone || !strings.Contains(w.Contact, want) {
				t.Errorf("%+v has not %s", w, want)
			}
		}
	}
	if len(ways) != 2 {
		t.Errorf("%d are found, of %q", len(ways), f.Console(t, "sofia_contact */101"))
	}
}

// A phone that is one of several transfers within the context of its user, as one that is dialled by its extension does.
func TestOneOfSeveralKeepsItsContext(t *testing.T) {
	t.Parallel()
	w := newWards(t, pbx.File{Name: "directory/phones/ward.xml", Text: theirs("ward", "301")}, pbx.File{Name: "dialplan/ward.xml", Text: inWard})
	h := starts(t, w)
	first := &handset.Handset{Name: "301", At: "301", Hz: 600, Patience: patience, Realm: w.freeswitch.Addr.String()}
	h.registers(t, first, calltest.Answers)
	h.Twin(t, first, calltest.Answers)
	ways := h.located(first.Name)
	if len(ways) != 2 {
		t.Fatalf("%+v", ways)
	}
	leg, _ := h.reaches(ways[0], call.EvAnswered)
	if said := h.freeswitch.Console(t, "uuid_transfer "+leg+" 777"); !strings.HasPrefix(said, "+OK") {
		t.Fatal(said)
	}
	pbx.Eventually(t, patience, "it is in its context", func() bool { return h.getvar(leg, "is_in") == "ward" })
	h.does(h.b.HangUp(t.Context(), leg, call.Completed))
	h.until(leg, call.EvEnded)
}

// inWard is the dialplan of a context of its own.
const inWard = `<include>
<context name="ward"><extension name="all"><condition field="destination_number" expression="^777$">
<action application="set" data="is_in=ward"/>
<action application="park"/>
</condition></extension></context>
</include>
`
