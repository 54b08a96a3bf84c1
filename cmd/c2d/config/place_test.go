package config

import (
	"testing"

	"c2d/adapters/ari"
	"c2d/adapters/esl"
)

// TestPlace: one phone system is recognised however its address is written.
func TestPlace(t *testing.T) {
	freeswitch := func(address string) Backend { return Backend{FreeSWITCH: &esl.Config{Address: address}} }
	asterisk := func(url string) Backend { return Backend{Asterisk: &ari.Config{URL: url}} }
	for _, c := range []struct {
		a, b Backend
		same bool
	}{
		{freeswitch("localhost:8021"), freeswitch("127.0.0.1:8021"), true},
		{freeswitch("LocalHost.:8021"), freeswitch("[::1]:8021"), true},
		{freeswitch("[::ffff:10.0.0.1]:8021"), freeswitch("10.0.0.1:8021"), true},
		{freeswitch("PBX.example:8021"), freeswitch("pbx.example:8021"), true},
		{freeswitch("127.0.0.1:8021"), freeswitch("127.0.0.2:8021"), false},
		{freeswitch("127.0.0.1:8021"), freeswitch("127.0.0.1:8022"), false},
		{asterisk("http://localhost:8088/ari"), asterisk("http://127.0.0.1:8088/ari/"), true},
		{asterisk("https://pbx.example/ari"), asterisk("https://PBX.example:443/ari"), true},
		{asterisk("http://127.0.0.1:8088/ari"), asterisk("http://127.0.0.1:8088/other"), false},
		{asterisk("http://127.0.0.1:8088/ari"), asterisk("http://127.0.0.1:8089/ari"), false},
	} {
		_, a, _ := c.a.Place()
		_, b, _ := c.b.Place()
		if a == "" || (a == b) != c.same {
			t.Errorf("%q and %q", a, b)
		}
	}
}
