package esl

import (
	"bytes"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"c2d/adapters/esl/freeswitchtest"
	"c2d/core/call"
	"c2d/core/call/calltest"
	"c2d/core/fault"
	"c2d/core/identity"
)

const (
	oneContact   = "sofia/internal/sip:101@10.0.0.7:5060"
	otherContact = "sofia/internal/sip:101@10.0.0.8:5060"
)

// behind are contacts as phones and FreeSWITCH write them: over TCP, behind NAT, of a browser, by way of a proxy.
var behind = []string{
	oneContact, "sofia/internal/sip:101@10.0.0.7:5060;transport=tcp", "sofia/internal-2/sip:*101+2@ward.example;ob",
	"sofia/internal/sip:a1b2@df7jal23ls0d.invalid;transport=ws;fs_nat=yes;fs_path=sip%3Aa1b2%40203.0.113.9%3A4711%3Btransport%3Dws",
	"sofia/external/sip:101@10.0.0.7:5060;alias=10.1.1.1~4711~2;gr=urn:uuid:00000000-0000-1000-8000-0004F2000101",
}

// hostile are what a phone could register to ring somebody else, or to have FreeSWITCH do something.
var hostile = []string{
	"sofia/internal/sip:101@10.0.0.7?X-Evil=1", "sofia/internal/sip:101@10.0.0.7|user/102", "sofia/internal/sip:101@10.0.0.7:_:user/102", "sofia/internal/sip:101@10.0.0.7:_:sofia/internal/sip:102@10.0.0.9",
	"sofia/internal/sip:101@10.0.0.7{x=y}", "{x=y}sofia/internal/sip:101@10.0.0.7", "sofia/internal/sip:101@10.0.0.7[x=y]", "[x=y]sofia/internal/sip:101@10.0.0.7", "<x=y>sofia/internal/sip:101@10.0.0.7",
	"sofia/internal/sip:'101'@10.0.0.7", `sofia/internal/sip:"101"@10.0.0.7`, `sofia/internal/sip:101\@10.0.0.7`, "sofia/internal/sip:101 @10.0.0.7", "sofia/internal/sip:101@10.0.0.7 &system(id)",
	"sofia/internal/sip:101@10.0.0.7\t", "sofia/internal/sip:101@10.0.0.7\r\nX-Evil: 1", "sofia/internal/sip:101@10.0.0.7\x00", "sofia/internal/sip:101@10.0.0.7\x7f", "sofia/internal/sip:${system(id)}@10.0.0.7",
	"sofia/internal/sip:101@10.0.0.7;fs_path=sip%0d%0aX-Evil", "sofia/internal/sip:101@10.0.0.7%250d", "sofia/internal/sip:101@10.0.0.7%", "sofia/internal/sip:%{x}@10.0.0.7", "sofia/internal/sip:101@10.0.0.7%3FX-Evil",
	"sofia/internal/sip:101@10.0.0.7^102", "sofia/internal/sip:101@10.0.0.7&park()", "sofia/internal/sip:101@10.0.0.7/102", "sofia/internal/sip:１０１@10.0.0.7", "sofia/internal/sip:101@10.0.0.7\u2028",
	"sofia/gateway/sip:1900@carrier", "sofia/gateway/hospital/1900", "user/102", "loopback/102/default", "sofia/internal/101@10.0.0.7", "error/user_busy", "sofia/internal/sip:", "b",
	"sofia/internal/sip:101@" + strings.Repeat("a", longURI),
}

func TestContacts(t *testing.T) {
	for _, c := range behind {
		if !(registered{Contact: c}).sound() {
			t.Errorf("%q is refused", c)
		}
	}
	b := backend(t, nil)
	for _, c := range hostile {
		o := order1("101", "Harry", "102")
		o.Way.Contact = registered{Contact: c}.encode()
		if _, err := b.Prepare(t.Context(), o); !fault.Is(err, fault.CodeBadCharacter) {
			t.Errorf("%q is dialled: %v", c, err)
		}
	}
}

// FuzzContact: whatever the store gives back as a contact is refused, or is read by FreeSWITCH as one phone and the variables that
// a directory may add.
func FuzzContact(f *testing.F) {
	for _, c := range slices.Concat(behind, hostile) {
		f.Add(registered{Contact: c, With: map[string]string{"presence_id": "101@h"}}.encode())
		f.Add(registered{Contact: oneContact, With: map[string]string{"presence_id": c, c: "x"}}.encode())
	}
	f.Add("{")
	b := backend(f, nil)
	f.Fuzz(func(t *testing.T, stored string) {
		o := order1("101", "Harry", "102")
		plainly, err := b.originate(o)
		if err != nil {
			t.Fatal(err)
		}
		o.Way.Contact = stored
		text, err := b.originate(o)
		if err != nil {
			if !fault.Is(err, fault.CodeBadCharacter) {
				t.Error(err)
			}
			return
		}
		ours, _ := freeswitchtest.ReadOriginate(plainly)
		got, ok := freeswitchtest.ReadOriginate(text)
		if !ok || got.Calls != 1 || len(got.Endpoints) != 1 || got.Does != "&park()" || len(got.More) != 0 || stored != "" && !strings.HasPrefix(got.Endpoints[0], "sofia/") || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' }) {
			t.Errorf("%q is read as %+v", text, got)
		}
		maps.DeleteFunc(got.Variables, func(name, _ string) bool { return passed[name] })
		if !maps.Equal(got.Variables, ours.Variables) {
			t.Errorf("%q sets %v, without it %v", text, got.Variables, ours.Variables)
		}
	})
}

