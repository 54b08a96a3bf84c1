package ari

import (
	"testing"

	"c2d/core/fault"
	"c2d/core/identity"
)

// TestWhatIsDialled is the dial string of an address: by the first rule that fits the number as C2D has it, written as the
// dialplan or the trunk wants it.
func TestWhatIsDialled(t *testing.T) {
	small := []identity.Dial{{Match: "^[0-9]{3,5}$", To: "PJSIP/{number}"}, {Match: `^\+`, To: "PJSIP/{number}@trunk"}, {Match: "@", To: "PJSIP/phones/{uri}"}}
	plan := []identity.Dial{{Match: ".*", To: "Local/{number}@from-internal/n"}}
	nine := identity.Format{Format: "national", Prefix: "9"}
	for _, c := range []struct {
		dial     []identity.Dial
		out      identity.Format
		to, want string
	}{
		{nil, identity.Format{}, "101", "PJSIP/101"},
		{nil, identity.Format{}, "sip:harry@hospital.example", "PJSIP/harry"},
		{small, identity.Format{}, "101", "PJSIP/101"},
		{small, identity.Format{}, "tel:+8613800138000", "PJSIP/+8613800138000@trunk"},
		{small, identity.Format{Format: "digits"}, "+8613800138000", "PJSIP/8613800138000@trunk"},
		{small, identity.Format{}, "sip:harry@192.0.2.1:5062", "PJSIP/phones/sip:harry@192.0.2.1:5062"},
		{plan, nine, "101", "Local/101@from-internal/n"},
		{plan, nine, "10086", "Local/10086@from-internal/n"},
		{plan, nine, "+8613800138000", "Local/913800138000@from-internal/n"},
	} {
		b := backend(t, Config{Dial: c.dial, Out: c.out})
		if got, err := b.endpoint(c.to); err != nil || got != c.want {
			t.Errorf("%s by %v, %v is %q, %v; want %q", c.to, c.dial, c.out, got, err, c.want)
		}
	}
}

// TestNothingElseIsDialled is what could begin an option, a second endpoint, a variable or a header.
func TestNothingElseIsDialled(t *testing.T) {
	b := backend(t, Config{})
	for _, to := range []string{"101&102", "101,20,g", "101/n", "101 102", "101\r\nX: y", "${EXTEN}", "101;user=phone", `"101"`, "sip:", "", "１０１"} {
		if got, err := b.endpoint(to); !fault.Is(err, fault.CodeBadCharacter) && !fault.Is(err, fault.CodeInvalidNumber) {
			t.Errorf("%q is dialled as %q, %v", to, got, err)
		}
	}
}

// TestNoPartOfTheDialplanIsDialled: through the dialplan a letter may be where Asterisk itself goes when somebody hangs up.
func TestNoPartOfTheDialplanIsDialled(t *testing.T) {
	plan := []identity.Dial{{Match: "^ward", To: "Local/w-{number}@from-internal/n"}, {Match: ".*", To: "Local/{number}@from-internal/n"}}
	for _, out := range []identity.Format{{}, {Format: "national", Prefix: "9"}} {
		b, direct := backend(t, Config{Dial: plan, Out: out}), backend(t, Config{Out: out})
		for _, to := range []string{"a", "e", "failed", "fax", "h", "i", "o", "s", "t", "T", "talk", "H", "FAX", "sip:h@hospital.example", "-h", "h-", "f-ax", "_X.", "-_.", "-", "--"} {
			if got, err := b.endpoint(to); !fault.Is(err, fault.CodeInvalidNumber) {
				t.Errorf("%q is dialled as %q, %v", to, got, err)
			}
			if _, err := direct.endpoint(to); err != nil { // it is a name, and there may be a phone of that name
				t.Errorf("directly %q: %v", to, err)
			}
		}
		for _, to := range []string{"harry", "hh", "x", "s1", "9", "*55", "#", "101", "ward-h"} {
			if _, err := b.endpoint(to); err != nil {
				t.Errorf("%q: %v", to, err)
			}
		}
	}
}

func backend(t *testing.T, c Config) *Backend {
	t.Helper()
	c.Name = "pbx"
	b, err := New(c, Deps{National: func(number string) string { return number[len("+86"):] }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Stop(t.Context()) })
	return b
}
