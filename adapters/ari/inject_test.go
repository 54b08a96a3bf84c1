package ari

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"c2d/core/call"
	"c2d/core/fault"
	"c2d/core/identity"
)

// nasty is what could end a value, and begin an option, a second endpoint, a variable, a function or a header.
var nasty = []string{
	"101\r\nX-Evil: 1", "101\nX: y", "101\rX: y", "101\x00", "101\x7f", "101\t", "101\u0085", "101\u2028", `101"`, `"101" <102>`, `101\`, "101<102>", "101>",
	"101&102", "101&PJSIP/102", "101|30", "101,30,g", "101;user=phone", "101;2", "${EXTEN}", "${SHELL(id)}", "101${X}", "$[1+1]", "101)", "(101", "101/n", "101/PJSIP/102",
	"101 102", " 101", "101 ", "101%0d%0aX: y", "101=1", "101^102", "101'", "101!", "101?x=y", "１０１", "101\u200b", "101\u202e", "山田", "\xff\xfe", "{number}", "{uri}",
	strings.Repeat("1", 129), "",
}

var forms = [][]identity.Dial{nil, {{Match: ".*", To: "Local/{number}@from-internal/n"}}, {{Match: ".*", To: "PJSIP/phones/{uri}"}}, {{Match: ".*", To: "PJSIP/{number}@trunk"}}}

// TestNastyAddress: none of it is dialled, in whichever form.
func TestNastyAddress(t *testing.T) {
	for _, dial := range forms {
		b := backend(t, Config{Dial: dial})
		for _, bad := range nasty {
			for _, to := range []string{bad, "tel:" + bad, "sip:" + bad, bad + "@hospital.example", "101@" + bad, "sip:101@" + bad} {
				if strings.HasSuffix(to, "101@") || to == bad+"@hospital.example" && len(bad) == 129 {
					continue // refused or not, there is nothing in it
				}
				got, err := b.channel(call.Originate{Leg: "leg", Way: call.Way{Address: to}})
				if !fault.Is(err, fault.CodeBadCharacter) && !fault.Is(err, fault.CodeInvalidNumber) {
					t.Errorf("%q is dialled as %q, %v", to, got.Endpoint, err)
				}
				if ways, err := b.Locate(t.Context(), call.Way{Address: to}); err == nil {
					t.Errorf("%q is located as %v", to, ways)
				}
			}
		}
	}
}

// oneLine is a value that can end neither itself nor its header.
var oneLine = regexp.MustCompile(`^[^\x00-\x1f\x7f"\\<>]*$`)

// TestNastyDisplay: a name and a number are refused, or arrive as they are in the four variables that are theirs.
func TestNastyDisplay(t *testing.T) {
	own := []string{"__C2D_LEG", "CALLERID(name)", "CALLERID(num)", "CONNECTEDLINE(name)", "CONNECTEDLINE(num)", transferHandling}
	for _, dial := range forms {
		b := backend(t, Config{Dial: dial})
		for _, bad := range nasty {
			for _, show := range []call.Shown{{Name: bad, Number: "102"}, {Name: "Harry", Number: bad}, {Name: bad, Number: bad}} {
				l, err := b.channel(call.Originate{Leg: "leg", Way: call.Way{Address: "101"}, Show: show, RingLimit: time.Second})
				if fault.Is(err, fault.CodeBadCharacter) {
					continue
				}
				if err != nil {
					t.Errorf("%q: %v", show, err)
				}
				if l.Variables["CALLERID(name)"] != show.Name || show.Number != "" && !identity.Dialled.MatchString(show.Number) {
					t.Errorf("%q is shown as %q", show, l.Variables)
				}
				for name, value := range l.Variables {
					if !slices.Contains(own, name) || !oneLine.MatchString(value) {
						t.Errorf("%q sets %q to %q", show, name, value)
					}
				}
				if raw, err := json.Marshal(l); err != nil || strings.ContainsAny(string(raw), "\r\n") {
					t.Errorf("%s, %v", raw, err)
				}
			}
		}
	}
}

// TestNamesOfPeople: what is only unusual is shown.
func TestNamesOfPeople(t *testing.T) {
	b := backend(t, Config{})
	for _, name := range []string{"Potter, Harry", "O'Neill; Dr.", "山田 太郎", "Łukasz & Söhne", "50 % off | ${X}", "Ward 3 (nights)", "🏥"} {
		l, err := b.channel(call.Originate{Leg: "leg", Way: call.Way{Address: "101"}, Show: call.Shown{Name: name, Number: "+8613800138000"}})
		if err != nil || l.Variables["CALLERID(name)"] != name || l.Variables["CONNECTEDLINE(num)"] != "+8613800138000" {
			t.Errorf("%q: %q, %v", name, l.Variables, err)
		}
	}
}

// TestEndpointOf is who a channel of the dialplan's has proved to be.
func TestEndpointOf(t *testing.T) {
	for name, want := range map[string]string{
		"PJSIP/101-0000002a": "101", "PJSIP/ward-3-0000002a": "ward-3", "PJSIP/anonymous-00000001": "anonymous", "SIP/101-1": "101", "PJSIP/101": "101",
		"Local/101@from-internal-0000001f;2": "101@from-internal", "DAHDI/i1/5551234-1": "i1/5551234", "PJSIP/-00000001": "", "PJSIP/": "", "PJSIP": "", "": "", "-": "", "/": "", "a/-": "",
	} {
		if got := endpointOf(name); got != want {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
	}
}