// stockUser is what FreeSWITCH says of an extension with two phones.
func stockUser() map[string]string {
	return map[string]string{
		"sofia_contact */101": oneContact + "," + otherContact, "sofia_contact */101@h": oneContact + "," + otherContact, "global_getvar domain": "h",
		"user_data 101@h param dial-string": freeswitchtest.DialString, "user_data 101@h var user_context": "default",
	}
}

// locates returns the ways to 101, and what the log tells, of a FreeSWITCH that says something.
func locates(t *testing.T, says map[string]string, set func(*Backend)) (ways []call.Way, log string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &ward{freeswitch: freeswitchtest.New(t)}
		w.freeswitch.Says = says
		b := w.Open(t).(*Backend)
		var told bytes.Buffer
		b.log = slog.New(slog.NewTextHandler(&told, nil))
		if set != nil {
			set(b)
		}
		if err := b.Start(t.Context(), make(heard, 100), nil); err != nil {
			t.Fatal(err)
		}
		var err error
		if ways, err = b.Locate(t.Context(), call.Way{Backend: "fs", Address: "101"}); err != nil {
			t.Fatal(err)
		}
		log = told.String()
	})
	return ways, log
}

// TestEveryPhoneIsAWay, with what the directory adds to a call.
func TestEveryPhoneIsAWay(t *testing.T) {
	of := func(to string) func(*Backend) {
		return func(b *Backend) {
			b.dialling = identity.NewDialling([]identity.Dial{{Match: ".*", To: to}}, defaultDial, b.cfg.Out, nil)
		}
	}
	stock := map[string]string{"presence_id": "101@h", "sip_invite_domain": "h", "force_transfer_context": "default"}
	for name, c := range map[string]struct {
		change map[string]string
		set    func(*Backend)
		with   map[string]string
	}{
		"as it comes":         {nil, nil, stock},
		"with a domain":       {map[string]string{"sofia_contact */101": "", "global_getvar domain": "another"}, of("user/{number}@h"), stock},
		"as FusionPBX has it": {map[string]string{"user_data 101@h param dial-string": "{sip_invite_domain=h,leg_timeout=30,presence_id=101@h}${sofia_contact(101@h)}", "sofia_contact 101@h": oneContact + "," + otherContact}, of("user/{number}@h"), stock},
		"bare":                {map[string]string{"user_data 101@h param dial-string": "${sofia_contact(*/${dialed_user}@${dialed_domain})}", "user_data 101@h var user_context": ""}, nil, map[string]string{"presence_id": "101@h"}},
		"encrypted":           {map[string]string{"user_data 101@h param dial-string": "{rtp_secure_media=true}${sofia_contact(*/${dialed_user}@${dialed_domain})}", "user_data 101@h var user_context": ""}, nil, map[string]string{"presence_id": "101@h", "rtp_secure_media": "true"}},
	} {
		t.Run(name, func(t *testing.T) {
			says := stockUser()
			maps.Copy(says, c.change)
			ways, log := locates(t, says, c.set)
			if len(ways) != 2 || log != "" {
				t.Fatalf("%+v, log %q", ways, log)
			}
			for i, contact := range []string{oneContact, otherContact} {
				want := call.Way{Backend: "fs", Address: "101", Phone: true, Contact: registered{contact, c.with}.encode()}
				if ways[i] != want {
					t.Errorf("%+v, want %+v", ways[i], want)
				}
				text, err := backend(t, nil).originate(call.Originate{Leg: "suite-n1-leg", Way: ways[i], RingLimit: time.Second})
				if got, ok := freeswitchtest.ReadOriginate(text); err != nil || !ok || !slices.Equal(got.Endpoints, []string{contact}) || got.Variables["presence_id"] != "101@h" {
					t.Errorf("%q is read as %+v, %v", text, got, err)
				}
			}
		})
	}
}

