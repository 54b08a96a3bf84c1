package esl

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"c2d/adapters/esl/freeswitchtest"
	"c2d/core/call"
	"c2d/core/fault"
	"c2d/core/identity"
)

// nasty is what could end a value, and begin a variable, a header, a second endpoint, an application or a command.
var nasty = []string{
	"101\r\nX-Evil: 1", "101\n\nbgapi system id", "101\nJob-UUID: x", `101\r\nX-Evil: 1`, `101\nX: y`, "101\x00", "101\x7f", "101\t", "101\u0085", "101\u2028",
	`"101" <102>`, `101\`, `101\,x=y`, "101<102>", "101>", "101,user/102", "101|user/102", "101:_:user/102", "1:_:2", ":_:", "101,x=y", "101}user/102", "}", "{x=y}", "{", "[x=y]",
	"101[x=y]", "101;fs_path=sip:evil", "101;transport=tcp", "101?X-Evil=1", "${x}", "101${system(id)}", "%{x}", "101 &system(id)", "101 102", " 101", "101 ", "101'", "''", "'a,b'",
	"^^;a=1", "101=1", "101%0d%0aX: y", "101&park()", "101/102", "１０１", "101\u200b", "101\u202e", "山田", "\xff\xfe", "{number}", "{uri}", strings.Repeat("1", 129), "",
	strings.Repeat("'", 40), `\\\\'`, "a@b", "Al: B", "101@evil.example", "sip:101@evil.example", "a, b'c' (d) & e",
}

var forms = [][]identity.Dial{nil, {{Match: ".*", To: "sofia/gateway/hospital/{number}"}}, {{Match: ".*", To: "sofia/internal/{uri}"}}}

// own are the variables that an originate may have.
var own = []string{"origination_uuid", "originate_timeout", "outbound_redirect_fatal", "send_silence_when_idle", "ignore_early_media", "api_on_pre_answer", "api_on_answer", "api_on_answer_then", "sip_auto_answer",
	"origination_caller_id_name", "origination_caller_id_number"}

// reads checks that FreeSWITCH reads out of an originate what we have meant: one phone, our own variables, nothing else.
func reads(t *testing.T, b *Backend, o call.Originate) {
	t.Helper()
	text, err := b.originate(o)
	if err != nil {
		if !fault.Is(err, fault.CodeBadCharacter) && !fault.Is(err, fault.CodeInvalidNumber) {
			t.Errorf("%q, %+v: %v", o.Way.Address, o.Show, err)
		}
		return
	}
	to, err := b.endpoint(o.Way.Address)
	if err != nil {
		t.Fatal(err)
	}
	got, ok := freeswitchtest.ReadOriginate(text)
	if !ok || got.Calls != 1 || !slices.Equal(got.Endpoints, []string{to}) || strings.ContainsAny(to, "?,|[]{}&$ \\'\"") || got.Does != "&park()" || len(got.More) != 0 {
		t.Errorf("%q is read as %+v", text, got)
	}
	for name, value := range got.Variables {
		if !slices.Contains(own, name) || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f }) || strings.ContainsAny(value, "<>\"\\;@") {
			t.Errorf("%q sets %s to %q", text, name, value)
		}
	}
	wanted, _, _ := strings.Cut(o.Show.Number, "@")
	if name, number := got.Variables["origination_caller_id_name"], got.Variables["origination_caller_id_number"]; name != shown(o.Show.Name) || number != wanted {
		t.Errorf("%q shows %q %q, want %q %q", text, name, number, shown(o.Show.Name), wanted)
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		t.Errorf("%q is more than one line", text)
	}
}

func order1(address, name, number string) call.Originate {
	return call.Originate{Leg: "suite-n1-leg", Way: call.Way{Address: address}, Show: call.Shown{Name: name, Number: number}, RingLimit: time.Second, TalkLimit: time.Hour, AutoAnswer: true}
}

