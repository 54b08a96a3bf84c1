package registrar

import (
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
)

func uri(t *testing.T, s string) sip.Uri {
	t.Helper()
	var u sip.Uri
	if err := sip.ParseUri(s, &u); err != nil {
		t.Fatal(err)
	}
	return u
}

// TestSameURI has the examples of RFC 3261 section 19.1.4 and those of phones.
func TestSameURI(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp", true},
		{"sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", true},
		{"sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5", true},
		{"SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", false},
		{"sip:bob@biloxi.com", "sips:bob@biloxi.com", false},
		{"sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off", false},
		{"sip:harry@10.0.0.7:5062;rinstance=a", "sip:harry@10.0.0.7:5062;rinstance=b", false},
	} {
		a, b := uri(t, c.a), uri(t, c.b)
		if sameURI(a, b) != c.same || sameURI(b, a) != c.same {
			t.Errorf("%s and %s: not %v", c.a, c.b, c.same)
		}
	}
}

func FuzzContact(f *testing.F) {
	for _, s := range []string{"<sip:harry@10.0.0.7:5062;ob>;expires=60", "*", "sip:[::1]:5060;a", `"x" <sip:a%00@b>`, "<sip:@@>", "<sip:a@b;x=\"y z\">", "<sip:a@b?c=d>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if strings.ContainsAny(value, "\r\n") {
			return // the parser of messages has split lines
		}
		var h sip.ContactHeader
		var err error
		h.DisplayName, err = sip.ParseAddressValue(value, &h.Address, &h.Params)
		if err != nil || !safeContact(h.Address) {
			return
		}
		s := h.Address.String()
		if strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`<>"\`, r) }) {
			t.Errorf("%q gave the contact %q", value, s)
		}
		if !sameURI(uri(t, s), h.Address) {
			t.Errorf("%q is not the same as %q read again", value, s)
		}
		outbound(h.Params)
	})
}
