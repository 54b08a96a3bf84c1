package dialog

import (
	"testing"

	"github.com/emiago/sipgo/sip"
)

func TestSessionExpires(t *testing.T) {
	for value, want := range map[string]Expires{
		"1800":                         {1800, ""},
		" 90 ; refresher = UAS ":       {90, UAS},
		"90;foo=bar;refresher=uac":     {90, UAC},
		"90;refresher=nobody":          {90, ""},
		"99999999":                     {86400, ""},
		"-1":                           {},
		"":                             {},
		"soon":                         {},
		"99999999999999999999999999":   {},
		"90;refresher=\"uac\r\nX: y\"": {90, ""},
	} {
		req := sip.NewRequest(sip.UPDATE, sip.Uri{})
		req.AppendHeader(sip.NewHeader("Session-Expires", value))
		got, ok := SessionExpires(req)
		if ok != (want.Seconds > 0) || ok && got != want {
			t.Errorf("%q: %+v, %v; want %+v", value, got, ok, want)
		}
	}
}

func TestLists(t *testing.T) {
	req := sip.NewRequest(sip.INVITE, sip.Uri{})
	req.AppendHeader(sip.NewHeader("Supported", "100rel, TIMER"))
	req.AppendHeader(sip.NewHeader("k", "gruu"))
	for token, want := range map[string]bool{"timer": true, "100rel": true, "gruu": true, "time": false, "": false} {
		if got := Lists(req, "Supported", token); got != want {
			t.Errorf("%q: %v, want %v", token, got, want)
		}
	}
}