// TestNothingIsInjected: whatever is dialled or shown, in whichever form.
func TestNothingIsInjected(t *testing.T) {
	for _, dial := range forms {
		b := backend(t, dial)
		for _, bad := range nasty {
			for _, to := range []string{bad, "tel:" + bad, "sip:" + bad, "101@" + bad, bad + "@hospital.example", "101" + bad} {
				reads(t, b, order1(to, "Harry", "102"))
			}
			for _, o := range []call.Originate{order1("101", bad, "102"), order1("101", "Harry", bad), order1("101", bad, bad)} {
				reads(t, b, o)
			}
		}
	}
}

// TestOneOfTwoCallsIsShownNowhere: two calls would begin, also where it only stands in what is shown.
func TestOneOfTwoCallsIsShownNowhere(t *testing.T) {
	b := backend(t, nil)
	if _, err := b.originate(order1("101", "Harry", "1:_:2")); !fault.Is(err, fault.CodeBadCharacter) {
		t.Error(err)
	}
}

// TestNamesOfPeople: what is only unusual is shown, and read as it was.
func TestNamesOfPeople(t *testing.T) {
	b := backend(t, nil)
	for name, want := range map[string]string{
		"Potter, Harry": "Potter, Harry", "O'Neill": "O'Neill", "'t Hooft, O'Brien & d'Arcy": "'t Hooft, O'Brien & d'Arcy", "山田 太郎": "山田 太郎", "Łukasz & Söhne (HNO)": "Łukasz & Söhne (HNO)",
		"Ward 3; nights": "Ward 3 nights", "  50 % off | ${X} ": "50 off X", "Al: B": "Al B", "a\\nb": "a nb", "阿·买提": "阿·买提", "🏥": "",
	} {
		text, err := b.originate(order1("101", name, "102"))
		got, ok := freeswitchtest.ReadOriginate(text)
		if err != nil || !ok || got.Variables["origination_caller_id_name"] != want {
			t.Errorf("%q is shown as %q, %v; want %q", name, got.Variables["origination_caller_id_name"], err, want)
		}
	}
}

// TestVariables are all that an originate has.
func TestVariables(t *testing.T) {
	b := backend(t, nil)
	o := order1("101", "Harry", "102")
	o.RingLimit, o.TalkLimit = 25300*time.Millisecond, time.Hour
	text, err := b.originate(o)
	got, _ := freeswitchtest.ReadOriginate(text)
	want := map[string]string{
		"origination_uuid": "suite-n1-leg", "originate_timeout": "26", "outbound_redirect_fatal": "true", "send_silence_when_idle": "-1", "ignore_early_media": "true",
		"api_on_answer_then": "sched_hangup +3626 suite-n1-leg ALLOTTED_TIMEOUT", "sip_auto_answer": "true", "origination_caller_id_name": "Harry", "origination_caller_id_number": "102",
	}
	if err != nil || !maps.Equal(got.Variables, want) {
		t.Errorf("%v, %v, want %v", got.Variables, err, want)
	}
	o.JoinTo, o.AutoAnswer, o.TalkLimit = "suite-n1-other", false, 0
	delete(want, "ignore_early_media") // the caller hears it
	delete(want, "sip_auto_answer")
	delete(want, "api_on_answer_then")
	want["api_on_pre_answer"], want["api_on_answer"] = "sched_hangup +26 suite-n1-leg NO_ANSWER", "sched_del suite-n1-leg" // its originate is over then
	text, err = b.originate(o)
	if got, _ = freeswitchtest.ReadOriginate(text); err != nil || !maps.Equal(got.Variables, want) {
		t.Errorf("%v, %v, want %v", got.Variables, err, want)
	}
}

func FuzzOriginate(f *testing.F) {
	for i, bad := range nasty {
		f.Add(bad, nasty[(i+1)%len(nasty)], nasty[(i+2)%len(nasty)])
		f.Add("101", bad, "102")
	}
	var all []*Backend
	for _, dial := range forms {
		all = append(all, backend(f, dial))
	}
	f.Fuzz(func(t *testing.T, address, name, number string) {
		for _, b := range all {
			reads(t, b, order1(address, name, number))
		}
	})
}

func backend(t testing.TB, dial []identity.Dial) *Backend {
	t.Helper()
	b, err := New(Config{Name: "fs", Dial: dial}, Deps{National: func(number string) string { return number[len("+86"):] }})
	if err != nil {
		t.Fatal(err)
	}
	return b
}
