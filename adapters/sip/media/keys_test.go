package media

import "testing"

// event is one RFC 4733 packet.
type event struct {
	ssrc, ts uint32
	code     byte
	end      bool
}

func (v event) packet() *packet {
	p := &packet{ssrc: v.ssrc, ts: v.ts, wire: make([]byte, headerSize+4)}
	p.wire[headerSize] = v.code
	if v.end {
		p.wire[headerSize+1] = 0x80
	}
	return p
}

func TestKeys(t *testing.T) {
	const far = 1 << 20
	for name, c := range map[string]struct {
		events []event
		want   string
	}{
		"one press, end thrice":          {[]event{{1, 100, 5, false}, {1, 100, 5, false}, {1, 100, 5, true}, {1, 100, 5, true}, {1, 100, 5, true}}, "5"},
		"the same key twice":             {[]event{{1, 100, 5, true}, {1, 900, 5, true}}, "55"},
		"begin lost":                     {[]event{{1, 100, 5, true}, {1, 100, 5, true}}, "5"},
		"end comes after the next press": {[]event{{1, 100, 5, false}, {1, 900, 6, false}, {1, 100, 5, true}, {1, 900, 6, true}}, "56"},
		"over the wrap of the clock":     {[]event{{1, 0xFFFFFF00, 1, true}, {1, 0x100, 2, true}}, "12"},
		"held for more than 8 s":         {[]event{{1, 100, 9, false}, {1, 100 + 0xFFFF, 9, false}, {1, 100 + 0xFFFF, 9, true}}, "9"},
		"not held: the first had ended":  {[]event{{1, 100, 9, true}, {1, 100 + 0xFFFF, 9, true}}, "99"},
		"the phone's clock began anew":   {[]event{{1, far, 1, true}, {1, 100, 2, true}}, "12"},
		"another source":                 {[]event{{1, 100, 1, true}, {2, 100, 1, true}}, "11"},
		"star, hash and letters":         {[]event{{1, 1, 10, true}, {1, 2, 11, true}, {1, 3, 12, true}, {1, 4, 15, true}}, "*#AD"},
		"a hook flash and other no keys": {[]event{{1, 1, 16, true}, {1, 2, 255, true}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var k keys
			got := ""
			for _, v := range c.events {
				if d := k.press(v.packet()); d != 0 {
					got += string(rune(d))
				}
			}
			if got != c.want {
				t.Errorf("keys %q, want %q", got, c.want)
			}
		})
	}
}

func TestAShortEventIsNone(t *testing.T) {
	var k keys
	if d := k.press(&packet{wire: make([]byte, headerSize+3)}); d != 0 {
		t.Errorf("key %q from three bytes", d)
	}
}
