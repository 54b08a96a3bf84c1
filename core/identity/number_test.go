package identity

import "testing"

func TestUserNumber(t *testing.T) {
	for address, want := range map[string]string{"120": "120", "1-20": "1-20", "sip:120@h": "120", "SIPS:120;a=b@h": "120", "tel:+86120;x=y": "+86120", "120@h": "120"} {
		if got, ok := UserNumber(address); !ok || got != want {
			t.Errorf("%s: %q, %v", address, got, ok)
		}
	}
	for _, address := range []string{"", "sip:mary@h", "http:120", "mary", "sip:@120"} {
		if got, ok := UserNumber(address); ok {
			t.Errorf("%s is the number %q", address, got)
		}
	}
}