// TestOnePhoneRings as before, wherever more than to ring every phone is meant, or is not known to be meant.
func TestOnePhoneRings(t *testing.T) {
	const told, dial = "one phone of an extension is rung", "user_data 101@h param dial-string"
	to := func(text string) map[string]string { return map[string]string{dial: text} }
	list := func(all ...string) map[string]string {
		return map[string]string{"sofia_contact */101": strings.Join(all, ",")}
	}
	all := map[string]struct {
		change map[string]string
		log    string // is in it; empty: nothing is told
	}{
		"one phone":                 {list(oneContact), ""},
		"one that is odd":           {list(hostile[0]), ""},
		"none":                      {list("error/user_not_registered"), ""},
		"nothing is said":           {list(""), ""},
		"no mod_sofia":              {list("-ERR sofia_contact Command not found!"), told},
		"more than a ward has":      {list(slices.Repeat([]string{oneContact}, manyPhones+1)...), told},
		"do not disturb":            {to("error/user_busy"), told},
		"a forward":                 {to("loopback/102/default"), told},
		"a forward beside it":       {to("${sofia_contact(*/${dialed_user}@${dialed_domain})},sofia/gateway/hospital/1900"), told},
		"a forward after it":        {to("${sofia_contact(*/${dialed_user}@${dialed_domain})}|user/102"), told},
		"somebody else's phones":    {to("${sofia_contact(*/102@${dialed_domain})}"), told},
		"those of a longer number":  {to("${sofia_contact(*/2${dialed_user}@${dialed_domain})}"), told},
		"whoever has a name":        {to("${sofia_contact(*/${destination_number}@${dialed_domain})}"), told},
		"no user":                   {to(""), told},
		"a variable that does more": {to("{api_on_answer=system id}${sofia_contact(*/${dialed_user}@${dialed_domain})}"), told},
		"one of ours":               {to("{origination_uuid=x}${sofia_contact(*/${dialed_user}@${dialed_domain})}"), told},
		"one that is not known":     {to("{x=y}${sofia_contact(*/${dialed_user}@${dialed_domain})}"), told},
		"one with a value":          {to("{presence_id=a b}${sofia_contact(*/${dialed_user}@${dialed_domain})}"), told},
		"one that is computed":      {to("{presence_id=${x}}${sofia_contact(*/${dialed_user}@${dialed_domain})}"), told},
		"variables of a phone":      {to("[x=y]${sofia_contact(*/${dialed_user}@${dialed_domain})}"), told},
		"an odd context":            {map[string]string{"user_data 101@h var user_context": "a b"}, told},
		"an odd domain":             {map[string]string{"global_getvar domain": "h ,x"}, told},
	}
	for i, c := range hostile {
		all["hostile "+itoa(i)] = struct {
			change map[string]string
			log    string
		}{list(oneContact, c), told}
	}
	for name, c := range all {
		t.Run(name, func(t *testing.T) {
			says := stockUser()
			maps.Copy(says, c.change)
			ways, log := locates(t, says, nil)
			if len(ways) != 1 || ways[0] != (call.Way{Backend: "fs", Address: "101"}) {
				t.Errorf("%+v", ways)
			}
			if c.log == "" && log != "" || !strings.Contains(log, c.log) || strings.Contains(log, "10.0.0") {
				t.Errorf("the log tells %q, want %q", log, c.log)
			}
		})
	}
}

// TestNobodyIsAsked without the key, or for what is no extension.
func TestNobodyIsAsked(t *testing.T) {
	for name, set := range map[string]func(*Backend){
		"without the key": func(b *Backend) { b.cfg.EveryPhone = false },
		"a trunk": func(b *Backend) {
			b.dialling = identity.NewDialling([]identity.Dial{{Match: ".*", To: "sofia/gateway/hospital/{number}"}}, defaultDial, b.cfg.Out, nil)
		},
	} {
		if ways, log := locates(t, stockUser(), set); len(ways) != 1 || ways[0].Phone || log != "" {
			t.Errorf("%s: %+v, log %q", name, ways, log)
		}
	}
}

// TestAHungFreeSWITCHDelaysNobody: the way stays, within the time that there is for asking.
func TestAHungFreeSWITCHDelaysNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &ward{freeswitch: freeswitchtest.New(t)}
		var hangs atomic.Bool
		w.freeswitch.Before = func(command string) {
			if hangs.Load() {
				time.Sleep(2 * asking)
			}
		}
		r := w.starts(t)
		hangs.Store(true)
		began := time.Now()
		ways, err := r.Locate(t.Context(), call.Way{Backend: "fs", Address: "101"})
		if took := time.Since(began); err != nil || len(ways) != 1 || ways[0].Phone || took > asking {
			t.Errorf("%+v, %v after %v", ways, err, took)
		}
	})
}

// TestAPhoneThatHasMoved since it was found was not rung, and that is proven.
func TestAPhoneThatHasMoved(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		p := r.Phone(t, calltest.Rings)
		leg := r.origin.LegID()
		way := call.Way{Address: p.Address(), Phone: true, Contact: registered{Contact: "sofia/internal/sip:" + p.Address() + "@127.0.0.1:9"}.encode()}
		if err := r.Originate(t.Context(), call.Originate{Leg: leg, Way: way, RingLimit: 30 * time.Second}, nil); err != nil {
			t.Fatal(err)
		}
		if ev := r.until(leg, call.EvEnded); !ev.Cause.NotRung || p.Rang() != 0 {
			t.Errorf("%+v, and the phone rang %d times", ev.Cause, p.Rang())
		}
	})
}
